"""The live view: what a page makes of its messages, who gets one, how it ends."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import comm
import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from nbclient import NotebookClient

from front_ends import Clock, Shell, run_script
from kernels import LASTING, KernelUnderTest, Ran, running_kernel
from openrouter_server import OpenRouterServer, answer, error
from page import Page
from stepmagic.attachments.notebook.host import Host
from stepmagic.display.answer import AnswerFold
from stepmagic.display.interrupts import interrupts_held
from stepmagic.display.notebook.frames import Frame, Frames
from stepmagic.display.notebook.live import LiveCanvas
from stepmagic.display.notebook.patches import (
    Patches,
    common_length,
    utf16_length,
    without_left_alignment,
)
from stepmagic.display.notebook.support import FrontEnd
from stepmagic.display.view import view_for
from stepmagic.transcript import Image, Reasoning, Text, ToolCall, ToolResult
from stepmagic.transcript.events import (
    Finish,
    PartDelta,
    PartEnd,
    PartStart,
    StreamEvent,
    ToolEnd,
    ToolStart,
)
from wires import Wire, said

VIEW = "application/vnd.jupyter.widget-view+json"
STATIC = ["text/html", "text/markdown", "text/plain"]
LONG = " ".join(f"word{number}" for number in range(400))

RICH = """\
# On \U0001f600 and \U0001f40d

Text with *emphasis*, [a link][late] and `code`; $5 \U0001f4b6.

1. one \U0001f469\u200d\U0001f680
2. two

| a | b |
|---|--:|
| \U0001f600 | 2 |

```python
print("\U0001f600")
```

> quoted

[late]: https://example.org/
"""


class Reader:
    """What ``view.js`` makes of messages, written again in Python."""

    def __init__(self) -> None:
        """Begin as a page does that has just loaded."""
        self.seq = -1
        self.lost = False
        self.pieces: list[dict[str, str]] = []
        self.line = ""

    def take(self, message: dict[str, Any]) -> None:
        """Take a message as it arrives, through JSON."""
        message = json.loads(json.dumps(message))
        follows = message["seq"] == self.seq + 1
        self.seq = message["seq"]
        if message.get("complete"):
            self.lost, self.pieces, self.line = False, [], ""
        elif not follows:
            self.lost = True
        if self.lost:
            return
        for change in message.get("pieces", []):
            self._change(change)
        self.line = message.get("line", self.line)

    def _change(self, change: dict[str, Any]) -> None:
        blank = {"around": "", "summary": "", "frozen": "", "open": ""}
        while len(self.pieces) <= change["at"]:
            self.pieces.append(dict(blank))
        piece = self.pieces[change["at"]]
        if "around" in change:
            piece.update(blank, around=change["around"])
        if "restart" in change:
            piece.update(frozen="", open="")
        piece["summary"] = change.get("summary", piece["summary"])
        piece["frozen"] += change.get("frozen", "")
        if "tail" in change:
            units = piece["open"].encode("utf-16-le")[: 2 * change["keep"]]
            piece["open"] = units.decode("utf-16-le") + change["tail"]

    @property
    def html(self) -> str:
        """The HTML that the page shows."""
        return written(self.pieces, self.line)


def written(pieces: list[dict[str, Any]], line: str) -> str:
    """Return the HTML of a page's state."""
    html = ""
    for piece in pieces:
        # The script keeps frozen HTML in fragments.
        body = "".join(piece["frozen"]) + piece["open"]
        if piece["around"]:
            opening, between, rest = piece["around"].partition("</summary>\n")
            inner = "</blockquote>" if "<blockquote>" in rest else "</details>"
            before, closing, after = rest.partition(inner)
            summary = piece["summary"] + between
            html += opening + summary + before + body + closing + after
        else:
            html += body
    return f'<div class="sm-reply">\n{html}{line}</div>'


def pieces_of(text: str, seed: int) -> Iterator[str]:
    """Cut a text at random."""
    chance = random.Random(seed)
    while text:
        size = chance.randint(1, 60)
        yield text[:size]
        text = text[size:]


