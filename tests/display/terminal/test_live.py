"""Answers in a terminal, drawn while they are being received."""

from __future__ import annotations

import itertools
import re
import signal
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from markdown_samples import SAMPLES
from stepmagic.display.terminal.view import TerminalView
from terminal_views import (
    CODE,
    MIXED,
    Clock,
    Drawn,
    cut,
    drawn,
    feed,
    seen,
    streamed,
    thought,
    told,
)
from terminals import Terminal


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
    words = [f"word{n} " for n in range(500)]
    with Terminal(40, 10) as terminal:
        with Drawn(terminal) as view:
            feed(view, *thought(*words)[:-1])
            assert "word499" in terminal.lines[-2]
            assert terminal.emulator.scrolled_off == ["Thinking ..."]
        text = terminal.emulator.text
    assert re.findall(r"word\d+", text) == [word.strip() for word in words]
    assert "Thought for 50 s · 500 words" in text


def test_waiting_is_shown_until_something_comes() -> None:
    with Terminal() as terminal, Drawn(terminal) as view:
        view.tick()
        assert terminal.lines == ["Waiting for m ...", ""]
        view.clock.now = 3.0
        view.tick()
        assert terminal.lines == ["Waiting for m ... 3 s", ""]
        feed(view, *told("Hi."))
        assert terminal.lines == ["Hi.", ""]


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
