"""Frames of an answer: what waits, what is folded, what is said meanwhile."""

from __future__ import annotations

from notebook_views import Clock, Recorder, published, thought, told
from page import Page
from stepmagic.display.notebook.view import NotebookView
from stepmagic.errors import ServerOverloaded
from stepmagic.transcript import (
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    Usage,
)
from stepmagic.transcript.events import (
    ConfirmTool,
    Finish,
    Notice,
    PartDelta,
    PartEnd,
    PartStart,
    Retry,
    StreamEvent,
    ToolEnd,
    ToolStart,
    UsageReport,
)

__all__ = ["published"]


MODEL = "stepfun/step-3.7-flash"


def test_waiting_is_seen_and_lasts_until_text_comes(published: Recorder) -> None:
    clock = Clock()
    with NotebookView(live=True, model=MODEL, clock=clock) as view:
        view.tick()
        assert f"Waiting for {MODEL} ...</small>" in published.last["text/html"]
        clock.now_s = 3.0
        view.tick()
        assert f"Waiting for {MODEL} ... 3 s" in published.last["text/plain"]
        overloaded = ServerOverloaded("StepFun (429): busy.", retryable=True)
        view.show(Retry(attempt=2, attempts=4, wait_s=1.5, error=overloaded))
        clock.now_s = 4.0
        view.tick()
        line = "StepFun (429): busy. Trying again in 1.5 s (attempt 2 of 4)."
        assert line in published.last["text/plain"]
        view.show(Notice(text="waiting for the turn before this one"))
        clock.now_s = 5.0
        view.tick()
        assert "the turn before this one" in published.last["text/html"]
        for event in told("Hi."):
            view.show(event)
        view.show(Finish(reason="stop"))
    assert published.last["text/plain"] == "Hi."
    assert "Waiting" not in published.last["text/html"]


def test_reasoning_is_folded_and_its_last_line_seen(published: Recorder) -> None:
    clock = Clock()
    with NotebookView(live=True, clock=clock) as view:
        view.show(PartStart(index=0, part=Reasoning()))
        assert ">Thinking</summary>" in published.last["text/html"]
        clock.now_s = 1.0
        view.show(PartDelta(index=0, text=f"First.\n{'so ' * 40}$5"))
        summary = published.last["text/html"].partition("</summary>")[0]
        assert "Thinking · 1 s · ... so " in summary
        assert summary.endswith("so so <span>$</span>5")
        clock.now_s = 1.5
        view.show(PartDelta(index=0, text=". Whole sentences fit? So they"))
        summary = published.last["text/html"].partition("</summary>")[0]
        assert summary.endswith("Thinking · 2 s · Whole sentences fit? So they")
        clock.now_s = 3.2
        view.show(PartEnd(index=0, part=Reasoning(text="First.\n\nSecond.")))
        for event in [*told("Hi.", index=1), Finish(reason="stop")]:
            view.show(event)
    html = published.last["text/html"]
    assert html.count("First.") == 1
    assert "<summary " in html
    assert ">Thought for 3 s · 2 words</summary>" in html
    assert "First" not in published.last["text/plain"]
    assert "First" not in published.last["text/markdown"]


def test_a_turn_with_functions_keeps_every_round(published: Recorder) -> None:
    clock = Clock()
    call = ToolCall(id="1", name="weather", arguments='{"city": "Köln"}')
    result = ToolResult(call_id="1", name="weather", parts=(Text(text="rain"),))
    with NotebookView(live=True, clock=clock) as view:
        rounds: list[StreamEvent] = [
            *thought("I look it up."),
            PartStart(index=1, part=ToolCall(id="1", name="weather", arguments="")),
            PartDelta(index=1, text='{"city"'),
            PartEnd(index=1, part=call),
            UsageReport(usage=Usage(prompt_tokens=10, completion_tokens=1)),
            Finish(reason="tool_calls", continues=True),
            ConfirmTool(call=call),
            ToolStart(call=call),
            ToolEnd(result=result, time_s=0.1),
            *told("It *rains*."),
            UsageReport(usage=Usage(prompt_tokens=20, completion_tokens=2)),
            Finish(reason="stop"),
        ]
        lines = []
        for event in rounds:
            clock.now_s += 1
            view.show(event)
            lines.append(published.last["text/plain"])
    page = Page(published.last["text/html"])
    assert page.faults == []
    assert "weather is waiting for your confirmation." in lines
    assert "Running weather ..." in lines
    order = ["Thought", 'weather(city="Köln") · 0.1 s · rain', '"city": "Köln"']
    places = [page.text.index(words) for words in [*order, "It rains."]]
    assert places == sorted(places)
    assert "30 tokens in, 3 out" in page.text
