"""Answers: their messages, their footer, and durations."""

from __future__ import annotations

from typing import Any

import pytest

from notebook_views import Clock, Recorder, published, told
from page import Page
from stepmagic.display.answer import Answer, format_time
from stepmagic.display.html.bundle import reply_bundle
from stepmagic.display.notebook.view import NotebookView
from stepmagic.transcript import (
    Part,
    Reasoning,
    Text,
    Usage,
)
from stepmagic.transcript.events import (
    Finish,
    UsageReport,
)

__all__ = ["published"]


MODEL = "stepfun/step-3.7-flash"


def shown(*parts: Part, **fields: Any) -> str:
    """Return the HTML of an answer without a footer, checked for what acts."""
    bundle = reply_bundle(Answer(parts=parts, **fields), footer=False)
    page = Page(bundle["text/html"])
    assert page.faults == []
    return bundle["text/html"]


def test_the_footer_says_who_and_what_it_took(published: Recorder) -> None:
    clock = Clock()
    with NotebookView(live=True, model="asked", effort="high", clock=clock) as view:
        for event in told("Hi."):
            view.show(event)
        usage = Usage(prompt_tokens=12345, completion_tokens=678, cost_usd=0.00123)
        view.show(UsageReport(usage=usage))
        clock.now_s = 65.0
        view.show(Finish(reason="stop", model=MODEL))
    page = Page(published.last["text/html"])
    took = "12,345 tokens in, 678 out · 1 min 5 s · $0.0012"
    footer = f"{MODEL} · effort high · {took} · finished"
    assert page.text.splitlines()[-1] == footer
    assert page.faults == []


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.04, "0.0 s"), (59.94, "59.9 s"), (59.96, "1 min 0 s"), (125.4, "2 min 5 s")],
)
def test_times_are_said_in_words(seconds: float, said: str) -> None:
    assert format_time(seconds) == said


@pytest.mark.parametrize(
    ("fields", "note"),
    [
        ({"reason": "length"}, "length limit. <code>%step continue</code> adds"),
        ({"reason": "content_filter"}, "content filter"),
        ({"reason": "tool_calls"}, "waiting for the results of the functions"),
        (
            {"reason": "other", "native_reason": "pause"},
            "The model stopped with the reason &#x27;pause",
        ),
        ({"status": "interrupted"}, "Stopped by you. The text so far is kept"),
        ({"status": "error", "error": "cut <b>"}, "cut off: cut &lt;b&gt;"),
        ({"status": "error"}, "The answer was cut off."),
    ],
)
def test_an_unusual_end_is_said_in_words(fields: dict[str, Any], note: str) -> None:
    assert note in shown(Text(text="Hi."), **fields)


@pytest.mark.parametrize("fields", [{"reason": "stop"}, {"reason": "other"}, {}])
def test_a_usual_end_is_not_mentioned(fields: dict[str, Any]) -> None:
    assert "sm-note" not in shown(Text(text="Hi."), **fields)


@pytest.mark.parametrize(
    ("fields", "ending"),
    [
        ({"reason": "stop"}, "finished"),
        ({"reason": "length"}, "stopped at the length limit"),
        ({"reason": "other"}, ""),
        ({"status": "running"}, ""),
        ({"status": "interrupted"}, "stopped by you"),
        ({"status": "error", "reason": "stop"}, "cut off"),
    ],
)
def test_the_footer_ends_with_the_end(fields: dict[str, Any], ending: str) -> None:
    footer = Answer(model="m", **fields).footer
    assert footer == " · ".join(filter(None, ("m", ending)))


def test_an_empty_answer_says_so() -> None:
    assert "The model sent no text." in shown(Reasoning(text="Hm."), reason="stop")
    assert "Stopped by you before any text was received." in shown(status="interrupted")