def talk(seed: int) -> Iterator[StreamEvent]:
    """Yield the events of a turn with reasoning, a function, text and a picture."""
    yield PartStart(index=0, part=Reasoning())
    for piece in pieces_of(RICH, seed):
        yield PartDelta(index=0, text=piece)
    yield PartEnd(index=0, part=Reasoning(text=RICH))
    yield PartStart(index=1, part=ToolCall(id="1", name="f", arguments=""))
    yield PartDelta(index=1, text='{"a": ')
    call = ToolCall(id="1", name="f", arguments='{"a": 1}')
    yield PartEnd(index=1, part=call)
    yield Finish(reason="tool_calls")
    yield ToolStart(call=call)
    result = ToolResult(call_id="1", name="f", parts=(Text(text="\U0001f600"),))
    yield ToolEnd(result=result, time_s=0.1)
    yield PartStart(index=0, part=Text(text=""))
    for piece in pieces_of(RICH * 40, seed):
        yield PartDelta(index=0, text=piece)
    yield PartEnd(index=0, part=Text(text=RICH * 40))
    picture = Image(media_type="image/png", data=b"\x89PNG\r\n\x1a\n")
    yield PartStart(index=1, part=picture)
    yield PartEnd(index=1, part=picture)
    yield Finish(reason="stop")


def exchanged(events: Iterator[StreamEvent]) -> Iterator[tuple[Any, Frame]]:
    """Yield each frame of some events, and the message for it."""
    clock = Clock()
    fold = AnswerFold(model="m", clock=clock)
    frames, patches = Frames(fold), Patches()
    for event in events:
        fold.feed(event)
        clock.now_s += 0.05
        frame = frames.next()
        yield patches.message(frame), frame


@pytest.mark.parametrize("seed", range(3))
def test_a_page_shows_every_frame_as_it_was_drawn(seed: int) -> None:
    reader = Reader()
    repeats = 0
    for message, frame in exchanged(talk(seed)):
        if message is not None:
            reader.take(message)
            repeats += bool(message.get("complete"))
        assert reader.html == without_left_alignment(frame.to_bundle()["text/html"])
        assert not reader.lost
    assert Page(reader.html).faults == []
    assert repeats > 1


def test_a_page_that_lost_messages_is_right_again_after_a_whole() -> None:
    reader = Reader()
    chance = random.Random(1)
    right = repaired = 0
    for message, frame in exchanged(talk(1)):
        lost = reader.lost
        if message is None or (chance.random() < 0.01 and reader.seq > 0):
            continue
        reader.take(message)
        repaired += lost and not reader.lost
        if not reader.lost and message is not None:
            right += 1
            assert reader.html == without_left_alignment(frame.to_bundle()["text/html"])
    assert right
    assert repaired


def test_a_page_that_asks_gets_the_whole() -> None:
    fold = AnswerFold()
    frames, patches = Frames(fold), Patches()
    late = Reader()
    fold.feed(PartStart(index=0, part=Text(text="one")))
    patches.message(frames.next())
    fold.feed(PartDelta(index=0, text=" two"))
    message = patches.message(frames.next())
    assert message is not None
    late.take(message)
    assert late.lost
    patches.must_repeat = True
    frame = frames.next()
    message = patches.message(frame)
    assert message is not None
    late.take(message)
    assert late.html == without_left_alignment(frame.to_bundle()["text/html"])
    assert patches.message(frames.next()) is None


def test_a_part_that_ends_otherwise_is_drawn_anew() -> None:
    reader = Reader()
    events: list[StreamEvent] = [
        PartStart(index=0, part=Text(text="")),
        PartDelta(index=0, text="One.\n\nTwo.\n\nThree"),
        PartEnd(index=0, part=Text(text="Other.\n\nText.")),
        PartStart(index=1, part=Reasoning()),
        # Reasoning without a word is not shown once it is over.
        PartEnd(index=1, part=Reasoning()),
    ]
    for message, frame in exchanged(iter(events)):
        if message is not None:
            reader.take(message)
        assert reader.html == without_left_alignment(frame.to_bundle()["text/html"])
    assert "Three" not in reader.html
    assert "<details" not in reader.html


def test_pieces_that_go_are_gone() -> None:
    """No stream does this today; a page must not keep what no frame has."""
    fold = AnswerFold()
    frames, patches, reader = Frames(fold), Patches(), Reader()
    fold.feed(PartStart(index=0, part=Text(text="one")))
    fold.feed(PartStart(index=1, part=Image(url="https://example.org/")))
    for frame in (frames.next(), Frame(pieces=(), line="gone", parts=())):
        message = patches.message(frame)
        assert message is not None
        reader.take(message)
        assert reader.html == without_left_alignment(frame.to_bundle()["text/html"])


