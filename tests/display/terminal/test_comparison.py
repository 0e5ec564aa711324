"""Answers side by side in a terminal or a pipe: one after another."""

from __future__ import annotations

import io
from typing import Any

import pytest

from stepmagic.attachments.notebook.host import Host
from stepmagic.display.answer import Side
from stepmagic.display.terminal.comparison import TerminalComparison
from stepmagic.display.view import SilentView, comparison_view_for
from stepmagic.errors import ServerOverloaded
from stepmagic.transcript.events import Finish, Notice
from terminal_views import Clock, told
from terminals import Terminal

SIDES = [Side(model="m", effort=effort) for effort in ("low", "high")]


def feed(view: TerminalComparison, number: int, *events: Any) -> None:
    for event in events:
        view.show((number, event))


def test_a_pipe_gets_one_after_another_though_they_come_together() -> None:
    stream = io.StringIO()
    low, high = told("Low ", "one."), told("High ", "one.")
    with TerminalComparison(SIDES, live=True, stream=stream) as view:
        for one, other in zip(low, high, strict=True):
            feed(view, 1, other)
            feed(view, 0, one)
        assert "High" not in stream.getvalue()
        feed(view, 1, Finish(reason="stop"))
        view.tick()
        feed(view, 0, Finish(reason="stop"))
        view.tick()
        view.conclude("`%step use 2`")
    said = stream.getvalue()
    assert said.startswith("--- 1 · effort low ---\nLow one.\n")
    assert "\n\n--- 2 · effort high ---\nHigh one.\n" in said
    assert "%step use 2" not in said


def test_each_says_how_long_it_took_itself() -> None:
    terminal, clock = Terminal(), Clock()
    with TerminalComparison(SIDES, live=True, clock=clock, stream=terminal) as view:
        clock.now = 2
        feed(view, 1, *told("High."), Finish(reason="stop"))
        clock.now = 7
        feed(view, 0, *told("Low."), Finish(reason="stop"))
        clock.now = 9
    said = terminal.getvalue()
    assert said.index("7.0 s") < said.index("High.") < said.index("2.0 s")
    assert "9.0 s" not in said


def test_a_terminal_has_the_lines_below_and_an_error_at_its_place() -> None:
    terminal = Terminal()
    fault = ServerOverloaded("the server is gone")
    with TerminalComparison(SIDES, live=True, stream=terminal) as view:
        feed(view, 0, Notice(text="Set aside.", stays=True))
        feed(view, 0, Finish(reason="error", error=fault))
        feed(view, 1, *told("High."), Finish(reason="stop"))
        view.conclude("Set aside.")
        view.conclude("")
    said = terminal.getvalue()
    assert said.index("the server is gone") < said.index("2 · effort high")
    assert said.count("Set aside.") == 1


def test_an_interrupt_prints_what_came_of_each() -> None:
    stream = io.StringIO()
    with (
        pytest.raises(KeyboardInterrupt),
        TerminalComparison(SIDES, live=True, stream=stream) as view,
    ):
        feed(view, 0, *told("Low."))
        feed(view, 1, *told("High."))
        raise KeyboardInterrupt
    assert stream.getvalue().count("---") == 4
    assert "High." in stream.getvalue()


def test_one_of_which_nothing_came_is_not_named() -> None:
    stream = io.StringIO()
    with (
        pytest.raises(KeyboardInterrupt),
        TerminalComparison(SIDES, live=False, stream=stream) as view,
    ):
        feed(view, 0, *told("Low."))
        raise KeyboardInterrupt
    assert "2 · effort high" not in stream.getvalue()


def test_a_script_draws_nothing() -> None:
    view = comparison_view_for(Host(), SIDES)
    assert isinstance(view, SilentView)
    with view:
        view.show((0, Finish(reason="stop")))
        view.tick()
        view.conclude("Nothing.")
