"""A real kernel that runs cells and counts its own processor time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from jupyter_client.manager import start_new_kernel


@dataclass(slots=True)
class Kernel:
    """A kernel with a client that reads every message, as a front end does."""

    client: Any
    messages: int = 0
    bytes: int = 0
    first_output_at: float | None = None
    _texts: list[str] = field(default_factory=list)

    def run(self, code: str, timeout_s: float = 300) -> str:
        """Run a cell and return the text it printed.

        Raises:
            RuntimeError: The cell failed.
        """
        self.messages = self.bytes = 0
        self.first_output_at = None
        self._texts.clear()
        reply = self.client.execute_interactive(
            code, timeout=timeout_s, output_hook=self._take, store_history=False
        )
        if reply["content"]["status"] != "ok":
            message = "\n".join([code, *reply["content"].get("traceback", [])])
            raise RuntimeError(message)
        return "".join(self._texts)

    def cpu_s(self, code: str) -> float:
        """Return the processor seconds, of all threads, that a cell takes."""
        self.run("import time as _time; _cpu = _time.process_time()")
        self.run(code)
        messages, size = self.messages, self.bytes
        spent = float(self.run("print(_time.process_time() - _cpu)"))
        self.messages, self.bytes = messages, size
        return spent

    def _take(self, message: dict[str, Any]) -> None:
        kind, content = message["header"]["msg_type"], message["content"]
        if kind == "stream":
            self._texts.append(content["text"])
        if kind in ("display_data", "update_display_data"):
            self.first_output_at = self.first_output_at or time.monotonic()
            self.messages += 1
            self.bytes += sum(len(str(form)) for form in content["data"].values())


@contextmanager
def kernel() -> Iterator[Kernel]:
    """Start a kernel of this environment, and stop it at the end."""
    manager, client = start_new_kernel(
        kernel_name="python3", extra_arguments=["--IPKernelApp.log_level=40"]
    )
    try:
        yield Kernel(client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