def test_repeats_cost_less_than_the_rest() -> None:
    whole = every = 0
    final = ""
    for message, frame in exchanged(talk(0)):
        size = len(json.dumps(message))
        every += size
        whole += size if message and message.get("complete") else 0
        final = frame.to_bundle()["text/html"]
    assert 0 < whole < 4 / 3 * len(json.dumps(final))
    assert whole < every / 2


@pytest.mark.parametrize(
    ("one", "other", "length"),
    [("", "", 0), ("a", "", 0), ("ab", "ac", 1), ("ab", "ab", 2), ("abc", "ab", 2)],
)
def test_common_beginnings(one: str, other: str, length: int) -> None:
    assert common_length(one, other) == length


def test_lengths_are_counted_as_javascript_does() -> None:
    assert utf16_length("a\U0001f600é") == 4
    assert utf16_length("abc") == 3


def test_the_script_makes_the_same_of_the_messages(tmp_path: Path) -> None:
    messages = [message for message, _ in exchanged(talk(2)) if message is not None]
    del messages[20], messages[5]
    reader = Reader()
    expected = []
    for message in messages:
        reader.take(message)
        expected.append([reader.lost, reader.html])
    code = """
        import { applyPatch, blankState } from "./view.js";
        const state = blankState();
        const states = given.map((message) => {
          applyPatch(state, message);
          return structuredClone(state);
        });
        console.log(JSON.stringify(states));
    """
    states = run_script(tmp_path, code, messages)
    seen = [[s["lost"], written(s["pieces"], s["line"])] for s in states]
    assert seen == expected
    assert {lost for lost, _ in seen} == {False, True}


