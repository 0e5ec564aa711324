"""Where answers are drawn: in a notebook's output, in a terminal, or not at all.

Owns that choice, for one answer as for a comparison. A view receives the events and is
the only one that draws them; it keeps no transcript and decides nothing about the turn.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self, TypeVar

from stepmagic.attachments.notebook.host import Host
from stepmagic.display.answer import Side, SideEvent
from stepmagic.server.options import Options
from stepmagic.settings import current
from stepmagic.transcript import Message, ToolCall
from stepmagic.transcript.events import StreamEvent

if TYPE_CHECKING:
    from stepmagic.conversation.stream import EventStream
    from stepmagic.display.notebook.view import Canvas

Event = TypeVar("Event")
Event_contra = TypeVar("Event_contra", contravariant=True)

TICK_S = 0.1
"""How often a display may update how long it has been waiting."""


class View(Protocol[Event_contra]):
    """Draws the events of a reply; a context manager that is used once."""

    def __enter__(self) -> Self:
        """Start; nothing is drawn yet."""

    def show(self, event: Event_contra) -> None:
        """Take the next event."""

    def tick(self) -> None:
        """Draw what is due; called now and then while no event arrives."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Draw the final output, also after an error or an interrupt."""


class ComparisonView(View[SideEvent], Protocol):
    """Draws the events of several turns, each with the number of its side."""

    def conclude(self, line: str) -> None:
        """Take a line to show below all answers."""


class SilentView:
    """The view of a plain script, which reads the reply and prints what it chooses."""

    def __enter__(self) -> Self:
        return self

    def show(self, event: object) -> None:
        """Draw nothing."""

    def tick(self) -> None:
        """Draw nothing."""

    def conclude(self, line: str) -> None:
        """Draw nothing."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        pass


def view_for(
    host: Host,
    *,
    live: str = "auto",
    model: str | None = None,
    effort: str | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> View[StreamEvent]:
    """Return the view of one reply: a notebook's, a terminal's, or none in a script.

    Args:
        host: Where the answer is shown.
        live: Whether to draw while the answer is being received: see ``is_live``.
        model: The model that the user asked.
        effort: The reasoning effort that was asked for.
        clock: A monotonic clock, in seconds.
    """
    if not host.has_shell:
        return SilentView()
    drawn = is_live(live, host)
    # Imported when used: a notebook needs IPython's display, a terminal does not.
    if host.has_kernel:
        from stepmagic.display.notebook.view import NotebookView  # noqa: PLC0415

        return NotebookView(
            live=drawn,
            model=model,
            effort=effort,
            canvas=_live_canvas(host) if drawn else None,
            clock=clock,
        )
    from stepmagic.display.terminal.view import TerminalView  # noqa: PLC0415

    return TerminalView(live=drawn, model=model, effort=effort, clock=clock)


def comparison_view_for(
    host: Host,
    sides: Sequence[Side],
    *,
    live: str = "auto",
    clock: Callable[[], float] = time.monotonic,
) -> ComparisonView:
    """Return the view of several replies: columns in a notebook, a list in a terminal.

    Args:
        host: Where the answer is shown.
        sides: Which models are asked, and with which effort.
        live: Whether to draw while the answers are being received: see ``is_live``.
        clock: A monotonic clock, in seconds.
    """
    if not host.has_shell:
        return SilentView()
    drawn = is_live(live, host)
    # See view_for.
    if host.has_kernel:
        from stepmagic.display.notebook.comparison import (  # noqa: PLC0415
            NotebookComparison,
        )

        return NotebookComparison(sides, live=drawn, clock=clock)
    from stepmagic.display.terminal.comparison import (  # noqa: PLC0415
        TerminalComparison,
    )

    return TerminalComparison(sides, live=drawn, clock=clock)


def show_sent(host: Host, message: Message, notices: tuple[str, ...]) -> None:
    """Show the attachments of a question before it is sent.

    Only in a notebook and in a terminal: a pipe gets the answer and nothing else.
    """
    if not host.has_shell or not (host.has_kernel or sys.stdout.isatty()):
        return
    # Imported when used: most questions have no attachments.
    from stepmagic.display.html.attachments import SentAttachments  # noqa: PLC0415

    sent = SentAttachments(message=message, notices=notices)
    if sent:
        from IPython.display import display  # noqa: PLC0415

        display(sent)


def _live_canvas(host: Host) -> Canvas | None:
    """Return a canvas for patches if the front end supports them."""
    from stepmagic.display.notebook.support import front_end  # noqa: PLC0415 - see view_for

    if not front_end().takes_patches(host):
        return None
    from stepmagic.display.notebook.live import LiveCanvas  # noqa: PLC0415 - see view_for

    return LiveCanvas(host, front_end())


def is_live(mode: str, host: Host) -> bool:
    """Whether to draw an answer before it is complete, and to show its time and cost.

    ``auto`` leaves that out where no one is watching: in a test (pytest sets
    ``PYTEST_CURRENT_TEST``, which a kernel that nbval starts inherits), in a kernel
    whose client takes no input (nbclient, nbconvert, papermill), in a pipe.
    """
    if mode != "auto":
        return mode == "on"
    if "PYTEST_CURRENT_TEST" in os.environ:
        return False
    if host.has_kernel:
        return host.allows_input is not False
    return sys.stdout.isatty()


def watched(host: Host, options: Options) -> Options:
    """Return the options with whether someone is watching."""
    is_watched = host.has_shell and is_live(current().live, host)
    return replace(options, is_watched=is_watched)


def draw(view: View[Event], stream: EventStream[Event]) -> None:
    """Show events as they arrive; those that a stop left unread are shown too."""
    try:
        with stream:
            for event in stream.beats(TICK_S):
                if event is None:
                    view.tick()
                    continue
                view.show(event)
                if (asked := stream.confirmation(event)) is not None:
                    turn_stream, call = asked
                    is_allowed = _confirm(call)
                    turn_stream.answer(call.id, allowed=is_allowed)
    finally:
        for event in stream.rest():
            view.show(event)


def _confirm(call: ToolCall) -> bool:
    """Ask the user whether a function may be called."""
    from stepmagic.display.html.calls import question  # noqa: PLC0415 - when first asked

    return Host.confirm(question(call))
