"""The server itself: a loopback socket, a thread, and a record of what was asked."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from openrouter_server.content import Failure, generation_id
from openrouter_server.models import KEY_INFO, model_list
from openrouter_server.script import JSON, SSE, Asked, Reply, answer
from openrouter_server.sdk_types import Protocol
from openrouter_server.streams import WRITERS
from openrouter_server.strictness import Refusal, key_refusal, refusal

KEY = "sk-or-v1-made-up-for-the-tests"

_PATHS: dict[str, Protocol] = {
    "/api/v1/chat/completions": "chat",
    "/api/v1/responses": "responses",
    "/api/v1/messages": "messages",
}
_START_S = 10.0


@dataclass(slots=True, eq=False, kw_only=True)
class Received:
    """A request as it came; times are those of ``time.monotonic``."""

    method: str
    path: str
    headers: dict[str, str]
    """Names in lower case."""
    body: Any
    """The parsed JSON; the bytes where it is none."""
    client_port: int = 0
    """Two requests from one port came over one connection."""
    received_at: float = field(default_factory=time.monotonic)
    began_at: float | None = None
    """When the first piece of the reply was about to be written, comments left out."""
    answered_at: float | None = None
    """When the last byte of the reply was written."""
    disconnected_at: float | None = None
    """When the client closed the connection before that."""
    _over: threading.Event = field(default_factory=threading.Event, repr=False)

    def wait_until_over(self, timeout_s: float = 5) -> bool:
        """Wait until the reply ended, one way or the other; False if it does not."""
        return self._over.wait(timeout_s)

    def end(self, *, is_disconnected: bool) -> None:
        """Note that the reply ended."""
        if is_disconnected:
            self.disconnected_at = time.monotonic()
        else:
            self.answered_at = time.monotonic()
        self._over.set()


class OpenRouterServer:
    """An OpenRouter look-alike on 127.0.0.1, running while its context is entered.

    It answers each request with the next reply of the script, or with ``default`` when
    there is none, provided the request is right; see ``strictness``.

        with OpenRouterServer() as server:
            server.enqueue(answer("Hello"))
            ...  # ask server.url with server.key
            assert server.requests[0].body["model"] == "stepfun/step-3.7-flash"
    """

    def __init__(self, *, key: str = KEY, send_buffer: int | None = None) -> None:
        """Bind a free port.

        Args:
            key: The one that is accepted.
            send_buffer: Bytes that may wait here for a client that does not read, about
                (SO_SNDBUF); by default what the operating system likes, which is
                megabytes.
        """
        self.key = key
        self._socket = socket.create_server(("127.0.0.1", 0))
        # Connections take the options of the socket that they came through. Without
        # TCP_NODELAY, a token may wait for the acknowledgement of the one before it.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if send_buffer is not None:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
        self._port: int = self._socket.getsockname()[1]
        self.reset()
        config = uvicorn.Config(
            self._app(), http="h11", ws="none", lifespan="off", log_level="critical"
        )
        self._uvicorn = uvicorn.Server(config)
        # Open replies end with the loop: waiting for a stalled one would take forever.
        self._uvicorn.force_exit = True
        self._thread = threading.Thread(
            target=self._uvicorn.run,
            kwargs={"sockets": [self._socket]},
            name="openrouter-server",
            daemon=True,
        )

    def reset(self) -> None:
        """Forget the script and what was asked."""
        self.requests: list[Received] = []
        self.faults: list[str] = []
        self.default: Reply = answer()
        self._script: deque[Reply] = deque()

    @property
    def url(self) -> str:
        """The base URL, ending in ``/api/v1``."""
        return f"http://127.0.0.1:{self._port}/api/v1"

    def enqueue(self, *replies: Reply) -> None:
        """Add replies to the script."""
        self._script.extend(replies)

    def __enter__(self) -> Self:
        """Start to serve."""
        self._thread.start()
        deadline = time.monotonic() + _START_S
        while not self._uvicorn.started:
            if time.monotonic() > deadline or not self._thread.is_alive():
                message = "the test server does not start"
                raise RuntimeError(message)
            time.sleep(0.005)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop; open replies are cut."""
        self._uvicorn.should_exit = True
        self._thread.join()

    def _app(self) -> Starlette:
        routes = [Route(path, self._ask, methods=["POST"]) for path in _PATHS]
        routes.append(Route("/api/v1/models", self._list_models))
        routes.append(Route("/api/v1/key", self._show_key))
        return Starlette(routes=routes)

    async def _ask(self, request: Request) -> Response:
        received = await self._record(request)
        protocol = _PATHS[received.path]
        refused = refusal(protocol, received.headers, received.body, self.key)
        if refused is not None:
            if refused.is_fault:
                where = f"{received.method} {received.path}"
                self.faults.append(f"{where}: {refused.message}")
            return _at_once(received, _refused(refused, protocol))
        reply = self._script.popleft() if self._script else self.default
        asked = Asked(
            protocol=protocol, body=received.body, generation_id=generation_id()
        )
        return _Scripted(reply, asked, received, self.faults)

    async def _list_models(self, request: Request) -> Response:
        return _at_once(await self._record(request), JSONResponse(model_list()))

    async def _show_key(self, request: Request) -> Response:
        received = await self._record(request)
        refused = key_refusal(received.headers, self.key)
        if refused is not None:
            return _at_once(received, _refused(refused, "chat"))
        return _at_once(received, JSONResponse({"data": KEY_INFO}))

    async def _record(self, request: Request) -> Received:
        data = await request.body()
        try:
            body = json.loads(data) if data else None
        except ValueError:
            body = data
        received = Received(
            method=request.method,
            path=request.url.path,
            headers=dict(request.headers),
            body=body,
            client_port=request.client.port if request.client else 0,
        )
        self.requests.append(received)
        return received


