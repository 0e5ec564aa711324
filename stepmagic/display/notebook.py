"""One reply in a notebook: one output that is drawn again while text comes.

Owns when a frame is drawn and that the last thing drawn is a static bundle. What is
drawn is ``bundle``'s; the events are folded by ``AnswerFold``.
"""

from __future__ import annotations

import contextlib
import functools
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self

from IPython.display import display, update_display

from stepmagic.display.answer import AnswerFold
from stepmagic.display.bundle import frame_bundle, reply_bundle
from stepmagic.events import StreamEvent
from stepmagic.markdown import Renderer

_SHORTEST_S = 0.1
_LONGEST_S = 2.0
_BYTES_A_SECOND = 512 * 1024
"""A frame holds the whole answer; this bounds what a slow link must carry."""

_RENDERS_A_FRAME = 5
"""Of the time between two frames, drawing takes at most a fifth of the kernel."""


class NotebookView:
    """Draws the events of one reply.

        with NotebookView(live=True, model="stepfun/step-3.7-flash") as view:
            for event in events:
                view.show(event)

    Live, a frame is drawn at the first event and then whenever one is due, no sooner
    than 0.1 s after the last. At the end, and after an error or an interrupt, one
    static bundle takes its place. Not live, that bundle is all that is shown.
    """

    def __init__(
        self,
        *,
        live: bool,
        model: str | None = None,
        effort: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare to draw; nothing is shown before the first event.

        Args:
            live: Whether to draw before the end, and to say time and cost.
            model: Whom the user asked.
            effort: The reasoning effort that was asked for.
            clock: Seconds that only grow.
        """
        self._live = live
        self._clock = clock
        self._fold = AnswerFold(model=model, effort=effort, clock=clock)
        self._output: str | None = None
        self._due_at = clock()
        # Whole parts are found again by their text, the growing one line by line.
        self._render = functools.lru_cache(maxsize=16)(Renderer())
        self._began = False

    def __enter__(self) -> Self:
        return self

    def show(self, event: StreamEvent) -> None:
        """Take the next event; draw a frame if one is due."""
        self._began = True
        self._fold.feed(event)
        self.tick()

    def tick(self) -> None:
        """Draw a frame if one is due; to be called now and then while nothing comes.

        Without it the last words before a pause, and a retry's notice, wait for the
        next event.
        """
        if self._live and self._clock() >= self._due_at:
            self._draw()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # A second interrupt must not leave a frame in the notebook for good.
        with _sigint_ignored():
            if self._began or self._output is not None:
                answer = self._fold.answer(error)
                self._put(reply_bundle(answer, footer=self._live))

    def _draw(self) -> None:
        begin = self._clock()
        bundle = frame_bundle(
            self._fold.answer(),
            line=self._fold.line,
            thinking=self._fold.is_thinking,
            draw=self._render,
        )
        self._put(bundle)
        end = self._clock()
        size = sum(len(text) for text in bundle.values())
        pause_s = max(
            _SHORTEST_S, size / _BYTES_A_SECOND, _RENDERS_A_FRAME * (end - begin)
        )
        self._due_at = end + min(pause_s, _LONGEST_S)

    def _put(self, bundle: dict[str, str]) -> None:
        """Show a bundle in the output of this reply."""
        if self._output is not None:
            update_display(bundle, raw=True, display_id=self._output)
        elif self._live:
            handle = display(bundle, raw=True, display_id=True)
            self._output = handle.display_id
        else:
            display(bundle, raw=True)


@contextlib.contextmanager
def _sigint_ignored() -> Iterator[None]:
    """Ignore interrupts in the block; only the main thread gets them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: Any = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        # None stands for a handler that was not set from Python.
        signal.signal(signal.SIGINT, signal.SIG_DFL if before is None else before)
