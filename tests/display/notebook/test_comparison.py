"""Answers side by side in a notebook: one output, a column each."""

from __future__ import annotations

from typing import Any

import pytest

from notebook_views import Clock, Recorder, published, thought, told
from page import Page
from stepmagic.display.answer import Side, headings
from stepmagic.display.notebook.comparison import NotebookComparison, turns_bundle
from stepmagic.errors import ServerOverloaded
from stepmagic.transcript import Message, Origin, Text, Turn, Usage, user
from stepmagic.transcript.events import Finish, Notice, UsageReport

# The fixture of the shell that publishes.
__all__ = ["published"]

MODEL = "stepfun/step-3.7-flash"
SIDES = [Side(model=MODEL, effort=effort) for effort in ("low", "high")]


def feed(view: NotebookComparison, number: int, *events: Any) -> None:
    for event in events:
        view.show((number, event))


@pytest.mark.parametrize(
    ("sides", "heads"),
    [
        (SIDES, ["1 · effort low", "2 · effort high"]),
        ([Side(model="a"), Side(model="b")], ["1 · a", "2 · b"]),
        ([Side(model="a"), Side(model="a")], ["1", "2"]),
        (
            [Side(model="a", effort="low"), Side(model="b", effort="high")],
            ["1 · a · effort low", "2 · b · effort high"],
        ),
        (
            [Side(model="a", effort="low"), Side(model="a")],
            ["1 · effort low", "2"],
        ),
    ],
)
def test_a_heading_says_what_tells_an_answer_apart(
    sides: list[Side], heads: list[str]
) -> None:
    assert headings(sides) == heads


def test_columns_are_one_output_that_ends_static(published: Recorder) -> None:
    with NotebookComparison(SIDES, live=True, clock=Clock(step_s=1)) as view:
        view.tick()
        assert "Waiting for stepfun" in published.last["text/html"]
        feed(view, 1, *thought("Hm."), *told("**High**."))
        feed(view, 0, *told("*Low*."))
        frame = published.last["text/html"]
        assert frame.index("<em>Low</em>") < frame.index("<strong>High</strong>")
    assert published.updates == [False] + [True] * (len(published.updates) - 1)
    assert list(published.last) == ["text/html", "text/markdown", "text/plain"]
    assert Page(published.last["text/html"]).faults == []
    text = published.last["text/plain"]
    assert text == "1 · effort low\n\nLow.\n\n2 · effort high\n\nHigh.".replace(
        "Low.", "*Low*."
    ).replace("High.", "**High**.")


def test_each_column_says_its_own_time_and_cost_when_it_is_over(
    published: Recorder,
) -> None:
    clock = Clock()
    usage = UsageReport(usage=Usage(prompt_tokens=1, cost_usd=0.25))
    with NotebookComparison(SIDES, live=True, clock=clock) as view:
        clock.now_s = 2
        feed(view, 0, *told("Low."), usage, Finish(reason="stop"))
        clock.now_s = 5
        feed(view, 1, *told("High."))
        html = published.last["text/html"]
        assert "2.0 s · <span>$</span>0.25" in html or "2.0 s" in html
        assert html.count("<footer") == 1
        feed(view, 1, usage, Finish(reason="stop"))
        clock.now_s = 9
    html = published.last["text/html"]
    assert "2.0 s" in html
    assert "5.0 s" in html
    assert "9.0 s" not in html


def test_not_live_shows_the_end_alone_and_no_time(published: Recorder) -> None:
    with NotebookComparison(SIDES, live=False, clock=Clock()) as view:
        feed(view, 0, *told("Low."), Finish(reason="stop"))
        feed(view, 1, *told("High."), Finish(reason="stop"))
        view.tick()
        assert published.bundles == []
    assert len(published.bundles) == 1
    assert "<footer" not in published.last["text/html"]


def test_a_failed_column_says_why_and_lines_below_come_once(
    published: Recorder,
) -> None:
    fault = ServerOverloaded("the server is gone")
    with NotebookComparison(SIDES, live=False, clock=Clock()) as view:
        feed(view, 0, Notice(text="Set aside.", stays=True))
        feed(view, 1, Notice(text="Set aside.", stays=True), *told("High."))
        feed(view, 0, Finish(reason="error", error=fault))
        view.conclude("")
        view.conclude("Goes on with `2`.")
    html, text = published.last["text/html"], published.last["text/plain"]
    assert "No answer was received: the server is gone" in html
    assert html.count("Set aside.") == 1
    assert "<code>2</code>" in html
    assert text.endswith("Set aside.\n\nGoes on with `2`.")


def test_an_interrupt_closes_the_columns_that_were_open(published: Recorder) -> None:
    with (
        pytest.raises(KeyboardInterrupt),
        NotebookComparison(SIDES, live=True, clock=Clock(step_s=1)) as view,
    ):
        feed(view, 0, *told("Low."), Finish(reason="stop"))
        feed(view, 1, *told("High."))
        raise KeyboardInterrupt
    html = published.last["text/html"]
    assert html.count("Stopped by you.") == 1
    assert html.index("Low.") < html.index("Stopped by you.")


def test_nothing_is_drawn_where_nothing_came(published: Recorder) -> None:
    with NotebookComparison(SIDES, live=True, clock=Clock()):
        pass
    assert published.bundles == []


def test_turns_that_are_over_are_drawn_by_whom_they_asked() -> None:
    def over(model: str) -> Turn:
        origin = Origin(protocol="chat", model=model)
        said = Message(role="assistant", parts=(Text(text=f"I am {model}."),))
        reply = Message(role="assistant", parts=said.parts, origin=origin)
        return Turn(parent=None, prompt=user("?"), replies=(reply,), status="complete")

    none = Turn(parent=None, prompt=user("?"), status="error", error="<b>no</b>")
    html = turns_bundle([over("a/<i>"), over("b"), none])["text/html"]
    assert "1 · a/&lt;i&gt;" in html
    assert "I am b." in html
    assert "<b>no" not in html
    assert Page(html).faults == []
