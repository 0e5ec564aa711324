"""Answers as MIME bundles, and the output that is drawn again while one comes."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import start_new_kernel

from notebook_views import Clock, Recorder, published, thought, told
from page import Page
from paths import ROOT
from stepmagic.attachments.notebook.host import Host
from stepmagic.display.answer import Answer, format_time
from stepmagic.display.html.bundle import reply_bundle, turn_bundle
from stepmagic.display.notebook.frames import Frame
from stepmagic.display.notebook.view import NotebookView
from stepmagic.display.terminal.view import TerminalView
from stepmagic.display.view import SilentView, is_live, view_for
from stepmagic.errors import Interrupted, ServerOverloaded, StreamCut
from stepmagic.transcript import (
    File,
    Image,
    Message,
    Opaque,
    Part,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    Turn,
    Usage,
    Video,
    user,
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
GONE = "the server is gone"
MIMES = ["text/html", "text/markdown", "text/plain"]


def shown(*parts: Part, **fields: Any) -> str:
    """Return the HTML of an answer without a footer, checked for what acts."""
    bundle = reply_bundle(Answer(parts=parts, **fields), footer=False)
    page = Page(bundle["text/html"])
    assert page.faults == []
    return bundle["text/html"]


def test_one_output_is_drawn_again_and_ends_static(published: Recorder) -> None:
    clock = Clock()
    with NotebookView(live=True, model=MODEL, clock=clock) as view:
        for event in [*told("Some *text*."), Finish(reason="stop", model=MODEL)]:
            clock.now_s += 0.1
            view.show(event)
    assert len(published.bundles) > 5
    assert len(set(published.ids)) == 1
    assert published.ids[0] is not None
    assert published.updates == [False] + [True] * (len(published.bundles) - 1)
    for frame in published.bundles[:-1]:
        assert sorted(frame) == ["text/html", "text/plain"]
        assert Page(frame["text/html"]).faults == []
    assert sorted(published.last) == MIMES
    assert "<em>text</em>" in published.last["text/html"]
    assert published.last["text/markdown"] == "Some *text*.\n"
    assert published.last["text/plain"] == "Some *text*."


def test_not_live_shows_the_static_bundle_alone(published: Recorder) -> None:
    with NotebookView(live=False, model=MODEL) as view:
        for event in [*told("Hi."), Finish(reason="stop", model=MODEL)]:
            view.show(event)
            view.tick()
    assert [sorted(bundle) for bundle in published.bundles] == [MIMES]
    assert published.ids == [None]
    assert "<footer" not in published.last["text/html"]


def test_two_runs_give_the_same_html(published: Recorder) -> None:
    """What differs, time and cost, is left out where nobody looks on."""
    events = [*thought("Hm."), *told("Hi.", index=1)]
    for cost_usd, step_s in ((0.1, 0.5), (0.2, 3.0)):
        with NotebookView(live=False, model=MODEL, clock=Clock(step_s=step_s)) as view:
            for event in events:
                view.show(event)
            view.show(UsageReport(usage=Usage(prompt_tokens=1, cost_usd=cost_usd)))
            view.show(Finish(reason="stop"))
    assert published.bundles[0] == published.bundles[1]


def test_frames_keep_their_distance(published: Recorder) -> None:
    clock = Clock()
    with NotebookView(live=True, clock=clock) as view:
        view.show(PartStart(index=0, part=Text(text="")))
        for _ in range(1000):
            clock.now_s += 0.001
            view.show(PartDelta(index=0, text="word "))
        assert 9 <= len(published.bundles) <= 12


def test_large_frames_come_less_often(published: Recorder) -> None:
    clock = Clock()
    with NotebookView(live=True, clock=clock) as view:
        view.show(PartStart(index=0, part=Text(text="x" * 131_072)))
        # 2 x 128 KB at 512 KB/s
        assert 0.5 <= frame_time(published, view, clock) < 0.6


def test_slow_frames_come_less_often_but_come(published: Recorder) -> None:
    clock = Clock(step_s=0.04)
    with NotebookView(live=True, clock=clock) as view:
        view.show(PartStart(index=0, part=Text(text="x")))
        assert 0.2 <= frame_time(published, view, clock) < 1.0
        clock.step_s = 10.0
        view.tick()
        clock.step_s = 0.0
        assert 1.9 <= frame_time(published, view, clock) <= 2.1


def frame_time(published: Recorder, view: NotebookView, clock: Clock) -> float:
    """Return how long the next frame is in coming, in seconds."""
    drawn, begin = len(published.bundles), clock.now_s
    while len(published.bundles) == drawn:
        clock.now_s += 0.01
        view.tick()
    return clock.now_s - begin


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


def test_an_interrupt_leaves_the_static_bundle(published: Recorder) -> None:
    with pytest.raises(Interrupted), NotebookView(live=True) as view:
        for event in told("Half an ans"):
            view.show(event)
        raise Interrupted
    assert sorted(published.last) == MIMES
    assert published.last["text/plain"].startswith("Half an ans\n\nStopped by you.")


def test_a_second_interrupt_does_not_stop_the_last_drawing(
    published: Recorder,
) -> None:
    published.interrupts = True
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), NotebookView(live=True) as view:
        for event in told("Half an ans"):
            view.show(event)
        os.kill(os.getpid(), signal.SIGINT)
        signal.pause()
    assert sorted(published.last) == MIMES
    assert signal.getsignal(signal.SIGINT) is before


def test_an_error_is_said_and_raised(published: Recorder) -> None:
    with pytest.raises(ZeroDivisionError), NotebookView(live=True) as view:
        view.show(told("Half")[0])
        raise ZeroDivisionError
    assert published.last["text/plain"] == "No answer was received."


def test_an_error_that_ends_the_stream_is_said(published: Recorder) -> None:
    with NotebookView(live=True) as view:
        for event in told("Half"):
            view.show(event)
        view.show(Finish(reason="error", error=StreamCut("the stream ended.")))
    assert published.last["text/plain"] == "Half\n\nThe answer was cut off."


def test_nothing_is_drawn_for_an_error_before_the_first_event(
    published: Recorder,
) -> None:
    with pytest.raises(StreamCut), NotebookView(live=True):
        raise StreamCut(GONE)
    assert published.bundles == []


def test_a_wait_that_ends_in_an_error_does_not_stand_for_ever(
    published: Recorder,
) -> None:
    with pytest.raises(StreamCut), NotebookView(live=True) as view:
        view.tick()
        raise StreamCut(GONE)
    assert published.last["text/plain"] == "No answer was received."


def test_a_view_works_beside_the_main_thread(published: Recorder) -> None:
    def draw() -> None:
        with NotebookView(live=True) as view:
            for event in [*told("Hi."), Finish(reason="stop")]:
                view.show(event)

    thread = threading.Thread(target=draw)
    thread.start()
    thread.join()
    assert published.last["text/plain"] == "Hi."


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
            Finish(reason="tool_calls", goes_on=True),
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


def test_parts_beside_text_are_drawn_or_described() -> None:
    html = shown(
        ToolCall(id="1", name="f", arguments="not {json $5"),
        ToolResult(
            call_id="1",
            name="f",
            is_error=True,
            parts=(Text(text="<b>"), Image(media_type="image/tiff", data=b"123")),
        ),
        Video(media_type="video/mp4", data=b"1234"),
        File(url="https://example.org/a b>.pdf"),
        Opaque(kind="web_search_call"),
        Reasoning(provider_metadata={"encrypted": "x"}),
    )
    assert "not {json <span>$</span>5" in html
    assert (
        "<code>f(not {json <span>$</span>5)</code> · failed: &lt;b&gt; [image]" in html
    )
    assert "<pre>&lt;b&gt;</pre>" in html
    assert "[image: image/tiff, 3 bytes]" in html
    assert "[video: video/mp4, 4 bytes]" in html
    assert "https://example.org/a%20b%3E.pdf" in html
    assert html.count("<details") == 1


PNG = b"\x89PNG\r\n\x1a\n" + bytes(9)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF87a", "image/gif"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
    ],
)
def test_a_picture_is_shown_as_what_its_bytes_are(data: bytes, kind: str) -> None:
    html = shown(Image(media_type="image/svg+xml", data=data))
    assert f'src="data:{kind};base64,' in html


@pytest.mark.parametrize(
    "image",
    [
        Image(media_type="image/png", data=b"<svg onload=alert(1)>"),
        Image(media_type="image/png", data=b"RIFF\0\0\0\0WAVE"),
        Image(media_type="image/png", data=PNG + bytes(10_000_000)),
        Image(url="https://example.org/p.png?q=1"),
        Image(url="javascript:alert(1)"),
        Image(url="data:image/png;base64,AAAA"),
        Image(url="\ud800"),
    ],
    ids=lambda image: str(image.url or image.data)[:20],
)
def test_what_is_no_picture_is_not_shown_as_one(image: Image) -> None:
    bundle = reply_bundle(Answer(parts=(image,)), footer=False)
    assert Page(bundle["text/html"]).faults == []
    assert "<img" not in bundle["text/html"]
    assert "image" in bundle["text/plain"]
    assert "![" not in bundle["text/markdown"]


def test_texts_that_follow_each_other_are_one() -> None:
    html = shown(Text(text="one **bo"), Text(text="ld** word"))
    assert "one <strong>bold</strong> word" in html
    html = shown(Reasoning(text="a"), Reasoning(), Reasoning(text="b"), Text(text="c"))
    assert "Thought · 2 words" in html


def test_a_finished_turn_is_drawn_as_it_was_shown(published: Recorder) -> None:
    usage = Usage(prompt_tokens=5, completion_tokens=7, cost_usd=0.5)
    parts = (Reasoning(text="Hm."), Text(text="Hi *you*."))
    turn = Turn(
        parent=None,
        prompt=user("Hello"),
        replies=(Message(role="assistant", parts=parts),),
        status="complete",
        finish_reason="stop",
        usage=usage,
        model=MODEL,
        effort="low",
    )
    with NotebookView(live=False) as view:
        for event in [*thought("Hm."), *told("Hi *you*.", index=1)]:
            view.show(event)
        view.show(Finish(reason="stop"))
    assert turn_bundle(turn, footer=False) == published.last
    text = Page(turn_bundle(turn)["text/html"]).text
    assert f"{MODEL} · effort low · 5 tokens in, 7 out · $0.50" in text


def test_hostile_names_and_notices_are_text() -> None:
    answer = Answer(model="<script>", parts=(), reason="other", native_reason="<img>")
    line = "![x](https://evil.example/p.png)<b>\x1b[31m"
    frame = Frame(pieces=(), line=line, parts=()).to_bundle()
    assert Page(frame["text/html"]).faults == []
    assert "\x1b" not in frame["text/plain"]
    final = reply_bundle(answer, footer=True)
    assert Page(final["text/html"]).faults == []
    assert "<img" not in final["text/markdown"]


class Shell:
    """What a shell shows of its kernel: the request that runs the cell."""

    def __init__(self, content: dict[str, Any]) -> None:
        """Keep the content of the request."""
        self.kernel = self
        self._content = content

    def get_parent(self) -> dict[str, Any]:
        """Return the request."""
        return {"header": {}, "content": self._content}


def test_live_follows_the_mode_and_who_looks_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    front_end = Host(Shell({"allow_stdin": True}))
    assert not is_live("auto", front_end)
    assert is_live("on", front_end)
    assert not is_live("off", front_end)
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    assert is_live("auto", front_end)
    assert is_live("auto", Host(Shell({})))
    assert not is_live("auto", Host(Shell({"allow_stdin": False})))
    assert not is_live("auto", Host())


def test_a_kernel_a_terminal_and_a_script_get_views_of_their_own() -> None:
    assert isinstance(view_for(Host(Shell({}))), NotebookView)
    assert isinstance(view_for(Host(object())), TerminalView)
    with view_for(Host()) as unseen:
        unseen.show(Finish(reason="stop"))
        unseen.tick()
    assert isinstance(unseen, SilentView)


IN_KERNEL = """
from stepmagic.attachments.notebook.host import Host
from stepmagic.display.view import is_live, view_for
from stepmagic.transcript.events import Finish, PartDelta, PartEnd, PartStart
from stepmagic.transcript import Text

