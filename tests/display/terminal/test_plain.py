"""Answers as plain text: in pipes, files and simple terminals."""

from __future__ import annotations

import io

import pytest

from stepmagic.display.terminal.view import TerminalView
from stepmagic.errors import Interrupted
from stepmagic.transcript.events import (
    Notice,
    StreamEvent,
)
from terminal_views import (
    STOP,
    Clock,
    feed,
    printed,
    thought,
    told,
)
from terminals import Terminal


def test_a_pipe_gets_text_as_it_comes() -> None:
    stream = io.StringIO()
    with TerminalView(live=True, clock=Clock(), stream=stream) as view:
        begin, *pieces, end = told("Hello ", "*you*", ".")
        shown = []
        for event in (begin, *pieces):
            view.show(event)
            shown.append(stream.getvalue())
        feed(view, end, STOP)
    assert shown == ["", "Hello ", "Hello *you*", "Hello *you*."]
    assert stream.getvalue() == "Hello *you*.\n0.0 s · finished\n"


def test_a_pipe_gets_the_answer_alone() -> None:
    events: list[StreamEvent] = [*thought("Hm."), Notice(text="wait")]
    events += [*told("Hi.", index=1), STOP]
    assert printed(*events, live=False) == "Hi.\n"


def test_a_terminal_without_escapes_gets_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    first = [*thought("Hm.\n"), Notice(text="wait"), *told("*Hi*.", index=1)]
    with Terminal() as terminal:
        text = printed(*first, STOP, *thought("So."), *told("Yes."), stream=terminal)
    assert text == (
        "Thinking:\nHm.\nwait\n*Hi*.\nThinking:\nSo.\n\nAnswer:\nYes.\n"
        "m · 0.0 s · finished\n"
    )


def test_what_an_encoding_lacks_is_a_question_mark() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="latin-1", newline="\n")
    with TerminalView(live=False, stream=stream) as view:
        feed(view, *told("é 你 \U0001f600"), STOP)
    assert raw.getvalue() == b"\xe9 ? ?\n"


def test_an_interrupt_of_a_pipe_ends_the_line() -> None:
    stream = io.StringIO()
    with pytest.raises(Interrupted), TerminalView(live=False, stream=stream) as view:
        feed(view, *told("Half an ans")[:2], *thought("Hm")[:2])
        raise Interrupted
    assert stream.getvalue() == "Half an ans\n"
