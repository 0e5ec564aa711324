"""Who draws answers side by side.

A notebook has them in columns, a terminal one after another; a script draws none.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Protocol, Self

from stepmagic.attachments.notebook.host import Host
from stepmagic.display.answer import Side, SideEvent
from stepmagic.display.view import Unseen, is_live


class SidesView(Protocol):
    """Draws the events of some turns; used as a context manager, once."""

    def __enter__(self) -> Self:
        """Begin; nothing is drawn yet."""

    def show(self, event: SideEvent) -> None:
        """Take the next event of any of them."""

    def tick(self) -> None:
        """Draw what is due; called now and then while no event comes."""

    def conclude(self, line: str) -> None:
        """Take the line that stands below all of them."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Draw the answers as they stay, also after an error or an interrupt."""


class UnseenSides(Unseen):
    """The view of a plain script."""

    def conclude(self, line: str) -> None:
        """Draw nothing."""


def sides_view_for(
    host: Host,
    sides: Sequence[Side],
    *,
    live: str = "auto",
    clock: Callable[[], float] = time.monotonic,
) -> SidesView:
    """Return the view of some answers; see ``view_for``."""
    if not host.has_shell:
        return UnseenSides()
    drawn = is_live(live, host)
    # Each view where it is used, as in view_for.
    if host.has_kernel:
        from stepmagic.display.notebook.comparison import NotebookSides  # noqa: PLC0415

        return NotebookSides(sides, live=drawn, clock=clock)
    from stepmagic.display.terminal.comparison import TerminalSides  # noqa: PLC0415

    return TerminalSides(sides, live=drawn, clock=clock)
