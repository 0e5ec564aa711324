"""One output of a cell that is replaced repeatedly, by its display id."""

from __future__ import annotations

import uuid
from typing import Any

from IPython.display import display, update_display

from stepmagic.display.interrupts import interrupts_held
from stepmagic.display.notebook.frames import Frame


class Output:
    """One output of the cell; it does not exist before the first ``put``."""

    def __init__(self) -> None:
        self._id = uuid.uuid4().hex
        self.began = False
        """Whether a bundle was shown that another one can replace."""

    def put(self, bundle: dict[str, Any], *, stays: bool = False) -> None:
        """Show a MIME bundle in place of the previous one.

        Args:
            bundle: What to show.
            stays: Whether it is the last one, so that it needs no display id.
        """
        if self.began:
            update_display(bundle, raw=True, display_id=self._id)
        elif stays:
            display(bundle, raw=True)
        else:
            # An interrupt between these two lines would leave an output that is never
            # replaced.
            with interrupts_held():
                display(bundle, raw=True, display_id=self._id)
                self.began = True

    def redraw(self, bundle: dict[str, str]) -> int:
        """Show a bundle that another one will replace; return its characters."""
        self.put(bundle)
        return sum(map(len, bundle.values()))


class HtmlCanvas:
    """Draws each frame in full, which every front end can show."""

    shortest_s = 0.1
    """Least time between two frames."""

    def __init__(self) -> None:
        self._output = Output()

    @property
    def began(self) -> bool:
        """Whether anything was drawn."""
        return self._output.began

    def prepare(self) -> None:
        """Do nothing: HTML needs no code on the page."""

    def draw(self, frame: Frame) -> int:
        """Show a frame; return how many characters were sent."""
        return self._output.redraw(frame.to_bundle())

    def end(self, bundle: dict[str, str] | None) -> None:
        """Show the final bundle, if there is one."""
        if bundle is not None:
            self._output.put(bundle, stays=True)
