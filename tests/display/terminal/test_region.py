"""The part of a screen that is repainted, at any size and with or without colours."""

from __future__ import annotations

import io
import re

import pytest

from stepmagic.transcript.events import (
    PartDelta,
)
from terminal_views import (
    MIXED,
    SIZES,
    STOP,
    Drawn,
    cut,
    feed,
    printed,
    seen,
    streamed,
    thought,
    told,
)
from terminals import Terminal


def test_no_color_leaves_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    events = [*thought("Hm."), *told("# Hi\n\n`code`\n", index=1), STOP]
    with Terminal() as terminal:
        printed(*events, stream=terminal)
        assert terminal.has_colour
        lines = terminal.lines
    monkeypatch.setenv("NO_COLOR", "1")
    with Terminal() as terminal:
        printed(*events, stream=terminal)
        assert not terminal.has_colour
        assert "\x1b[2m" in terminal.getvalue()
        assert terminal.lines == lines


@pytest.mark.parametrize(("columns", "lines"), SIZES)
def test_the_history_holds_a_long_answer_once(columns: int, lines: int) -> None:
    """At no time has anything scrolled off that is not the answer's beginning."""
    whole = seen(*told(MIXED), columns=columns, lines=lines)
    with Terminal(columns, lines) as terminal:
        # Every look at a history of this length takes time.
        for number, _ in enumerate(streamed(terminal, cut(MIXED, 31))):
            if number % 8 == 0:
                above = terminal.emulator.scrolled_off
                assert above == whole[: len(above)]
        assert terminal.lines == [*whole, ""]


def test_a_terminal_may_change_its_size() -> None:
    with Terminal(60, 20) as terminal, Drawn(terminal) as view:
        feed(view, *told("word " * 20)[:-1])
        assert max(map(len, terminal.lines)) > 30
        terminal.resize(30, 20)
        feed(view, PartDelta(index=0, text="word"))
        assert max(map(len, terminal.lines)) <= 30
        terminal.resize(0, 0)
        feed(view, PartDelta(index=0, text="word"))
        assert max(map(len, terminal.lines)) > 30


class Nameless(io.StringIO):
    """A stream that says it is a terminal and has no file to ask for its size."""

    def isatty(self) -> bool:
        """Return that it is one."""
        return True


def test_a_terminal_may_tell_no_size() -> None:
    text = printed(*told("word " * 30), STOP, stream=Nameless())
    assert max(map(len, re.sub(r"\x1b\[.*?[A-Za-z]|\r", "", text).split("\n"))) == 80