def _at_once(received: Received, response: Response) -> Response:
    """Return a reply that no script holds back."""
    received.end(is_disconnected=False)
    return response


def _refused(refused: Refusal, protocol: Protocol) -> Response:
    failure = Failure(status=refused.status, message=refused.message)
    body = WRITERS[protocol].error_body(failure)
    return JSONResponse(body, status_code=refused.status)


class _Scripted(Response):
    """A reply of the script, written event by event while the client stays."""

    def __init__(
        self, reply: Reply, asked: Asked, received: Received, faults: list[str]
    ) -> None:
        self._reply = reply
        self._asked = asked
        self._received = received
        self._faults = faults

    async def __call__(
        self,
        scope: Scope,  # noqa: ARG002 - the form of every ASGI application
        receive: Receive,
        send: Send,
    ) -> None:
        """Send the reply, or stop where the client disconnects."""
        # The body has been read, so what comes next is that the client is gone.
        leaving = asyncio.ensure_future(receive())
        sending = asyncio.ensure_future(self._send(send))
        try:
            await asyncio.wait({leaving, sending}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done() and (wrong := sending.exception()) is not None:
                self._faults.append(f"the script itself failed: {wrong!r}")
            self._received.end(is_disconnected=not sending.done())
        finally:
            leaving.cancel()
            sending.cancel()

    async def _send(self, send: Send) -> None:
        reply = self._reply
        await asyncio.sleep(reply.delay_s)
        await send(self._start())
        frames = reply.frames(self._asked)
        begun = time.monotonic()
        for number, frame in enumerate(frames):
            # Absolute times: the pace holds whatever writing costs. A pause of 0 s
            # lets the loop see that the client is gone.
            due = begun + number * reply.pace_s
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            if self._received.began_at is None and not frame.startswith(b":"):
                self._received.began_at = time.monotonic()
            await send(_part(frame, is_last=False))
        if reply.ending == "stall":
            await asyncio.Event().wait()
        if reply.ending == "complete":
            await send(_part(b"", is_last=True))
        # Left without an end, the reply is cut: uvicorn closes the connection.

    def _start(self) -> Message:
        reply, asked = self._reply, self._asked
        usual = SSE if asked.is_streamed else JSON
        headers = {
            "content-type": reply.content_type or usual,
            "cache-control": "no-cache",
            "x-generation-id": asked.generation_id,
            "access-control-expose-headers": "X-Generation-Id,X-Provider-Name",
            **reply.headers,
        }
        return {
            "type": "http.response.start",
            "status": reply.status,
            "headers": [(k.lower().encode(), v.encode()) for k, v in headers.items()],
        }


def _part(data: bytes, *, is_last: bool) -> Message:
    return {"type": "http.response.body", "body": data, "more_body": not is_last}
