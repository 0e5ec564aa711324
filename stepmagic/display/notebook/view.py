"""One reply in a notebook: one output that is redrawn while the answer is received.

Owns when a frame is drawn, and that the last thing drawn is a static bundle.
``AnswerFold`` collects the events and ``Frames`` makes the frames; a ``Canvas`` sends
them to the front end, in full or as patches.
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
"""Most time between two frames, however expensive they are."""

_CHARACTERS_PER_SECOND = 512 * 1024
"""Limit for slow connections, above all where each frame is the complete answer."""

_RENDERS_PER_FRAME = 5
"""Drawing takes at most one fifth of the time between two frames."""


class Pace:
    """Throttles the frames; the first one is due at once.

    Args:
        shortest_s: Least time between two frames.
        clock: A monotonic clock, in seconds.
    """

    def __init__(self, shortest_s: float, clock: Callable[[], float]) -> None:
        self._shortest_s = shortest_s
        self._clock = clock
        self._due_at = clock()

    @property
    def is_due(self) -> bool:
        """Whether to draw now."""
        return self._clock() >= self._due_at

    def make_due(self) -> None:
        """Make the next frame due now."""
        self._due_at = min(self._due_at, self._clock())

    def draw(self, frame: Callable[[], int]) -> None:
        """Draw a frame; the more it costs, the later the next one is due.

        Args:
            frame: Callback that draws it and returns how many characters were sent.
        """
        begin = self._clock()
        size = frame()
        end = self._clock()
        pause_s = max(
            self._shortest_s,
            size / _CHARACTERS_PER_SECOND,
            _RENDERS_PER_FRAME * (end - begin),
        )
        self._due_at = end + min(pause_s, _LONGEST_S)


class Canvas(Protocol):
    """The output of one reply, to which frames are drawn."""

    shortest_s: float
    """Least time between two frames."""

    @property
    def began(self) -> bool:
        """Whether anything was drawn."""

    def prepare(self) -> None:
        """Get ready to draw, before the first event arrives."""

    def draw(self, frame: Frame) -> int:
        """Show a frame; return how many characters were sent."""

    def end(self, bundle: dict[str, str] | None) -> None:
        """Show the final bundle; None if there was nothing to show."""


class NotebookView:
    """Draws the events of one reply.

        with NotebookView(live=True, model="stepfun/step-3.7-flash") as view:
            for event in events:
                view.show(event)

    When live, a frame is drawn for the first event and then whenever one is due. At the
    end, and after an error or an interrupt, a static bundle replaces the frames. When
    not live, this bundle is all that is shown.

    Args:
        live: Whether to draw while the answer is being received, and to show time and
            cost.
        model: The model that the user asked.
        effort: The reasoning effort that was asked for.
        canvas: Where to draw; an ``HtmlCanvas`` by default.
        clock: A monotonic clock, in seconds.
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
            # The first words are drawn at once.
            self._has_text = True
            self._pace.make_due()
        self.tick()

    def tick(self) -> None:
        """Draw a frame if one is due; called now and then while no event arrives.

        Without it, the last words before a pause and the notice of a retry would only
        be drawn with the next event.
        """
        if self._live and self._pace.is_due:
            self._pace.draw(lambda: self._canvas.draw(self._frames.next()))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # A second interrupt must not leave an intermediate frame in the notebook.
        with interrupts_ignored():
            bundle = None
            if self._began or self._canvas.began:
                bundle = reply_bundle(self._fold.answer(error), footer=self._live)
            self._canvas.end(bundle)
