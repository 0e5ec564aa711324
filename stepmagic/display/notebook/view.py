"""One reply in a notebook: one output that is drawn again while text comes.

Owns when a frame is drawn and that the last thing drawn is a static bundle. The events
are folded by ``AnswerFold``, the frames made by ``Frames``; a canvas puts them on the
screen, whole or by patches.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

from stepmagic.display.answer import AnswerFold
from stepmagic.display.html.bundle import reply_bundle
from stepmagic.display.interrupts import interrupts_ignored
from stepmagic.display.notebook.frames import Frame, Frames
from stepmagic.display.notebook.output import HtmlCanvas
from stepmagic.transcript.events import PartDelta, StreamEvent

_LONGEST_S = 2.0
_LETTERS_A_SECOND = 512 * 1024
"""Bounds what a slow link must carry, most of all where a frame is a whole answer."""

_RENDERS_A_FRAME = 5
"""Of the time between two frames, drawing takes at most a fifth of the kernel."""


class Pace:
    """Says when a frame is due."""

    def __init__(self, shortest_s: float, clock: Callable[[], float]) -> None:
        """Begin with the first frame due.

        Args:
            shortest_s: Between two frames, at the least.
            clock: Seconds that only grow.
        """
        self._shortest_s = shortest_s
        self._clock = clock
        self._due_at = clock()

    @property
    def is_due(self) -> bool:
        """Whether to draw now."""
        return self._clock() >= self._due_at

    def hurry(self) -> None:
        """Let the next frame be due now."""
        self._due_at = min(self._due_at, self._clock())

    def draw(self, frame: Callable[[], int]) -> None:
        """Draw a frame; the next is due the later, the more this one took.

        Args:
            frame: Draws it; returns how many letters that took.
        """
        begin = self._clock()
        size = frame()
        end = self._clock()
        pause_s = max(
            self._shortest_s,
            size / _LETTERS_A_SECOND,
            _RENDERS_A_FRAME * (end - begin),
        )
        self._due_at = end + min(pause_s, _LONGEST_S)


class Canvas(Protocol):
    """The output of one reply."""

    shortest_s: float
    """Between two frames, at the least."""

    @property
    def began(self) -> bool:
        """Whether anything was drawn."""

    def prepare(self) -> None:
        """Get ready to draw, while nothing came yet."""

    def draw(self, frame: Frame) -> int:
        """Show a frame; returns how many letters that took."""

    def end(self, bundle: dict[str, str] | None) -> None:
        """Show the bundle that stays; None where nothing was to be shown."""


class NotebookView:
    """Draws the events of one reply.

        with NotebookView(live=True, model="stepfun/step-3.7-flash") as view:
            for event in events:
                view.show(event)

    Live, a frame is drawn at the first event and then whenever one is due, no sooner
    than the canvas allows. At the end, and after an error or an interrupt, one static
    bundle takes its place. Not live, that bundle is all that is shown.
    """

    def __init__(
        self,
        *,
        live: bool,
        model: str | None = None,
        effort: str | None = None,
        canvas: Canvas | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare to draw; nothing is shown before the first event.

        Args:
            live: Whether to draw before the end, and to say time and cost.
            model: Whom the user asked.
            effort: The reasoning effort that was asked for.
            canvas: Where to draw; an output that shows whole frames by default.
            clock: Seconds that only grow.
        """
        self._live = live
        self._canvas = canvas or HtmlCanvas()
        self._fold = AnswerFold(model=model, effort=effort, clock=clock)
        self._frames = Frames(self._fold)
        self._pace = Pace(self._canvas.shortest_s, clock)
        self._began = False
        self._has_text = False

    def __enter__(self) -> Self:
        if self._live:
            self._canvas.prepare()
        return self

    def show(self, event: StreamEvent) -> None:
        """Take the next event; draw a frame if one is due."""
        self._began = True
        self._fold.feed(event)
        if not self._has_text and isinstance(event, PartDelta) and event.text:
            # The first words do not wait for the frame that stood for them.
            self._has_text = True
            self._pace.hurry()
        self.tick()

    def tick(self) -> None:
        """Draw a frame if one is due; to be called now and then while nothing comes.

        Without it the last words before a pause, and a retry's notice, wait for the
        next event.
        """
        if self._live and self._pace.is_due:
            self._pace.draw(lambda: self._canvas.draw(self._frames.next()))

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
                bundle = reply_bundle(self._fold.answer(error), footer=self._live)
            self._canvas.end(bundle)
