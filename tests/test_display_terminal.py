"""Answers in a terminal, in a pipe, and in a shell without a kernel."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from page import acts
from stepmagic.display import view_for
from stepmagic.display.terminal import TerminalView
from stepmagic.errors import Interrupted, ServerOverloaded
from stepmagic.events import (
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
from stepmagic.transcript import (
    Image,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    Usage,
)

DIM, NORMAL = "\x1b[2m", "\x1b[22m"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Return that it is one."""
        return True


def printed(
    *events: StreamEvent, stream: io.StringIO | None = None, live: bool = True
) -> str:
    """Return what the view prints for the events of a reply, by default to a pipe."""
    stream = stream or io.StringIO()
    # One clock reading for all, so that no time is in the footer but zero.
    with TerminalView(live=live, model="m", clock=lambda: 0.0, stream=stream) as view:
        for event in events:
            view.show(event)
            view.tick()
    return stream.getvalue()


def told(*pieces: str, index: int = 0) -> list[StreamEvent]:
    """Return the events of a text that comes in these pieces."""
    return [
        PartStart(index=index, part=Text(text="")),
        *(PartDelta(index=index, text=piece) for piece in pieces),
        PartEnd(index=index, part=Text(text="".join(pieces))),
    ]


def thought(*pieces: str) -> list[StreamEvent]:
    """Return the events of reasoning that comes in these pieces."""
    return [
        PartStart(index=0, part=Reasoning()),
        *(PartDelta(index=0, text=piece) for piece in pieces),
        PartEnd(index=0, part=Reasoning(text="".join(pieces))),
    ]


STOP = Finish(reason="stop")


def test_text_is_printed_as_it_comes() -> None:
    stream = io.StringIO()
    with TerminalView(live=True, clock=lambda: 0.0, stream=stream) as view:
        begin, *pieces, end = told("Hello ", "*you*", ".")
        seen = []
        for event in (begin, *pieces):
            view.show(event)
            seen.append(stream.getvalue())
        view.show(end)
        view.show(STOP)
    assert seen == ["", "Hello ", "Hello *you*", "Hello *you*."]
    assert stream.getvalue() == "Hello *you*.\n0.0 s · finished\n"


def test_not_live_prints_at_the_end() -> None:
    stream = io.StringIO()
    with TerminalView(live=False, model="m", stream=stream) as view:
        for event in told("Hello ", "you."):
            view.show(event)
        assert stream.getvalue() == ""
        view.show(STOP)
    assert stream.getvalue() == "Hello you.\n"


def test_a_part_that_comes_whole_is_printed_once() -> None:
    whole = Text(text="Hello you.\n")
    start = PartStart(index=0, part=Text(text="Hello"))
    more, end = PartDelta(index=0, text=" you"), PartEnd(index=0, part=whole)
    assert printed(start, more, end, STOP, live=False) == "Hello you.\n"


def test_a_pipe_gets_the_answer_alone() -> None:
    events: list[StreamEvent] = [*thought("Hm."), Notice(text="wait")]
    events += [*told("Hi.", index=1), STOP]
    assert printed(*events, live=False) == "Hi.\n"


def test_a_terminal_sees_the_reasoning_dimmed() -> None:
    events = [*thought("Hm", "."), *told("Hi.", index=1), STOP]
    text = printed(*events, stream=Terminal(), live=False)
    assert text == f"{DIM}Thinking:\nHm.{NORMAL}\n\nHi.\n"


def test_no_color_leaves_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    first = [*thought("Hm.\n"), Notice(text="wait"), *told("Hi.", index=1)]
    text = printed(*first, STOP, *thought("So."), *told("Yes."), stream=Terminal())
    assert text == (
        "Thinking:\nHm.\nwait\nHi.\nThinking:\nSo.\n\nAnswer:\nYes.\n"
        "m · 0.0 s · finished\n"
    )
    assert "\x1b" not in text


def test_the_footer_is_the_last_line() -> None:
    usage = Usage(prompt_tokens=12345, completion_tokens=678, cost_usd=0.00123)
    events: list[StreamEvent] = [*told("Hi."), UsageReport(usage=usage), STOP]
    footer = "m · 12,345 tokens in, 678 out · 0.0 s · $0.0012 · finished"
    assert printed(*events) == f"Hi.\n{footer}\n"
    assert printed(*events, stream=Terminal()) == f"Hi.\n{DIM}{footer}{NORMAL}\n"


def test_an_unusual_end_is_said() -> None:
    text = printed(*told("Hi"), Finish(reason="length"), live=False)
    assert text.startswith("Hi\nStopped at the length limit.")


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_an_interrupt_ends_the_line(stream: type[io.StringIO]) -> None:
    """What was thought stays dim to its end; IPython prints what happened below."""
    out = stream()
    with pytest.raises(Interrupted), TerminalView(live=False, stream=out) as view:
        for event in [*told("Half an ans"), *thought("Hm")[:2]]:
            view.show(event)
        raise Interrupted
    expected = "Half an ans\n"
    if out.isatty():
        expected += f"{DIM}Thinking:\nHm{NORMAL}\n"
    assert out.getvalue() == expected


def test_a_stream_that_just_ends_ends_the_line() -> None:
    assert printed(*told("Half")[:2]) == "Half\n"


def test_a_terminal_sees_what_happens_meanwhile() -> None:
    call = ToolCall(id="1", name="f", arguments='{"a": 1}')
    busy = ServerOverloaded("busy\x1b[31m.")
    text = printed(
        Retry(attempt=2, attempts=4, wait_s=1.0, error=busy),
        PartStart(index=0, part=ToolCall(id="1", name="f", arguments="")),
        PartDelta(index=0, text=call.arguments),
        PartEnd(index=0, part=call),
        Finish(reason="tool_calls"),
        ConfirmTool(call=call),
        ToolStart(call=call),
        ToolEnd(result=ToolResult(call_id="1", name="f"), time_s=0.0),
        PartStart(index=0, part=Image(media_type="image/png", data=b"123")),
        PartEnd(index=0, part=Image(media_type="image/png", data=b"123")),
        *told("Done.", index=1),
        STOP,
        stream=Terminal(),
        live=False,
    )
    lines = text.replace(DIM, "").replace(NORMAL, "").splitlines()
    assert lines == [
        "busy. Trying again in 1.0 s (attempt 2 of 4).",
        '[calls f({"a": 1})]',
        "f waits for your yes.",
        "Running f ...",
        "[image: image/png, 3 bytes]",
        "Done.",
    ]


ACTING = "ab\n\x1b\x07\x9b\x9d\x9c[]\\;08m\u202e\u200d\r"


@given(st.lists(st.text(ACTING, max_size=6)), st.sampled_from([Terminal, io.StringIO]))
def test_no_cut_lets_an_escape_through(
    pieces: list[str], stream: type[io.StringIO]
) -> None:
    events: list[Any] = [*thought(*pieces), *told(*pieces, index=1), STOP]
    text = printed(*events, stream=stream())
    if stream is Terminal:
        text = text.replace(DIM, "").replace(NORMAL, "")
    assert not any(acts(char) for char in text)


def test_a_shell_without_a_kernel_prints(bare_shell: InteractiveShell) -> None:
    with capture_output() as captured, view_for(bare_shell, live="auto") as view:
        for event in [*told("Hi \x1b[31m*you*."), STOP]:
            view.show(event)
    assert captured.stdout == "Hi *you*.\n"
    assert captured.outputs == []
