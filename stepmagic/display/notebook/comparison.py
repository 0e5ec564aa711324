"""Several answers to one question in a notebook: columns in a single output.

Owns the HTML around the columns and the view that redraws them while they are being
received. On a narrow page, or where styles are stripped, the answers are below each
other. What is in a column is made by ``Frames`` and ``reply_bundle``, as for a single
answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Self

from stepmagic.display.answer import AnswerFold, Side, SideEvent, headings
from stepmagic.display.html.bundle import reply_bundle, turn_bundle
from stepmagic.display.interrupts import interrupts_ignored
from stepmagic.display.notebook.frames import Frames
from stepmagic.display.notebook.output import Output
from stepmagic.display.notebook.view import Pace
from stepmagic.markdown import escape, plain, render, sanitize_source
from stepmagic.transcript import Turn
from stepmagic.transcript.events import Finish, Notice, PartDelta, StreamEvent

_ROW = 'style="display:flex;flex-wrap:wrap;gap:1em 2em"'
_COLUMN = 'style="flex:1 1 18em;min-width:0;overflow-x:auto"'
"""All columns are equally wide; those that would be narrower than 18 em wrap."""


def comparison_bundle(
    heads: Sequence[str],
    bundles: Sequence[Mapping[str, str]],
    below: Sequence[str] = (),
) -> dict[str, str]:
    """Return several answers side by side as HTML, Markdown and text.

    Args:
        heads: A heading for each answer.
        bundles: The bundle of each answer, as ``reply_bundle`` returns it.
        below: Lines to show below all answers, in Markdown.
    """
    named = list(zip(heads, bundles, strict=True))
    columns = "".join(
        f'<div class="sm-side" {_COLUMN}>\n<p><strong>{escape(head)}</strong></p>\n'
        f"{bundle['text/html']}</div>\n"
        for head, bundle in named
    )
    lines = "".join(f'<div class="sm-note">{render(line)}</div>\n' for line in below)
    markdown = [
        f"{sanitize_source(f'**{head}**')}\n{bundle.get('text/markdown', '')}"
        for head, bundle in named
    ]
    text = [f"{plain(head)}\n\n{bundle['text/plain']}" for head, bundle in named]
    return {
        "text/html": f'<div class="sm-sides">\n<div {_ROW}>\n{columns}</div>\n'
        f"{lines}</div>",
        "text/markdown": "\n".join([*markdown, *map(sanitize_source, below)]),
        "text/plain": "\n\n".join([*text, *map(plain, below)]),
    }


def turns_bundle(turns: Sequence[Turn], below: Sequence[str] = ()) -> dict[str, str]:
    """Return the bundle of turns that are complete, side by side."""
    heads = headings(map(Side.of, turns))
    return comparison_bundle(heads, [turn_bundle(turn) for turn in turns], below)


class _Column:
    """One of the answers, while it is being received."""

    def __init__(self, side: Side, *, live: bool, clock: Callable[[], float]) -> None:
        self._live = live
        self._clock = clock
        self._ended_at: float | None = None
        self._finish: Finish | None = None
        self._fold = AnswerFold(model=side.model, effort=side.effort, clock=self._now)
        self._frames = Frames(self._fold)
        self._last: dict[str, str] | None = None
        """The final bundle, once the answer is complete."""

    def feed(self, event: StreamEvent) -> None:
        """Take the next event; the clock stops with the last one."""
        self._fold.feed(event)
        if isinstance(event, Finish) and not event.continues:
            self._finish = event
            self._ended_at = self._clock()

    def frame(self) -> dict[str, str]:
        """Return the column as it is now."""
        if self._finish is not None:
            return self.last(None)
        return self._frames.next().to_bundle()

    def last(self, error: BaseException | None) -> dict[str, str]:
        """Return the final column.

        Args:
            error: The exception that stopped the answers that were not complete.
        """
        if self._last is None:
            answer = self._fold.answer(error if self._finish is None else None)
            if self._finish is not None and self._finish.error is not None:
                # The shell prints an error only if no answer was received at all.
                answer = replace(answer, error=str(self._finish.error))
            self._last = reply_bundle(answer, footer=self._live)
        return self._last

    def _now(self) -> float:
        return self._clock() if self._ended_at is None else self._ended_at


class NotebookComparison:
    """Draws the events of several turns side by side, in one output.

    Each frame contains all columns, since they share an output although they end at
    different times. A complete column shows its time, tokens and cost at once.

    Args:
        sides: Which models are asked, and with which effort.
        live: Whether to draw while the answers are being received, and to show time
            and cost.
        clock: A monotonic clock, in seconds.
    """

    shortest_s = 0.1
    """Least time between two frames."""

    def __init__(
        self,
        sides: Sequence[Side],
        *,
        live: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._live = live
        self._heads = headings(sides)
        self._columns = [_Column(side, live=live, clock=clock) for side in sides]
        self._output = Output()
        self._pace = Pace(self.shortest_s, clock)
        self._below: list[str] = []
        self._began = False
        self._have_text: set[int] = set()

    def __enter__(self) -> Self:
        return self

    def show(self, event: SideEvent) -> None:
        """Take the next event of any column; draw a frame if one is due."""
        self._began = True
        number, received = event
        if isinstance(received, Notice) and received.stays:
            self.conclude(received.text)
        else:
            self._columns[number].feed(received)
        is_text = isinstance(received, PartDelta) and received.text
        if is_text and number not in self._have_text:
            # The first words of a column are drawn at once.
            self._have_text.add(number)
            self._pace.make_due()
        self.tick()

    def tick(self) -> None:
        """Draw a frame if one is due; called now and then while no event arrives."""
        if self._live and self._pace.is_due:
            self._pace.draw(lambda: self._output.redraw(self.to_bundle()))

    def conclude(self, line: str) -> None:
        """Show a line below all columns; the same line only once."""
        if line and line not in self._below:
            self._below.append(line)

    def to_bundle(self) -> dict[str, str]:
        """Return all columns as they are now: HTML and text."""
        frames = [column.frame() for column in self._columns]
        bundle = comparison_bundle(self._heads, frames, self._below)
        return {kind: bundle[kind] for kind in ("text/html", "text/plain")}

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # A second interrupt must not leave an intermediate frame in the notebook.
        with interrupts_ignored():
            if self._began or self._output.began:
                last = [column.last(error) for column in self._columns]
                bundle = comparison_bundle(self._heads, last, self._below)
                self._output.put(bundle, stays=True)
