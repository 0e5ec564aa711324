"""Answers in a terminal, in a pipe, and in a shell without a kernel."""

from __future__ import annotations

import io
import itertools
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from markdown_samples import ATTACKS, SAMPLES
from page import acts
from stepmagic.attachments.notebook.host import Host
from stepmagic.display.terminal.view import TerminalView
from stepmagic.display.view import view_for
from stepmagic.errors import Interrupted, ServerOverloaded
from stepmagic.transcript import Image, Reasoning, Text, ToolCall, ToolResult, Usage
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
from terminal_views import Clock, told
from terminals import Terminal, faults

CODE = "```python\n" + "".join(f"line_{n} = {n}\n" for n in range(60)) + "```\n"
MIXED = f"""\
# On lists

Some *words* of `text` that are long enough to be wrapped, \U0001f600 and \u4f60\u597d.

1. one
   - two
2. three

| a | b |
|---|--:|
| some words in a cell | 1 |
| \U0001f469\u200d\U0001f680 | 22 |

{CODE}
> A quote
> of two lines.

{"One long paragraph. " * 60}

{"".join(f"- item {n}{chr(10)}" for n in range(60))}
| n | text |
|---|---|
{"".join(f"| {n} | words and words |{chr(10)}" for n in range(60))}
The end"""


class Drawn(TerminalView):
    """A view that draws a frame for each event, since enough time passes before it."""

    def __init__(self, stream: io.StringIO) -> None:
        self.clock = Clock()
        super().__init__(live=True, model="m", clock=self.clock, stream=stream)

    def show(self, event: StreamEvent) -> None:
        """Let time pass and take the event."""
        self.clock.now += 0.1
        super().show(event)


def feed(view: TerminalView, *events: StreamEvent) -> None:
    for event in events:
        view.show(event)


def printed(
    *events: StreamEvent, stream: io.StringIO | None = None, live: bool = True
) -> str:
    """Return what the view prints for the events of a reply, by default to a pipe.

    No time passes: a terminal draws the first frame and the last.
    """
    stream = stream or io.StringIO()
    with TerminalView(live=live, model="m", clock=Clock(), stream=stream) as view:
        feed(view, *events)
    return stream.getvalue()


def drawn(terminal: Terminal, *events: StreamEvent) -> str:
    """Return what the view writes to a terminal that sees a frame for each event."""
    with Drawn(terminal) as view:
        feed(view, *events)
    return terminal.getvalue()


def seen(
    *events: StreamEvent,
    columns: int = 80,
    lines: int = 24,
    live: bool = True,
    each: bool = False,
) -> list[str]:
    """Return the lines that a terminal shows in the end, the cursor's own left out.

    Args:
        events: Of the reply.
        columns: Of the screen.
        lines: Of the screen.
        live: Whether to draw before the end.
        each: Whether to draw a frame for each event.
    """
    with Terminal(columns, lines) as terminal:
        if each:
            drawn(terminal, *events)
        else:
            printed(*events, stream=terminal, live=live)
        *above, last = terminal.lines
        assert last == ""
        assert terminal.emulator.screen.cursor.x == 0
        return above


def thought(*pieces: str) -> list[StreamEvent]:
    """Return the events of reasoning that comes in these pieces."""
    return [
        PartStart(index=0, part=Reasoning()),
        *(PartDelta(index=0, text=piece) for piece in pieces),
        PartEnd(index=0, part=Reasoning(text="".join(pieces))),
    ]


def cut(text: str, size: int) -> list[str]:
    return [text[n : n + size] for n in range(0, len(text), size)]


STOP = Finish(reason="stop")


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


def test_what_an_encoding_lacks_is_a_question_mark() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="latin-1", newline="\n")
    with TerminalView(live=False, stream=stream) as view:
        feed(view, *told("é 你 \U0001f600"), STOP)
    assert raw.getvalue() == b"\xe9 ? ?\n"


