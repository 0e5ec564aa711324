"""Answers side by side in a notebook: columns in one output, a page that is narrow one.

Owns the HTML around the columns, which reads as one answer below the other where styles
are stripped, and the view that draws all of them again while they come. What is in a
column is made by ``Frames`` and ``reply_bundle``, as for an answer alone.
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
from stepmagic.display.notebook.output import HtmlCanvas
from stepmagic.display.notebook.view import Pace
from stepmagic.markdown import escape, plain, render, sanitize_source
from stepmagic.transcript import Turn
from stepmagic.transcript.events import Finish, Notice, PartDelta, StreamEvent

_ROW = 'style="display:flex;flex-wrap:wrap;gap:1em 2em"'
_COLUMN = 'style="flex:1 1 18em;min-width:0;overflow-x:auto"'
"""As wide as the others; below 18 em they stand one below the other."""


def columns_bundle(
    heads: Sequence[str],
    bundles: Sequence[Mapping[str, str]],
    below: Sequence[str] = (),
) -> dict[str, str]:
    """Return answers side by side as HTML, Markdown and text.

    Args:
        heads: A heading for each.
        bundles: Each as it is shown alone.
        below: Lines for all of them, in Markdown.
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
    """Return the bundle of turns side by side that are over."""
    heads = headings(map(Side.of, turns))
    return columns_bundle(heads, [turn_bundle(turn) for turn in turns], below)


class _Column:
    """One of the answers, as it grows."""

    def __init__(self, side: Side, *, live: bool, clock: Callable[[], float]) -> None:
        self._live = live
        self._clock = clock
        self._ended_at: float | None = None
        self._finish: Finish | None = None
        self._fold = AnswerFold(model=side.model, effort=side.effort, clock=self._now)
        self._frames = Frames(self._fold)
        self._last: dict[str, str] | None = None
        """What stays, once it is over."""

    def feed(self, event: StreamEvent) -> None:
        """Take the next event; the clock stops with the last."""
        self._fold.feed(event)
        if isinstance(event, Finish) and not event.goes_on:
            self._finish = event
            self._ended_at = self._clock()

    def frame(self) -> dict[str, str]:
        """Return the column as it stands."""
        if self._finish is not None:
            return self.last(None)
        return self._frames.next().to_bundle()

    def last(self, error: BaseException | None) -> dict[str, str]:
        """Return the column as it stays; ``error`` stopped those that were open."""
        if self._last is None:
            answer = self._fold.answer(error if self._finish is None else None)
            if self._finish is not None and self._finish.error is not None:
                # The shell prints an error only where nothing else came.
                answer = replace(answer, error=str(self._finish.error))
            self._last = reply_bundle(answer, footer=self._live)
        return self._last

    def _now(self) -> float:
        return self._clock() if self._ended_at is None else self._ended_at


class NotebookSides:
    """Draws the events of turns side by side, in one output.

    Each frame is whole: columns that end apart are one output all the same. A column
    that is over has its time, tokens and cost at once.
    """

    def __init__(
        self,
        sides: Sequence[Side],
        *,
        live: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare to draw; nothing is shown before the first event.

        Args:
            sides: Who is asked.
            live: Whether to draw before the end, and to say time and cost.
            clock: Seconds that only grow.
        """
        self._live = live
        self._heads = headings(sides)
        self._columns = [_Column(side, live=live, clock=clock) for side in sides]
        self._canvas = HtmlCanvas()
        self._pace = Pace(self._canvas.shortest_s, clock)
        self._below: list[str] = []
        self._began = False
        self._have_text: set[int] = set()

    def __enter__(self) -> Self:
        return self

    def show(self, event: SideEvent) -> None:
        """Take the next event of any column; draw a frame if one is due."""
        self._began = True
        number, came = event
        if isinstance(came, Notice) and came.stays:
            self.conclude(came.text)
        else:
            self._columns[number].feed(came)
        is_text = isinstance(came, PartDelta) and came.text
        if is_text and number not in self._have_text:
            # The first words do not wait for the frame that stood for them.
            self._have_text.add(number)
            self._pace.hurry()
        self.tick()

    def tick(self) -> None:
        """Draw a frame if one is due; called now and then while nothing comes."""
        if self._live and self._pace.is_due:
            self._pace.draw(lambda: self._canvas.draw(self))

    def conclude(self, line: str) -> None:
        """Put a line below all columns, once."""
        if line and line not in self._below:
            self._below.append(line)

    def to_bundle(self) -> dict[str, str]:
        """Return all columns as they stand: HTML and text."""
        frames = [column.frame() for column in self._columns]
        bundle = columns_bundle(self._heads, frames, self._below)
        return {kind: bundle[kind] for kind in ("text/html", "text/plain")}

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # A second interrupt must not leave a frame in the notebook for good.
        with interrupts_ignored():
            bundle = None
            if self._began or self._canvas.began:
                last = [column.last(error) for column in self._columns]
                bundle = columns_bundle(self._heads, last, self._below)
            self._canvas.end(bundle)
