"""HTTP: one background thread with an event loop and its clients, for every request.

Owns timeouts, retries and cancellation, and decodes replies into stream events.
Must not print, display, or know conversations. The event loop belongs to the process:
a forked child makes its own.
"""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import contextlib
import json
import os
import random
import threading
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Coroutine,
    Mapping,
)
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from stepmagic.errors import (
    ConnectionFailed,
    ProtocolError,
    ServerError,
    SettingError,
    StepError,
    StreamCut,
    StreamStalled,
)
from stepmagic.keys import Key, is_loopback, may_carry_key
from stepmagic.settings import Limits
from stepmagic.transcript.events import Finish, PartDelta, Retry, StreamEvent
from stepmagic.wire.failures import error_from_response

if TYPE_CHECKING:
    import httpx

    from stepmagic.server.connections import Clients
    from stepmagic.wire.decoder import Decoder

_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 8.0
_LONGEST_RETRY_AFTER_S = 60.0


def worth_retrying(finish: Finish) -> ServerError | None:
    """Return the error if the request should be retried; else None."""
    error = finish.error
    if not isinstance(error, ServerError) or not error.retryable:
        return None
    return error if (error.retry_after_s or 0) <= _LONGEST_RETRY_AFTER_S else None


def wait_before(attempt: int, error: ServerError) -> float:
    """Return how long to wait: what the server asked, or a doubling with jitter."""
    if error.retry_after_s is not None:
        return error.retry_after_s
    most = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2 ** (attempt - 1))
    return random.uniform(most / 2, most)  # noqa: S311 - jitter, no secret


Result = TypeVar("Result")