def test_an_interrupt_waits_for_the_end_of_the_block() -> None:
    steps = []
    with pytest.raises(KeyboardInterrupt), interrupts_held():
        signal.raise_signal(signal.SIGINT)
        steps.append("to the end")
    assert len(steps) == 1


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the widgets of this process send, by comms that this process can have."""
    monkeypatch.setattr(comm, "create_comm", Wire)
    Wire.sent.clear()
    return Wire.sent


def test_a_canvas_shows_a_model_then_patches_then_the_bundle(
    bare_shell: InteractiveShell, wire: list[dict[str, Any]]
) -> None:
    known, fold = FrontEnd(), AnswerFold(model="m")
    frames = Frames(fold)
    canvas = LiveCanvas(Host(bare_shell), known)
    with capture_output() as captured:
        canvas.prepare()
        began = [canvas.began]
        assert canvas.draw(frames.next()) == 0
        began.append(canvas.began)
        fold.feed(PartStart(index=0, part=Text(text="Hi.")))
        assert canvas.draw(frames.next()) == len("<p>Hi.</p>\n")
        assert canvas.draw(frames.next()) == 0
        canvas.end({"text/html": "<p>Hi!</p>"})
    assert began == [False, True]
    first, last = (output.data for output in captured.outputs)
    assert sorted(first) == [VIEW, "text/html", "text/plain"]
    assert last == {"text/html": "<p>Hi!</p>"}
    assert Page(first["text/html"]).faults == []
    reader = Reader()
    for message in said(wire):
        reader.take(message)
    assert "<p>Hi.</p>" in reader.html
    opened = [each["comm"] for each in wire if each["kind"] == "comm_open"]
    assert first[VIEW]["model_id"] in opened


def test_a_canvas_that_was_never_used_ends_with_nothing(
    bare_shell: InteractiveShell, wire: list[dict[str, Any]]
) -> None:
    LiveCanvas(Host(bare_shell), FrontEnd()).end(None)
    assert wire == []


def test_a_model_is_closed_with_its_layout(
    bare_shell: InteractiveShell, wire: list[dict[str, Any]]
) -> None:
    known = FrontEnd()
    for _ in range(17):
        canvas = LiveCanvas(Host(bare_shell), known)
        canvas.prepare()
        # An error before anything was drawn.
        canvas.end(None)
    opened = [each["comm"] for each in wire if each["kind"] == "comm_open"]
    closed = [each["comm"] for each in wire if each["kind"] == "comm_close"]
    assert len(opened) == 34
    assert sorted(closed) == sorted(opened[:2])


def test_a_canvas_listens_to_its_pages(
    bare_shell: InteractiveShell, wire: list[dict[str, Any]]
) -> None:
    known, fold = FrontEnd(), AnswerFold(model="m")
    frames = Frames(fold)
    canvas = LiveCanvas(Host(bare_shell), known)
    with capture_output():
        canvas.prepare()
        canvas.draw(frames.next())
        model: Any = canvas._model

        def tell_model(**content: object) -> None:
            data = {"method": "custom", "content": content}
            model.comm.handle_msg({"content": {"data": data}, "buffers": []})

        answered = []
        for kind in ("unknown", "ready"):
            tell_model(kind=kind, over=False)
            answered.append(known.has_reported)
        assert answered == [False, True]
        sent = len(said(wire))
        tell_model(kind="lost")
        canvas.draw(frames.next())
        assert said(wire)[sent]["complete"]
        canvas.end({"text/html": "<p>All of it.</p>"})
        tell_model(kind="ready", over=True)
    assert said(wire)[-1]["line"] == "<p>All of it.</p>"
    follower = LiveCanvas(Host(bare_shell), known)
    follower.prepare()
    follower.end(None)
    assert "comm_close" not in [each["kind"] for each in wire]


@pytest.mark.usefixtures("bare_shell")
def test_a_canvas_gives_its_page_what_a_server_dropped(
    wire: list[dict[str, Any]],
) -> None:
    shell, fold = Shell(), AnswerFold(model="m")
    canvas = LiveCanvas(Host(shell), FrontEnd())
    bundle = {"text/html": "<p>All of it.</p>"}
    with capture_output() as captured:
        canvas.prepare()
        canvas.draw(Frames(fold).next())
        model: Any = canvas._model

        def tell_model(kind: str, session: str) -> int:
            """Return how many outputs there are after a message of a page."""
            shell.session = session
            data = {"method": "custom", "content": {"kind": kind}}
            model.comm.handle_msg({"content": {"data": data}, "buffers": []})
            return len(captured.outputs)

        for kind in ("status", "resend", "restore"):
            assert tell_model(kind, "page") == 1
        assert said(wire)[-1] == {"over": False, "sent": 1}
        canvas.end(bundle)
        assert tell_model("status", "page") == 2
        assert said(wire)[-1] == {"over": True, "sent": 1}
        # The page looks for it among its outputs before it asks for another.
        assert tell_model("final", "page") == 2
        assert said(wire)[-1] == {"final": "<p>All of it.</p>"}
        assert tell_model("resend", "page") == 3
        assert tell_model("restore", "another page") == 3
        assert shell.parents == []
        assert tell_model("restore", "page") == 4
    assert [output.data for output in captured.outputs[1:]] == [bundle] * 3
    assert shell.parents == ["page", "page"]


def test_a_view_is_live_where_the_front_end_names_its_cells(
    wire: list[dict[str, Any]],
) -> None:
    named, unnamed = Shell(), Shell(cell=None)
    for shell in (named, unnamed):
        with view_for(Host(shell), live="on"):
            pass
        with view_for(Host(shell), live="off"):
            pass
    assert [each["kind"] for each in wire].count("comm_open") == 2


@pytest.fixture(scope="module")
def running(running_server: OpenRouterServer) -> Iterator[KernelUnderTest]:
    """A kernel that asks the test server, for all tests of this module."""
    settings = {
        "OPENROUTER_API_KEY": running_server.key,
        "STEPMAGIC_BASE_URL": running_server.url,
        "STEPMAGIC_LIVE": "on",
    }
    with running_kernel(**settings) as kernel:
        yield kernel


AFRESH = """
from stepmagic.session import session
for each in list(get_ipython().kernel.comm_manager.comms.values()):
    each.close()
