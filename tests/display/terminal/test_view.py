"""Answers in a terminal, in a pipe, and in a shell without a kernel."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from markdown_samples import ATTACKS
from page import acts
from stepmagic.attachments.notebook.host import Host
from stepmagic.display.terminal.view import TerminalView
from stepmagic.display.view import view_for
from stepmagic.errors import Interrupted, ServerOverloaded
from stepmagic.transcript import Image, Text, ToolCall, ToolResult, Usage
from stepmagic.transcript.events import (
    ConfirmTool,
    Finish,
    PartDelta,
    PartEnd,
    PartStart,
    Retry,
    StreamEvent,
    ToolEnd,
    ToolStart,
    UsageReport,
)
from terminal_views import (
    MIXED,
    STOP,
    Drawn,
    cut,
    drawn,
    feed,
    printed,
    seen,
    thought,
    told,
)
from terminals import Terminal, faults


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_not_live_prints_at_the_end(stream: type[io.StringIO]) -> None:
    with stream() as out:
        with TerminalView(live=False, model="m", stream=out) as view:
            feed(view, *told("Hello ", "you."))
            assert out.getvalue() == ""
            view.show(STOP)
        assert out.getvalue().removeprefix("\r\x1b[J") == "Hello you.\n"


def test_a_part_that_comes_whole_is_printed_once() -> None:
    whole = Text(text="Hello you.\n")
    start = PartStart(index=0, part=Text(text="Hello"))
    more, end = PartDelta(index=0, text=" you"), PartEnd(index=0, part=whole)
    assert printed(start, more, end, STOP, live=False) == "Hello you.\n"
    assert seen(start, more, end, STOP, live=False) == ["Hello you."]


def test_the_footer_is_the_last_line() -> None:
    usage = Usage(prompt_tokens=12345, completion_tokens=678, cost_usd=0.00123)
    events: list[StreamEvent] = [*told("Hi."), UsageReport(usage=usage), STOP]
    footer = "m · 12,345 tokens in, 678 out · 0.0 s · $0.0012 · finished"
    assert printed(*events) == f"Hi.\n{footer}\n"
    assert seen(*events) == ["Hi.", "", footer]
    with Terminal() as terminal:
        assert f"\x1b[2m{footer}\x1b[0m" in printed(*events, stream=terminal)


def test_an_unusual_end_is_said() -> None:
    text = printed(*told("Hi"), Finish(reason="length"), live=False)
    assert text.startswith("Hi\nStopped at the length limit.")
    lines = seen(*told("Hi"), Finish(reason="length"))
    assert lines[2].startswith("Stopped at the length limit.")
    assert lines[-1] == "m · 0.0 s · stopped at the length limit"


def test_a_stream_that_just_ends_ends_the_line() -> None:
    assert printed(*told("Half")[:2]) == "Half\n"
    assert seen(*told("Half")[:2]) == ["Half"]


def test_a_terminal_shows_what_happens_meanwhile() -> None:
    call = ToolCall(id="1", name="f", arguments='{"a": 1}')
    busy = ServerOverloaded("busy\x1b[31m.")
    lines = seen(
        Retry(attempt=2, attempts=4, wait_s=1.0, error=busy),
        PartStart(index=0, part=ToolCall(id="1", name="f", arguments="")),
        PartDelta(index=0, text=call.arguments),
        PartEnd(index=0, part=call),
        Finish(reason="tool_calls", continues=True),
        ConfirmTool(call=call),
        ToolStart(call=call),
        ToolEnd(result=ToolResult(call_id="1", name="f"), time_s=0.0),
        PartStart(index=0, part=Image(media_type="image/png", data=b"123")),
        PartEnd(index=0, part=Image(media_type="image/png", data=b"123")),
        *told("Done.", index=1),
        STOP,
        live=False,
    )
    assert lines == [
        "busy. Trying again in 1.0 s (attempt 2 of 4).",
        "Running f(a=1) ...",
        "f(a=1) · nothing",
        "[image: image/png, 3 bytes]",
        "",
        "Done.",
    ]


@pytest.mark.parametrize("number", ATTACKS)
def test_an_attack_does_not_get_into_a_terminal(number: int) -> None:
    attack = ATTACKS[number]
    events = [*thought(*cut(attack, 5)), *told(*cut(attack, 3), index=1)]
    with Terminal() as terminal:
        written = drawn(terminal, *events)
    assert faults(written) == []
    # Text of an attack that looks like a sequence has lost its ESC.
    assert "\x1b]" not in written


def test_no_cut_of_an_attack_acts() -> None:
    text = "\n\n".join(ATTACKS[number] for number in ATTACKS if number != 50)
    acting = [n for n, char in enumerate(text) if acts(char)]
    for place in acting:
        piece = text[max(0, place - 40) : place + 40]
        with Terminal(40, 5) as terminal:
            assert faults(drawn(terminal, *told(*piece))) == []


ACTING = "ab\n\x1b\x07\x9b\x9d\x9c[]\\;08m\u202e\u200d\r`*|"


@settings(max_examples=50)
@given(st.lists(st.text(ACTING, max_size=6)), st.sampled_from([Terminal, io.StringIO]))
def test_no_cut_lets_an_escape_through(
    pieces: list[str], stream: type[io.StringIO]
) -> None:
    events: list[Any] = [*thought(*pieces), *told(*pieces, index=1), STOP]
    with stream() as out, Drawn(out) as view:
        feed(view, *events)
        text = out.getvalue()
    assert faults(text) == []
    if stream is io.StringIO:
        assert "\x1b" not in text


def test_markup_of_rich_is_text() -> None:
    source = "[red]a[/red] [link=https://example.org]b[/link] :smile: `[bold]` \\[/x]"
    assert seen(*told(source), STOP)[0] == source.replace("`", "").replace("\\", "")


def test_an_interrupt_keeps_what_came_once() -> None:
    with Terminal(40, 8) as terminal:
        with pytest.raises(Interrupted), Drawn(terminal) as view:
            feed(view, *thought("Hm"), *told(*cut(MIXED, 9), " of **ha", index=1)[:-1])
            assert terminal.lines[-2] == "The end of"
            raise Interrupted
        text = terminal.emulator.text
        assert text.count("The end of **ha\n\nm · ") == 1
        assert text.count("On lists") == 1
        assert text.endswith("s · stopped by you\n")
        assert not terminal.emulator.screen.cursor.hidden
        written = terminal.getvalue()
        assert written.rindex("\x1b[?7h") > written.rindex("\x1b[?7l")


def test_rich_is_imported_by_the_first_answer_that_is_drawn() -> None:
    script = (
        "import io, sys\n"
        "from stepmagic.display.terminal.view import TerminalView\n"
        "from stepmagic.transcript.events import PartStart, PartEnd, Finish\n"
        "from stepmagic.transcript import Text\n"
        "class Terminal(io.StringIO):\n"
        "    def isatty(self): return True\n"
        "for stream in (io.StringIO(), Terminal()):\n"
        "    with TerminalView(live=True, stream=stream) as view:\n"
        "        view.show(PartStart(index=0, part=Text(text='# Hi')))\n"
        "        view.show(PartEnd(index=0, part=Text(text='# Hi')))\n"
        "        view.show(Finish(reason='stop'))\n"
        "    print('rich' in sys.modules, 'markdown_it' in sys.modules)\n"
    )
    command = [sys.executable, "-c", script]
    # The command is written in this file.
    done = subprocess.run(  # noqa: S603
        command, capture_output=True, text=True, check=True, env={**os.environ}
    )
    assert done.stdout == "False False\nTrue True\n"


def test_a_shell_without_a_kernel_prints(bare_shell: InteractiveShell) -> None:
    with capture_output() as captured, view_for(Host(bare_shell), live="auto") as view:
        for event in [*told("Hi \x1b[31m*you*."), STOP]:
            view.show(event)
    assert captured.stdout == "Hi *you*.\n"
    assert captured.outputs == []


def test_json_is_drawn_indented_and_piped_as_it_is() -> None:
    events = [*told('{"a', '": [1', "]}"), STOP]
    assert printed(*events, live=False) == '{"a": [1]}\n'
    head, *lines = (line.strip() for line in seen(*events, each=True))
    assert head.startswith("── json ─")
    assert lines[:5] == ["{", '"a": [', "1", "]", "}"]


def test_text_that_might_have_become_json_is_printed_all_the_same() -> None:
    assert seen(*told("{"), STOP, live=False) == ["{"]
