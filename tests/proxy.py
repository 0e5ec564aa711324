"""A proxy before a server: passes everything on and keeps what was asked."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, Self

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

_START_S = 10.0


class RecordingProxy:
    """Passes requests on to ``target``; ``requests`` holds their paths and bodies."""

    def __init__(self, target: str) -> None:
        """Bind a free port."""
        self.requests: list[tuple[str, Any]] = []
        self._target = target
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        routes = [Route("/{path:path}", self._pass, methods=["POST"])]
        config = uvicorn.Config(
            Starlette(routes=routes), ws="none", log_level="critical"
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True
        )

    def __enter__(self) -> Self:
        """Start to serve."""
        self._thread.start()
        deadline = time.monotonic() + _START_S
        while not self._server.started:
            assert time.monotonic() < deadline, "the proxy does not start"
            time.sleep(0.01)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop."""
        self._server.should_exit = True
        self._thread.join()

    async def _pass(self, request: Request) -> Response:
        body = await request.body()
        self.requests.append((request.url.path, json.loads(body)))
        client = httpx.AsyncClient(timeout=60, trust_env=False)
        asked = client.build_request(
            "POST",
            self._target + request.url.path,
            content=body,
            headers={
                "authorization": request.headers["authorization"],
                "content-type": "application/json",
            },
        )
        reply = await client.send(asked, stream=True)

        async def passed() -> AsyncIterator[bytes]:
            async for piece in reply.aiter_raw():
                yield piece
            await reply.aclose()
            await client.aclose()

        return StreamingResponse(
            passed(),
            status_code=reply.status_code,
            media_type=reply.headers["content-type"],
        )
