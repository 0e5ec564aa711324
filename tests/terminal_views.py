"""What the tests of terminal views share."""

from __future__ import annotations

import io
from collections.abc import Iterator

from rich.console import Console

from stepmagic.display.terminal.markdown import draw
from stepmagic.display.terminal.view import TerminalView
from stepmagic.markdown.parser import parse
from stepmagic.transcript import Reasoning, Text
from stepmagic.transcript.events import (
    Finish,
    PartDelta,
    PartEnd,
    PartStart,
    StreamEvent,
)
from terminals import Emulator, Terminal

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


SIZES = [(80, 24), (40, 10), (20, 5), (200, 60), (9, 2), (80, 1), (1, 1)]


class Clock:
    """Time that passes when a test says so."""

    now = 0.0

    def __call__(self) -> float:
        """Return the seconds."""
        return self.now


def told(*pieces: str, index: int = 0) -> list[StreamEvent]:
    """Return the events of a text that comes in these pieces."""
    return [
        PartStart(index=index, part=Text(text="")),
        *(PartDelta(index=index, text=piece) for piece in pieces),
        PartEnd(index=index, part=Text(text="".join(pieces))),
    ]


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


def streamed(terminal: Terminal, pieces: list[str]) -> Iterator[None]:
    """Draw an answer, with a stop after each piece."""
    with Drawn(terminal) as view:
        for event in told(*pieces):
            view.show(event)
            yield


def written(source: str, columns: int, *, stays: bool = False) -> str:
    console = Console(
        width=columns,
        force_terminal=True,
        color_system="standard",
        legacy_windows=False,
        no_color=False,
    )
    with console.capture() as captured:
        for block in draw(parse(source), stays=stays):
            console.print(block, crop=False)
    return captured.get()


def lines(source: str, columns: int = 40, *, stays: bool = False) -> list[str]:
    emulator = Emulator(columns, 50)
    emulator.feed(written(source, columns, stays=stays))
    return emulator.lines[:-1]
