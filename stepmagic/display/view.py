"""Where answers are drawn: a notebook's output, or a terminal.

Owns the choice between them. A view takes the events of one reply and is the only one
that draws it; it holds no transcript and decides nothing about the turn.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from stepmagic.attachments.notebook.host import Host
from stepmagic.display.html.tables import Card, Table
from stepmagic.transcript import Message
from stepmagic.transcript.events import StreamEvent

if TYPE_CHECKING:
    from stepmagic.display.notebook.view import Canvas

__all__ = ["Card", "Table", "Unseen", "View", "is_live", "show_sent", "view_for"]


class View(Protocol):
    """Draws the events of one reply; used as a context manager, once."""

    def __enter__(self) -> Self:
        """Begin; nothing is drawn yet."""

    def show(self, event: StreamEvent) -> None:
        """Take the next event."""

    def tick(self) -> None:
        """Draw what is due; called now and then while no event comes."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Draw the answer as it stays, also after an error or an interrupt."""


class Unseen:
    """The view of a plain script, which reads the reply and prints what it likes."""

    def __enter__(self) -> Self:
        return self

    def show(self, event: object) -> None:
        """Draw nothing."""

    def tick(self) -> None:
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
) -> View:
    """Return the view of one reply: a notebook's, a terminal's, or none in a script.

    Args:
        host: Where the answer is shown.
        live: Whether to draw before the end: see ``is_live``.
        model: Whom the user asked.
        effort: The reasoning effort that was asked for.
        clock: Seconds that only grow.
    """
    if not host.has_shell:
        return Unseen()
    drawn = is_live(live, host)
    # Each view where it is used: IPython's display for one, sys.stdout for the other.
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


def show_sent(host: Host, message: Message, notices: tuple[str, ...]) -> None:
    """Show what goes out beside the question, before it does.

    In a notebook and on a terminal; a pipe wants the answer alone.
    """
    if not host.has_shell or not (host.has_kernel or sys.stdout.isatty()):
        return
    # Each where it is used: most questions have no attachments.
    from stepmagic.display.html.attachments import Sent  # noqa: PLC0415

    sent = Sent(message=message, notices=notices)
    if sent:
        from IPython.display import display  # noqa: PLC0415

        display(sent)


def _live_canvas(host: Host) -> Canvas | None:
    """Return a canvas for patches where the front end takes them."""
    from stepmagic.display.notebook.support import front_end  # noqa: PLC0415 - see view_for

    if not front_end().takes_patches(host):
        return None
    from stepmagic.display.notebook.live import LiveCanvas  # noqa: PLC0415 - see view_for

    return LiveCanvas(host, front_end())


def is_live(mode: str, host: Host) -> bool:
    """Whether to draw an answer before it is whole, and to say time and cost.

    ``auto`` leaves that out where nobody looks on: in a test (pytest sets
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