session().reset()
get_ipython().run_line_magic("reload_ext", "stepmagic")
"""
"""A cell that leaves a kernel as it is when it begins: no model, page or turn."""


@pytest.fixture
def kernel(running: KernelUnderTest, server: OpenRouterServer) -> KernelUnderTest:
    """That kernel for one test, with the extension loaded."""
    server.reset()
    running.check(AFRESH)
    running.drain()
    return running


def patches_of(ran: Ran) -> list[dict[str, Any]]:
    """Return the messages for the live view, as the front end gets them."""
    data = [message["content"]["data"] for message in ran.of("comm_msg")]
    return [each["content"] for each in data if each["method"] == "custom"]


def open_models(kernel: KernelUnderTest) -> list[str]:
    """Return the ids of the models that the kernel has open, layouts included."""
    code = "print(*get_ipython().kernel.comm_manager.comms)"
    return kernel.check(code).printed.split()


def answers_to(
    kernel: KernelUnderTest, ran: Ran, **message: object
) -> list[dict[str, Any]]:
    """Send a message as a page that has the model of a cell; returns the answers."""
    return patches_of(send_from_page(kernel, ran, **message))


def send_from_page(kernel: KernelUnderTest, ran: Ran, **message: object) -> Ran:
    """Send a message as that page; returns all that the kernel sends then."""
    (opened,) = models_of(ran)
    data = {"method": "custom", "content": message}
    content = {"comm_id": opened["comm_id"], "data": data}
    sent = kernel.client.session.msg("comm_msg", content)
    kernel.client.shell_channel.send(sent)
    answers = Ran()
    while not kernel.read(sent["header"]["msg_id"], answers):
        pass
    return answers


def models_of(ran: Ran) -> list[dict[str, Any]]:
    """Return what opened the live models of a cell."""
    opened = [message["content"] for message in ran.of("comm_open")]
    return [each for each in opened if each["data"]["state"].get("_esm")]


def test_a_reply_is_drawn_by_patches_and_ends_static(
    server: OpenRouterServer, kernel: KernelUnderTest
) -> None:
    server.enqueue(answer(LONG, reasoning="Hm.", tokens_per_frame=4, pace_s=0.01))
    ran = kernel.run("%%step\nCount!", cell="a")
    assert ran.status == "ok"
    first, last = ran.of("display_data", "update_display_data")
    (opened,) = models_of(ran)
    assert opened["data"]["state"]["greets"] is True
    assert first["header"]["msg_type"] == "display_data"
    bundle = first["content"]["data"]
    assert bundle[VIEW]["model_id"] == opened["comm_id"]
    assert "%step history" in bundle["text/html"]
    assert "%step history" in bundle["text/plain"]
    assert last["header"]["msg_type"] == "update_display_data"
    assert sorted(last["content"]["data"]) == STATIC
    ids = {m["content"]["transient"]["display_id"] for m in (first, last)}
    assert len(ids) == 1
    assert "word399" in last["content"]["data"]["text/html"]
    reader = Reader()
    for message in patches_of(ran):
        reader.take(message)
    assert len(patches_of(ran)) > 3
    assert not reader.lost
    assert "Thought" in reader.html
    assert "word300" in reader.html


def test_models_are_closed_and_a_page_that_answered_is_not_asked_again(
    kernel: KernelUnderTest,
) -> None:
    first = kernel.run("%%step\nHi", cell="a")
    second = kernel.run("%%step\nHi", cell="b")
    ids = {models_of(ran)[0]["comm_id"] for ran in (first, second)}
    assert ids <= set(open_models(kernel))
    assert answers_to(kernel, second, kind="ready", over=False) == []
    third = kernel.run("%%step\nHi", cell="c")
    assert models_of(third)[0]["data"]["state"]["greets"] is False
    time.sleep(1.2)
    assert open_models(kernel) == []


def test_a_page_loaded_while_the_cell_ran_gets_the_answer_at_the_end(
    server: OpenRouterServer, kernel: KernelUnderTest
) -> None:
    server.enqueue(answer(LONG, reasoning=""))
    ran = kernel.run("%%step\nCount!", cell="a")
    assert answers_to(kernel, ran, kind="unknown") == []
    assert answers_to(kernel, ran, kind="lost") == []
    (message,) = answers_to(kernel, ran, kind="ready", over=True)
    late = Reader()
    late.take(message)
    assert ran.shown[-1]["text/html"] in late.html
    time.sleep(1.2)
    assert models_of(ran)[0]["comm_id"] in open_models(kernel)


def test_a_page_that_missed_the_end_gets_it_again(
    server: OpenRouterServer, kernel: KernelUnderTest
) -> None:
    server.enqueue(answer(LONG, reasoning=""))
    ran = kernel.run("%%step\nCount!", cell="a")
    (response,) = answers_to(kernel, ran, kind="status")
    assert response == {"over": True, "sent": len(patches_of(ran))}
    (again,) = send_from_page(kernel, ran, kind="resend").of("update_display_data")
    (*_, end) = ran.of("update_display_data")
    assert again["content"] == end["content"]


def test_a_page_that_missed_the_output_gets_it_in_its_cell(
    server: OpenRouterServer, kernel: KernelUnderTest
) -> None:
    server.enqueue(answer(LONG, reasoning=""))
    request = kernel.send("%%step\nCount!", cell="a")
    ran = kernel.finish(request)
    (opened,) = models_of(ran)
    message = {"method": "custom", "content": {"kind": "restore"}}
    content = {"comm_id": opened["comm_id"], "data": message}
    sent = kernel.client.session.msg("comm_msg", content)
    kernel.client.shell_channel.send(sent)
    later = Ran()
    while not later.shown:
        kernel.read(request, later)
    assert later.shown == ran.shown[-1:]
    assert kernel.run("print('on')").printed == "on\n"


def test_a_page_that_did_not_run_the_cell_needs_no_output(
    server: OpenRouterServer, kernel: KernelUnderTest
) -> None:
    server.enqueue(answer(LONG, reasoning=""))
    ran = kernel.run("%%step\nCount!", cell="a")
    session = kernel.client.session.session
    kernel.client.session.session = "another page"
    answers = send_from_page(kernel, ran, kind="restore")
    kernel.client.session.session = session
    assert answers.shown == []


def test_a_silent_page_gets_whole_frames_after_a_rest(kernel: KernelUnderTest) -> None:
    first = kernel.run("%%step\nHi", cell="a")
    time.sleep(1.2)
    second = kernel.run("%%step\nHi", cell="b")
    assert VIEW not in second.shown[0]
    assert not models_of(second)
    answers_to(kernel, first, kind="ready", over=False)
    assert VIEW in kernel.run("%%step\nHi", cell="c").shown[0]


def test_a_client_that_names_no_cells_gets_whole_frames(
    kernel: KernelUnderTest,
) -> None:
    ran = kernel.run("%%step\nHi")
    assert not ran.of("comm_open", "comm_msg")
    assert open_models(kernel) == []


def test_an_error_before_the_first_word_closes_the_model(
    server: OpenRouterServer, kernel: KernelUnderTest
) -> None:
    server.enqueue(error(402, "Insufficient credits"))
    ran = kernel.run("%%step\nHi", cell="a")
    assert ran.status == "error"
    assert all(sorted(bundle) == STATIC for bundle in ran.shown[-1:])
    answers_to(kernel, ran, kind="ready", over=False)
    time.sleep(1.2)
    assert open_models(kernel) == []


def test_an_executed_notebook_holds_no_widgets(server: OpenRouterServer) -> None:
    """By nbclient, which would store the state of every model that was opened."""
    cells: list[Any] = [
        {"cell_type": "code", "id": f"cell-{number}", "source": source}
        | {"metadata": {}, "outputs": [], "execution_count": None}
        for number, source in enumerate(["%load_ext stepmagic", "%%step\nHi"])
    ]
    written = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    # nbformat is untyped.
    reads: Any = nbformat.reads
    notebook = reads(json.dumps(written), as_version=4)
    settings = {
        "OPENROUTER_API_KEY": server.key,
        "STEPMAGIC_BASE_URL": server.url,
        "STEPMAGIC_LIVE": "on",
    }
    NotebookClient(notebook).execute(env={**os.environ, **settings})
    assert "widgets" not in notebook.metadata
    (output,) = notebook.cells[-1].outputs
    assert sorted(output.data) == STATIC


@pytest.mark.parametrize("pause_s", [None, 0.0, 0.01, 0.1])
def test_interrupts_leave_the_static_bundle(
    server: OpenRouterServer, kernel: KernelUnderTest, pause_s: float | None
) -> None:
    server.enqueue(answer(LONG, reasoning="", pace_s=0.01))
    request = kernel.send(LASTING, cell="a")
    ran = Ran()
    while "word20" not in str(patches_of(ran)):
        assert not kernel.read(request, ran)
    kernel.manager.interrupt_kernel()
    if pause_s is not None:
        time.sleep(pause_s)
        kernel.manager.interrupt_kernel()
    kernel.finish(request, ran)
    assert ran.status == "error"
    assert sorted(ran.shown[-1]) == STATIC
    assert "Stopped by you" in ran.shown[-1]["text/plain"]
    assert kernel.run("%%step\nGo on.", cell="b").status == "ok"