def test_a_terminal_draws_markdown() -> None:
    with Terminal() as terminal:
        drawn(terminal, *told(*cut("# Hi\n\nSome **bold** word.", 3)))
        assert terminal.lines == ["Hi", "", "Some bold word.", ""]
        rows = terminal.emulator.screen.buffer
        assert rows[0][0].bold
        assert rows[0][0].underscore
        assert [rows[2][place].bold for place in (4, 5, 8, 9)] == [False, 1, 1, False]


def test_signs_that_may_become_markup_wait() -> None:
    with Terminal() as terminal:
        pieces = ["Hel", "lo **y", "ou*", "*.\n\n``", "`py\na\n"]
        frames = [
            [line for line in terminal.lines if line]
            for _ in streamed(terminal, pieces)
        ]
    assert frames[1:4] == [["Hel"], ["Hello"], ["Hello"]]
    assert frames[4] == ["Hello you."]
    assert frames[5][0] == "Hello you."
    assert frames[5][1].startswith("── py ──")
    assert frames[5][2] == "a"


def test_a_terminal_shows_the_reasoning_dimmed_and_its_length() -> None:
    events = [*thought("\nHm.\n\nWell", " then."), *told("Hi.", index=1)]
    with Terminal() as terminal:
        with Drawn(terminal) as view:
            for event in events:
                view.clock.now += 2
                view.show(event)
        assert terminal.lines == [
            *("Thinking ...", "  Hm.", "  Well then.", "Thought for 2 s · 3 words"),
            *("", "Hi.", ""),
        ]
        written = terminal.getvalue()
    for line in ("Thinking ...", "Well then.", "Thought for 2 s · 3 words"):
        assert f"\x1b[2m{line}\x1b[0m" in written


def test_a_long_thought_is_seen_to_its_end_and_printed_once() -> None:
    words = [f"word{n} " for n in range(1000)]
    with Terminal(40, 10) as terminal:
        with Drawn(terminal) as view:
            feed(view, *thought(*words)[:-1])
            assert "word999" in terminal.lines[-2]
            assert terminal.emulator.scrolled_off == ["Thinking ..."]
        text = terminal.emulator.text
    assert re.findall(r"word\d+", text) == [word.strip() for word in words]
    assert "Thought for 1 min 40 s · 1,000 words" in text


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


def test_waiting_is_shown_until_something_comes() -> None:
    with Terminal() as terminal, Drawn(terminal) as view:
        view.tick()
        assert terminal.lines == ["Waiting for m ...", ""]
        view.clock.now = 3.0
        view.tick()
        assert terminal.lines == ["Waiting for m ... 3 s", ""]
        feed(view, *told("Hi."))
        assert terminal.lines == ["Hi.", ""]