host = Host.find()
print(is_live("auto", host), host.request["content"]["allow_stdin"])
now = iter(range(1000))
with view_for(host, live="on", model="m", clock=lambda: next(now)) as view:
    view.show(PartStart(index=0, part=Text(text="")))
    for word in ["Some ", "*text*", "."]:
        view.show(PartDelta(index=0, text=word))
    view.show(PartEnd(index=0, part=Text(text="Some *text*.")))
    view.show(Finish(reason="stop"))
"""


def test_a_real_kernel_sends_one_output_and_updates_of_it(tmp_path: Path) -> None:
    root = ROOT
    environment = {**os.environ, "PYTHONPATH": str(root), "IPYTHONDIR": str(tmp_path)}
    manager, client = start_new_kernel(env=environment)
    try:
        messages: list[dict[str, Any]] = []
        reply = client.execute_interactive(
            IN_KERNEL, allow_stdin=False, output_hook=messages.append, timeout=60
        )
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()
    assert reply["content"]["status"] == "ok", reply["content"]
    drawn = [
        message
        for message in messages
        if message["msg_type"] in ("display_data", "update_display_data")
    ]
    kinds = [message["msg_type"] for message in drawn]
    assert kinds == ["display_data"] + ["update_display_data"] * (len(drawn) - 1)
    assert len(drawn) >= 3
    ids = {message["content"]["transient"]["display_id"] for message in drawn}
    assert len(ids) == 1
    assert sorted(drawn[-1]["content"]["data"]) == MIMES
    printed = [m["content"]["text"] for m in messages if m["msg_type"] == "stream"]
    assert printed == ["False False\n"]
