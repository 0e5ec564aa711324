"""A real kernel for tests: runs cells as JupyterLab does and keeps every message."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Empty
from typing import Any

from jupyter_client.manager import KernelManager

_TIMEOUT_S = 60


@dataclass(slots=True)
class Ran:
    """What came of one cell."""

    status: str = ""
    error: str = ""
    """Name and message of the exception, as the reply gives them."""
    traceback: list[str] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)

    def of(self, *kinds: str) -> list[dict[str, Any]]:
        """Return the messages of some types, in order."""
        return [m for m in self.messages if m["header"]["msg_type"] in kinds]

    @property
    def printed(self) -> str:
        """What the cell wrote to its streams."""
        return "".join(m["content"]["text"] for m in self.of("stream"))

    @property
    def shown(self) -> list[dict[str, str]]:
        """The bundles that were drawn, updates included, in order."""
        kinds = ("display_data", "update_display_data", "execute_result")
        return [m["content"]["data"] for m in self.of(*kinds)]


LASTING = """
import time
try:
    get_ipython().run_cell_magic("step", "", "Count!")
finally:
    time.sleep(0.5)
"""
"""A cell that asks, and is under way when a second interrupt comes: one that comes when
a cell is over can cost ipykernel its reply."""


class KernelUnderTest:
    """A kernel and a client of it."""

    def __init__(self, manager: Any, client: Any) -> None:
        """Take a kernel that runs."""
        self.manager = manager
        self.client = client

    def send(self, code: str, *, cell: str | None = None) -> str:
        """Ask for a cell to run; returns the id of the request."""
        message = self.client.session.msg(
            "execute_request",
            {
                "code": code,
                "silent": False,
                "store_history": True,
                "user_expressions": {},
                "allow_stdin": True,
                "stop_on_error": True,
            },
            metadata={"cellId": cell} if cell else {},
        )
        self.client.shell_channel.send(message)
        return str(message["header"]["msg_id"])

    def finish(self, request: str, ran: Ran | None = None) -> Ran:
        """Read the messages of a cell until it is over."""
        ran = ran or Ran()
        while not self.read(request, ran):
            pass
        while True:
            reply = self.client.get_shell_msg(timeout=_TIMEOUT_S)
            if reply["parent_header"].get("msg_id") == request:
                break
        content = reply["content"]
        ran.status = content["status"]
        ran.error = ": ".join(content[k] for k in ("ename", "evalue") if k in content)
        ran.traceback = content.get("traceback", [])
        return ran

    def read(self, request: str, ran: Ran) -> bool:
        """Read one message; returns whether the cell is over."""
        message = self.client.get_iopub_msg(timeout=_TIMEOUT_S)
        if message["parent_header"].get("msg_id") != request:
            return False
        ran.messages.append(message)
        state = message["content"].get("execution_state")
        return bool(message["header"]["msg_type"] == "status" and state == "idle")

    def run(self, code: str, *, cell: str | None = None) -> Ran:
        """Run a cell to its end."""
        return self.finish(self.send(code, cell=cell))

    def check(self, code: str) -> Ran:
        """Run a cell that must not fail."""
        ran = self.run(code)
        assert ran.status == "ok", "\n".join(ran.traceback)
        return ran

    def read_until(self, request: str, word: str) -> Ran:
        """Read the messages of a cell until a drawn bundle holds a word."""
        ran = Ran()
        deadline = time.monotonic() + _TIMEOUT_S
        while not any(word in str(bundle) for bundle in ran.shown):
            over = self.read(request, ran)
            assert not over, f"the cell ended without {word!r}"
            assert time.monotonic() < deadline
        return ran

    def drain(self) -> None:
        """Throw away what is left to read."""
        with_nothing_left = 0.2
        try:
            while True:
                self.client.get_iopub_msg(timeout=with_nothing_left)
        except Empty:
            pass


@contextmanager
def running_kernel(**environment: str) -> Iterator[KernelUnderTest]:
    """Start a kernel with some environment variables, and stop it at the end."""
    manager = KernelManager(kernel_name="python3")
    env = {k: v for k, v in os.environ.items() if k != "PYTEST_CURRENT_TEST"}
    manager.start_kernel(env={**env, **environment})
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=_TIMEOUT_S)
        yield KernelUnderTest(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.context.term()
