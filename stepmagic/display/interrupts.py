"""What an interrupt must not cut short: the drawing of what stays on the screen."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any


@contextlib.contextmanager
def interrupts_ignored() -> Iterator[None]:
    """Ignore interrupts in the block."""
    with _on_interrupt(signal.SIG_IGN):
        yield


@contextlib.contextmanager
def interrupts_held() -> Iterator[None]:
    """Let an interrupt wait for the end of the block."""
    came: list[int] = []
    with _on_interrupt(lambda number, _: came.append(number)):
        yield
    if came:
        signal.raise_signal(came[0])


@contextlib.contextmanager
def one_interrupt() -> Iterator[None]:
    """Let the first interrupt in the block through, and ignore those that follow.

    What the first one stops is put in order on its way out of the block; a second one,
    at any moment from the first on, must not stop that.
    """
    before: Any = signal.getsignal(signal.SIGINT)

    def once(number: int, frame: Any) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        before(number, frame)

    with _on_interrupt(once if callable(before) else before or signal.SIG_DFL):
        yield


@contextlib.contextmanager
def _on_interrupt(
    handler: Callable[[int, Any], Any] | signal.Handlers,
) -> Iterator[None]:
    """Handle interrupts otherwise in the block; only the main thread gets them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: Any = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        # None stands for a handler that was not set from Python.
        signal.signal(signal.SIGINT, signal.SIG_DFL if before is None else before)