_CLOSE_WAIT_S = 2.0
_OK = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One HTTP request."""

    url: str
    body: Mapping[str, Any] | None = None
    """JSON; None makes it a GET."""
    key: Key | None = None
    """Goes out as a bearer token, over https or to this machine only."""
    headers: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)


_QUICK = Limits(connect_s=5, idle_s=10, total_s=10, retries=0)


class Background:
    """The thread, its event loop and its HTTP clients."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._clients: dict[bool, Clients] = {}
        self._thread = threading.Thread(
            target=self.loop.run_forever, name="stepmagic", daemon=True
        )
        self._thread.start()

    def clients(self, url: str) -> Clients:
        """Return the clients for a URL; proxies of the environment skip loopback."""
        local = is_loopback(url)
        if local not in self._clients:
            # 60 ms that `%load_ext` need not spend.
            from stepmagic.server.connections import Clients  # noqa: PLC0415

            self._clients[local] = Clients(trust_env=not local)
        return self._clients[local]

    def close(self) -> None:
        """Close the connections and end the thread."""
        if self.loop.is_closed():
            return
        asyncio.run_coroutine_threadsafe(self._close(), self.loop)
        self._thread.join(_CLOSE_WAIT_S)
        if not self._thread.is_alive():
            self.loop.close()

    async def _close(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for clients in self._clients.values():
            await clients.close()
        self.loop.stop()


_background: Background | None = None
_making = threading.Lock()
"""Guards the creation of the background thread: several threads may need it first."""

_lost_to_fork: list[Background] = []
"""Loops of the parent, kept in a child so that nothing closes their sockets."""


def background() -> Background:
    """Return this process's background thread."""
    global _background  # noqa: PLW0603 - one per process is the point
    with _making:
        if _background is None:
            _background = Background()
        return _background


def _after_fork() -> None:
    global _background, _making  # noqa: PLW0603 - the child must not use the parent's
    _making = threading.Lock()
    if _background is not None:
        _lost_to_fork.append(_background)
        _background = None


def close() -> None:
    """Close every connection; the next request opens new ones."""
    global _background  # noqa: PLW0603 - one per process is the point
    if _background is not None:
        _background.close()
        _background = None


os.register_at_fork(after_in_child=_after_fork)
atexit.register(close)


def start(
    work: Coroutine[Any, Any, Result],
) -> concurrent.futures.Future[Result]:
    """Run a coroutine on the background loop."""
    return asyncio.run_coroutine_threadsafe(work, background().loop)


Opening: TypeAlias = Callable[
    [Call], contextlib.AbstractAsyncContextManager["httpx.Response"]
]
"""Yields the reply of a call."""


class Exchange:
    """One request and the events of its reply, with retries before the first token.

    ``events`` raises no ``StepError``: whatever goes wrong is in the ``Finish`` that
    ends it. To stop, cancel the task that reads it: the connection closes immediately;
    ``cut`` then ends the parts that were open.

    Args:
        call: The request; it is sent by ``events``.
        make_decoder: Makes the decoder of each attempt.
        opening: Opens the request, if not over HTTP.
    """

    def __init__(
        self,
        call: Call,
        make_decoder: Callable[[], Decoder],
        *,
        opening: Opening | None = None,
    ) -> None:
        self._call = call
        self._opening = opening or over_http
        self._make_decoder = make_decoder
        self._decoder = make_decoder()

    async def ready(self) -> None:
        """Do nothing: whether a server answers is only known from its answer."""

    async def events(self) -> AsyncGenerator[StreamEvent, None]:
        """Yield the events of the reply; the last is a ``Finish``."""
        attempts = self._call.limits.retries + 1
        for attempt in range(1, attempts + 1):
            failed = None
            begun = False
            self._decoder = self._make_decoder()
            async with contextlib.aclosing(self._attempt()) as events:
                async for event in events:
                    if isinstance(event, Finish) and not begun and attempt < attempts:
                        failed = worth_retrying(event)
                        if failed is not None:
                            break
                    begun = True
                    yield event
            if failed is None:
                return
            wait_s = wait_before(attempt, failed)
            yield Retry(
                attempt=attempt + 1, attempts=attempts, wait_s=wait_s, error=failed
            )
            await asyncio.sleep(wait_s)

    def cut(self) -> list[StreamEvent]:
        """Return the ends of the parts that were open when the reading stopped."""
        return self._decoder.cut()

    async def _attempt(self) -> AsyncGenerator[StreamEvent, None]:
        """Yield the events of one attempt; an error becomes its ``Finish``."""
        try:
            async with asyncio.timeout(self._call.limits.total_s or None):
                async with contextlib.aclosing(self._received()) as events:
                    async for event in events:
                        yield event
        except TimeoutError:
            stalled = StreamStalled(
                f"no complete answer within {self._call.limits.total_s:g} s "
                "(%config StepMagic.total_timeout_s). What was received is kept."
            )
            yield Finish(reason="error", error=stalled)
        except StepError as error:
            yield Finish(reason="error", error=error)

    async def _received(self) -> AsyncGenerator[StreamEvent, None]:
        call, decoder = self._call, self._decoder
        redact = call.key.redact if call.key else str
        async with self._opening(call) as response:
            kind = response.headers.get("content-type", "").partition(";")[0]
            if response.status_code != _OK:
                body = redact((await response.aread()).decode("utf-8", "replace"))
                raise error_from_response(response.status_code, response.headers, body)
            if kind.strip().lower() != "text/event-stream":
                body = (await response.aread()).decode("utf-8", "replace")
                for event in decoder.decode(redact(body)):
                    yield event
                return
            # With httpx, when needed.
            from httpx_sse import EventSource  # noqa: PLC0415

            from stepmagic.server.connections import CoalescedStream  # noqa: PLC0415

            # An event stream is UTF-8 whatever its header says; a BOM may come first.
            response.encoding = "utf-8-sig"
            stream = CoalescedStream.of(response)
            async for frame in EventSource(response).aiter_sse():
                for event in decoder.feed(redact(frame.data)):
                    yield event
                    if isinstance(event, PartDelta):
                        stream.coalesce()
            for event in decoder.finish():
                yield event


async def fetch_json(call: Call) -> Any:
    """Return the JSON of a reply.

    Raises:
        ServerError: The server could not be reached, refused, or sent no JSON.
    """
    redact = call.key.redact if call.key else str
    async with over_http(call) as response:
        body = redact((await response.aread()).decode("utf-8", "replace"))
        if response.status_code != _OK:
            raise error_from_response(response.status_code, response.headers, body)
        try:
            return json.loads(body)
        except ValueError as exc:
            message = f"{call.url} did not send JSON. Is base_url right?"
            raise ProtocolError(message) from exc


def look_up(url: str, key: Key | None = None) -> Any:
    """Return the JSON at a URL, or give up within seconds; blocks.

    Raises:
        ServerError: See ``fetch_json``.
    """
    return start(fetch_json(Call(url=url, key=key, limits=_QUICK))).result()


@contextlib.asynccontextmanager
async def over_http(call: Call) -> AsyncIterator[httpx.Response]:
    """Yield the reply of a call; the one place where errors of httpx become ours."""
    import httpx  # noqa: PLC0415 - see Background.clients

    limits = call.limits
    timeout = httpx.Timeout(limits.idle_s or None, connect=limits.connect_s or None)
    answered = False
    try:
        with background().clients(call.url).one() as client:
            async with client.stream(
                "GET" if call.body is None else "POST",
                call.url,
                content=None if call.body is None else _encoded(call.body),
                headers=_headers(call),
                timeout=timeout,
            ) as response:
                answered = True
                yield response
    except httpx.ReadTimeout as exc:
        message = (
            f"nothing was received for {limits.idle_s:g} s (%config "
            "StepMagic.idle_timeout_s). What was received is kept; `%step continue` "
            "continues the answer."
        )
        raise StreamStalled(message) from exc
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as exc:
        message = f"base_url makes no usable address: {call.url!r} ({exc})"
        raise ConnectionFailed(message) from exc
    except httpx.RequestError as exc:
        raise _lost(call, exc, answered=answered) from exc


def _encoded(body: Mapping[str, Any]) -> bytes:
    """Return a body as JSON in UTF-8; half of a surrogate pair becomes U+FFFD.

    Alone it has no UTF-8, and what a server makes of its escape is unpredictable (RFC
    8259, section 8.2). Two halves that follow one another are one character.
    """
    text = json.dumps(body, ensure_ascii=False)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return (
            text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
        )


def _lost(call: Call, exc: Exception, *, answered: bool) -> ServerError:
    """Return the error for a connection that failed before or after it answered."""
    import httpx  # noqa: PLC0415 - see Background.clients

    if answered:
        return StreamCut(
            "the connection was lost before the answer was finished. What was received "
            "is kept; `%step continue` continues from there."
        )
    server = httpx.URL(call.url).copy_with(path="/", query=None)
    reason = str(exc) or type(exc).__name__
    return ConnectionFailed(
        f"{server} could not be reached: {reason}. Check the network and "
        "%config StepMagic.base_url; `%step model local` needs neither.",
        retryable="CERTIFICATE" not in reason,
    )


def _headers(call: Call) -> dict[str, str]:
    headers = {"content-type": "application/json", **call.headers}
    if call.key and may_carry_key(call.url):
        if not call.key.is_sendable:
            message = (
                f"the key from {call.key.source} contains characters that a key "
                "cannot have. Enter it with `%step key`."
            )
            raise SettingError(message)
        headers["authorization"] = f"Bearer {call.key.reveal()}"
    return headers
