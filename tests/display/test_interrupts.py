"""Interrupts that come one after the other, at the worst moments."""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType
from typing import Any

import pytest

from stepmagic.display.interrupts import (
    interrupts_held,
    interrupts_ignored,
    one_interrupt,
)


def interrupt() -> None:
    signal.raise_signal(signal.SIGINT)


class Impatient:
    """Presses stop again at each line of a function."""

    def __init__(self, name: str) -> None:
        self.presses = 0
        self._name = name

    def __call__(self, frame: FrameType, event: str, _: object) -> Any:
        if frame.f_code.co_name != self._name:
            return None
        if event == "line":
            self.presses += 1
            interrupt()
        return self


def put_in_order(done: list[str]) -> None:
    done.append("closed")
    done.append("drawn")


def test_the_first_interrupt_passes_and_none_cuts_short_what_follows() -> None:
    done: list[str] = []
    impatient = Impatient("put_in_order")
    before = signal.getsignal(signal.SIGINT)
    tracing = sys.gettrace()
    with pytest.raises(KeyboardInterrupt), one_interrupt():
        try:
            interrupt()
        finally:
            sys.settrace(impatient)
            put_in_order(done)
            sys.settrace(tracing)
    assert (done, impatient.presses) == (["closed", "drawn"], 2)
    assert signal.getsignal(signal.SIGINT) is before


def test_inner_blocks_leave_the_rule_in_force() -> None:
    with pytest.raises(KeyboardInterrupt), one_interrupt():
        with interrupts_ignored():
            interrupt()
        try:
            with interrupts_held():
                interrupt()
                interrupt()
        finally:
            interrupt()


def test_a_block_without_an_interrupt_changes_nothing() -> None:
    with one_interrupt():
        pass
    with pytest.raises(KeyboardInterrupt):
        interrupt()


@pytest.mark.parametrize("handler", [signal.SIG_IGN, signal.SIG_DFL])
def test_what_is_no_function_stays(handler: signal.Handlers) -> None:
    before = signal.signal(signal.SIGINT, handler)
    try:
        with one_interrupt():
            assert signal.getsignal(signal.SIGINT) == handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_another_thread_gets_no_interrupts_to_handle() -> None:
    before = signal.getsignal(signal.SIGINT)
    seen: list[Any] = []

    def work() -> None:
        with one_interrupt():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]