def test_a_terminal_shows_what_happens_meanwhile() -> None:
    call = ToolCall(id="1", name="f", arguments='{"a": 1}')
    busy = ServerOverloaded("busy\x1b[31m.")
    lines = seen(
        Retry(attempt=2, attempts=4, wait_s=1.0, error=busy),
        PartStart(index=0, part=ToolCall(id="1", name="f", arguments="")),
        PartDelta(index=0, text=call.arguments),
        PartEnd(index=0, part=call),
        Finish(reason="tool_calls", goes_on=True),
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


SIZES = [(80, 24), (40, 10), (20, 5), (200, 60), (9, 2), (80, 1), (1, 1)]


@pytest.mark.parametrize(("columns", "lines"), SIZES)
def test_the_history_holds_a_long_answer_once(columns: int, lines: int) -> None:
    """At no time has anything scrolled off that is not the answer's beginning."""
    whole = seen(*told(MIXED), columns=columns, lines=lines)
    with Terminal(columns, lines) as terminal:
        # Every look at a history of this length takes time.
        for number, _ in enumerate(streamed(terminal, cut(MIXED, 11))):
            if number % 23 == 0:
                above = terminal.emulator.scrolled_off
                assert above == whole[: len(above)]
        assert terminal.lines == [*whole, ""]


def streamed(terminal: Terminal, pieces: list[str]) -> Iterator[None]:
    """Draw an answer, with a stop after each piece."""
    with Drawn(terminal) as view:
        for event in told(*pieces):
            view.show(event)
            yield


@settings(max_examples=25)
@given(
    # Links alone have definitions that come late.
    st.sampled_from([path for path in SAMPLES if path.stem != "links"]),
    st.integers(2, 100),
    st.integers(2, 30),
    st.integers(1, 60),
)
def test_any_cut_and_size_give_what_the_whole_gives(
    path: Path, columns: int, lines: int, size: int
) -> None:
    pieces = cut(path.read_text("utf-8"), size)
    whole = seen(*told("".join(pieces)), columns=columns, lines=lines)
    assert seen(*told(*pieces), columns=columns, lines=lines, each=True) == whole


def test_all_of_a_wide_table_and_long_code_is_there_in_forty_columns() -> None:
    names = [f"column{n:02}" for n in range(12)]
    row = [f"value{n:02}" for n in range(12)]
    code = "".join(f"name{n} = " for n in range(30))
    link = "https://example.org/" + "path/" * 20
    source = (
        f"|{'|'.join(names)}|\n|{'---|' * 12}\n|{'|'.join(row)}|\n\n"
        f"```python\n{code}\n```\n- > ```\n  > {code}\n  > ```\n\n[a]({link})\n"
    )
    text = "".join(seen(*told(*cut(source, 7)), columns=40, each=True))
    for word in (*names, *row):
        assert text.count(word) == 1
    letters = re.sub(r"[\s▌]", "", text)
    assert letters.count(code.replace(" ", "")) == 2
    assert link in letters


def test_what_grows_is_seen_at_its_end_and_whole_when_finished() -> None:
    lines = CODE.splitlines()[1:-1]
    with Terminal(80, 12) as terminal:
        growing = streamed(terminal, cut(CODE[:-4], 30))
        for _ in itertools.islice(growing, CODE.index("line_50") // 30 + 2):
            pass
        assert terminal.emulator.scrolled_off == []
        assert "line_50 = 50" in terminal.lines[-4:]
        for _ in growing:
            pass
        assert terminal.lines[1:61] == lines


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


def test_an_interrupt_of_a_pipe_ends_the_line() -> None:
    stream = io.StringIO()
    with pytest.raises(Interrupted), TerminalView(live=False, stream=stream) as view:
        feed(view, *told("Half an ans")[:2], *thought("Hm")[:2])
        raise Interrupted
    assert stream.getvalue() == "Half an ans\n"


class Interrupting(Terminal):
    """A terminal whose user interrupts whenever something is written."""

    def write(self, text: str) -> int:
        """Show half of the text, be interrupted, show the rest."""
        middle = len(text) // 2
        written = super().write(text[:middle])
        signal.raise_signal(signal.SIGINT)
        return written + super().write(text[middle:])


def test_an_interrupt_waits_for_the_frame_and_spares_the_end() -> None:
    interrupts = 0
    events = told(*cut(MIXED, 40))
    with Interrupting(40, 8) as terminal:
        with Drawn(terminal) as view:
            for event in events:
                try:
                    view.show(event)
                except KeyboardInterrupt:
                    interrupts += 1
        assert terminal.lines[:-1] == seen(*events, columns=40, lines=8)
    assert interrupts > len(events) / 2


def test_frames_are_few_and_fewer_where_they_take_long() -> None:
    class Slow(Terminal):
        """A terminal whose clock goes on when something is written."""

        clock = Clock()
        takes_s = 0.0
        frames = 0

        def write(self, text: str) -> int:
            """Take time."""
            self.clock.now += self.takes_s
            self.frames += 1
            return super().write(text)

    for takes_s, least, most in ((0.0, 11, 13), (0.05, 2, 3), (0.5, 1, 1)):
        with Slow() as terminal:
            terminal.takes_s = takes_s
            clock = terminal.clock = Clock()
            view = TerminalView(live=True, stream=terminal, clock=clock)
            with view:
                for event in told(*map("{} ".format, range(1000))):
                    view.show(event)
                    clock.now += 0.001
                    if clock.now > 1:
                        break
                assert least <= terminal.frames <= most


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
