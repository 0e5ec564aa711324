"""One engine process a model and kernel: started when first asked, ended with it.

An engine lives as long as its stdin is open, and only the kernel has the other end:
it ends with the kernel, however that ends. A forked child closes its copy and uses
the parent's engine while that runs.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib.util
import json
import os
import re
import secrets
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, cast
from urllib.parse import urlsplit

from stepmagic.errors import EngineError
from stepmagic.server.local.weights import (
    Progress,
    ensure_weights,
    locate_weights,
    model_name,
)
from stepmagic.settings import Owner, kernel

_SERVER = Path(__file__).with_name("server.py")
_REPORT_EVERY_S = 0.5
_STOP_S = 3.0
_LOG_BYTES = 8192
_QUOTED_LINES = 2
_STAMPED = re.compile(r"[\d.]+ [A-Z] +(.*)")
"""A line of llama.cpp's log, as in ``0.00.008.383 E failed to load model``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """A running engine: a server on this machine that wants its key."""

    base_url: str
    """Followed by ``/chat/completions``, ``/responses`` or ``/messages``."""
    key: str = field(repr=False)
    model: str
    """The name it answers under."""
    context_tokens: int
    """Longest prompt and answer together."""
    pid: int


def engine(model: str, *, progress: Progress | None = None) -> Engine:
    """Return the engine of a model, started unless it runs.

    Blocks: about a second for ``local/smollm2``, and for its download the first time.

    Args:
        model: ``local/smollm2``, or ``local/`` and the path of a GGUF file.
        progress: Gets a line of text now and then where it takes longer. What it
            raises stops the work and passes through.

    Raises:
        EngineError: The weights or xllamacpp are missing, or the engine cannot start.
    """
    return kernel.get(Engines).start(model, progress or _show_nothing)


def stop() -> None:
    """End the engines of this process; the next question starts one again."""
    if (engines := kernel.find(Engines)) is not None:
        engines.close()


class Engines(Owner):
    """The engines that this process runs, one for each model."""

    stays_at_reset = True
    """An engine remembers nothing of a conversation, and takes a second to start."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[Path, _Running] = {}

    def start(self, model: str, show: Progress) -> Engine:
        """Return the engine of a model, started unless it runs."""
        path = locate_weights(model)
        with self._one_at_a_time(show):
            running = self._running.get(path)
            if running is not None and running.is_alive():
                return running.engine
            if running is not None:
                del self._running[path]
                show(f"the engine has ended ({running.close()}); starting it again")
            if importlib.util.find_spec("xllamacpp") is None:
                message = (
                    "the embedded engine is not installed: pip install "
                    '"stepmagic[local]"'
                )
                raise EngineError(message)
            ensure_weights(path, show)
            self._running[path] = _Running(path, show)
            return self._running[path].engine

    @contextlib.contextmanager
    def _one_at_a_time(self, show: Progress) -> Iterator[None]:
        lock = self._lock
        while not lock.acquire(timeout=_REPORT_EVERY_S):
            show("waiting for the engine, which is being started")
        try:
            yield
        finally:
            lock.release()

    def close(self) -> None:
        """End the engines."""
        while self._running:
            self._running.popitem()[1].close()

    def lend(self) -> None:
        """Give up the pipes, in a forked child; the parent's engines stay as they are.

        The lock is new: a thread that held it is not in the child.
        """
        self._lock = threading.Lock()
        for running in self._running.values():
            running.lend()


class _Running:
    """An engine's process and the pipes to it."""

    def __init__(self, path: Path, progress: Progress) -> None:
        """Start the process and wait until it answers."""
        self._process = subprocess.Popen(  # noqa: S603 - this Python, our own file
            [sys.executable, "-P", str(_SERVER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # A buffer would hold a lock, which a forked child could find taken.
            bufsize=0,
            # Interrupting a kernel sends the signal to its entire process group.
            start_new_session=True,
        )
        self._stdin = cast("IO[bytes]", self._process.stdin)
        self._answer = _Reader(cast("IO[bytes]", self._process.stdout))
        self._log = _Reader(cast("IO[bytes]", self._process.stderr))
        self._is_borrowed = False
        try:
            self.engine = self._start(path, progress)
        except BaseException:
            self._process.kill()
            self.close()
            raise

    def _start(self, path: Path, progress: Progress) -> Engine:
        name, key = model_name(path), secrets.token_urlsafe(32)
        order = json.dumps({"path": str(path), "name": name, "key": key})
        with contextlib.suppress(BrokenPipeError):
            self._stdin.write(f"{order}\n".encode())
        began = time.monotonic()
        while not self._answer.has_line.wait(_REPORT_EVERY_S):
            progress(f"starting {name}: {time.monotonic() - began:.1f} s")
        if not self._answer.tail:
            message = (
                f"the engine could not start with {str(path)!r} ({self._how_ended()}):"
            )
            raise EngineError("\n  ".join([message, *self._log.reasons()]))
        ready = json.loads(self._answer.tail)
        return Engine(
            base_url=f"{ready['url']}/v1",
            key=key,
            model=name,
            context_tokens=ready["context_tokens"],
            pid=self._process.pid,
        )

    def is_alive(self) -> bool:
        """Whether it can be asked."""
        if not self._is_borrowed:
            return self._process.poll() is None
        # Only the parent can wait for its child; any other process has to knock.
        address = urlsplit(self.engine.base_url)
        with (
            contextlib.suppress(OSError),
            socket.create_connection((address.hostname, address.port)),
        ):
            return True
        return False

    def close(self) -> str:
        """End the process, if this process started it; return its exit status."""
        if self._is_borrowed:
            return "with the process that started it"
        self._stdin.close()
        how = self._how_ended()
        self._answer.close()
        self._log.close()
        return how

    def lend(self) -> None:
        """Give up the pipes, in a forked child; the parent's stay as they are."""
        self._is_borrowed = True
        for pipe in (self._stdin, self._answer.pipe, self._log.pipe):
            pipe.close()
        # Popen warns of a process that is dropped before it was seen to end.
        self._process.returncode = 0

    def _how_ended(self) -> str:
        try:
            code = self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        return f"exit code {code}" if code >= 0 else f"killed by signal {-code}"


class _Reader:
    """Reads a pipe in a background thread and keeps the last part of the output."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self.pipe = pipe
        self.tail = b""
        self.has_line = threading.Event()
        """Set when a line was received, and at the end of the output."""
        self._thread = threading.Thread(
            target=self._read, name="stepmagic-engine", daemon=True
        )
        self._thread.start()

    def _read(self) -> None:
        while chunk := os.read(self.pipe.fileno(), _LOG_BYTES):
            self.tail = (self.tail + chunk)[-_LOG_BYTES:]
            if b"\n" in chunk:
                self.has_line.set()
        self.has_line.set()

    def reasons(self) -> list[str]:
        """Return why the process ended: llama.cpp's first errors, Python's last."""
        self._thread.join(_STOP_S)
        errors, others = [], []
        for line in self.tail.decode("utf-8", "replace").splitlines():
            stamped = _STAMPED.fullmatch(line)
            if stamped:
                errors.append(stamped[1])
            else:
                others.append(line)
        distinct = list(dict.fromkeys(errors))
        return distinct[:_QUOTED_LINES] + others[-_QUOTED_LINES:]

    def close(self) -> None:
        """Close the pipe of an ended process."""
        self._thread.join(_STOP_S)
        self.pipe.close()


def _show_nothing(_: str) -> None:
    """Ignore a line of progress."""


def _after_fork() -> None:
    if (engines := kernel.find(Engines)) is not None:
        engines.lend()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
atexit.register(stop)
