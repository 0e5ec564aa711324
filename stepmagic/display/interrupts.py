"""Blocks of code that an interrupt must not cut short, such as drawing an output."""

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
    """Delay an interrupt until the end of the block."""
    received: list[int] = []
    with _on_interrupt(lambda number, _: received.append(number)):
        yield
    if received:
        signal.raise_signal(received[0])


@contextlib.contextmanager
def one_interrupt() -> Iterator[None]:
    """Let the first interrupt in the block through and ignore the following ones.

    The first one leaves the block through code that cleans up; a second one, at any
    moment after the first, must not stop that.
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
    """Set the handler of interrupts in the block; only the main thread gets them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: Any = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        # None means a handler that was not set from Python.
        signal.signal(signal.SIGINT, signal.SIG_DFL if before is None else before)
