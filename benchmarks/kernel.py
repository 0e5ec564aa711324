"""A real kernel, and a client that reads it as a front end does.

What a front end is sent is counted as the Jupyter server sends it: whole messages, with
their headers and metadata, in the binary form that JupyterLab and Notebook 7 ask for.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import zmq
from jupyter_client.manager import KernelManager
from jupyter_server.services.kernels.connection.base import serialize_msg_to_ws_v1

_START_S = 60
_SILENCE_S = 60
"""Without a message, a cell is taken to hang."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message of the kernel, as it came."""

    kind: str
    content: bytes
    """JSON."""
    came_at: float
    """By ``time.monotonic``."""


@dataclass(slots=True)
class Ran:
    """What a cell sent to the front end."""

    bytes: int = 0
    """Of all its messages, as the websocket carries them."""
    kinds: Counter[str] = field(default_factory=Counter)
    """How many messages of each type."""
    printed: str = ""
    cpu_s: float = 0.0
    """Processor seconds of all threads of the kernel, where they were measured."""


class Kernel:
    """A running kernel."""

    def __init__(self, client: Any) -> None:
        """Take a kernel that is ready, and what speaks to it."""
        self._client = client

    def run(
        self,
        code: str,
        *,
        cell: str | None = None,
        hear: Callable[[Message], None] | None = None,
    ) -> Ran:
        """Run a cell to its end.

        Args:
            code: Its source.
            cell: The id a notebook gives it; front ends that name their cells are
                those that take patches.
            hear: Called with each message of the cell, as soon as it is read.

        Raises:
            RuntimeError: The cell failed, or fell silent.
        """
        request = self._send(code, cell)
        ran = Ran()
        while True:
            parts = self._next()
            came_at = time.monotonic()
            if json.loads(parts[2]).get("msg_id") != request:
                continue
            kind, content = json.loads(parts[1])["msg_type"], parts[4]
            ran.kinds[kind] += 1
            # The signature stays between kernel and server.
            ran.bytes += len(serialize_msg_to_ws_v1(parts[1:], "iopub"))
            if hear is not None:
                hear(Message(kind=kind, content=content, came_at=came_at))
            if kind == "stream":
                ran.printed += json.loads(content)["text"]
            if kind == "comm_open":
                self._greet(json.loads(content))
            if kind == "status" and b'"idle"' in content:
                break
        reply = self._reply(request)
        if reply["status"] != "ok":
            said = [code, ran.printed, *reply.get("traceback", [])]
            raise RuntimeError("\n".join(said))
        return ran

    def measure(
        self,
        code: str,
        *,
        cell: str | None = None,
        hear: Callable[[Message], None] | None = None,
    ) -> Ran:
        """Run a cell, and count the processor time that it takes."""
        self.run("import time as _time; _cpu = _time.process_time()")
        ran = self.run(code, cell=cell, hear=hear)
        ran.cpu_s = float(self.run("print(_time.process_time() - _cpu)").printed)
        return ran

    def _send(self, code: str, cell: str | None) -> str:
        message = self._client.session.msg(
            "execute_request",
            {
                "code": code,
                "silent": False,
                "store_history": False,
                "user_expressions": {},
                "allow_stdin": True,
                "stop_on_error": True,
            },
            metadata={"cellId": cell} if cell else {},
        )
        self._client.shell_channel.send(message)
        return str(message["header"]["msg_id"])

    def _reply(self, request: str) -> dict[str, Any]:
        while True:
            # One may be left of a cell whose messages were lost.
            message = self._client.get_shell_msg(timeout=_SILENCE_S)
            if message["parent_header"].get("msg_id") == request:
                return dict(message["content"])

    def _next(self) -> list[bytes]:
        """Return the frames of the next message, from its signature on."""
        socket = self._client.iopub_channel.socket
        if not socket.poll(1000 * _SILENCE_S):
            message = f"the kernel sent nothing for {_SILENCE_S} s"
            raise RuntimeError(message)
        return list(self._client.session.feed_identities(socket.recv_multipart())[1])

    def _greet(self, opened: dict[str, Any]) -> None:
        """Say what the page of a live view says when it comes up, if it is one."""
        if opened["data"].get("state", {}).get("greets"):
            said = {"method": "custom", "content": {"kind": "ready", "over": False}}
            content = {"comm_id": opened["comm_id"], "data": said}
            message = self._client.session.msg("comm_msg", content)
            self._client.shell_channel.send(message)


@contextmanager
def kernel(*, unread: int = 0) -> Iterator[Kernel]:
    """Start a kernel of this environment, and stop it at the end.

    Args:
        unread: How many messages may wait in the client to be read; 0 for any number.
    """
    context = zmq.Context()
    # By default what exceeds 1,000 is thrown away, and would not be counted.
    context.setsockopt(zmq.RCVHWM, unread)
    manager = KernelManager(kernel_name="python3", context=context)
    with tempfile.TemporaryDirectory() as folder:
        # What a peer writes, it writes there.
        manager.start_kernel(cwd=folder, extra_arguments=["--IPKernelApp.log_level=40"])
        client = manager.client()
        client.start_channels()
        try:
            client.wait_for_ready(timeout=_START_S)
            yield Kernel(client)
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)
            context.term()
