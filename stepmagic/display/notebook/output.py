"""One output that is drawn again and again."""

from __future__ import annotations

import uuid
from typing import Any, Protocol

from IPython.display import display, update_display

from stepmagic.display.interrupts import interrupts_held


class Output:
    """One output, by its display id."""

    def __init__(self) -> None:
        """Begin without one."""
        self._id = uuid.uuid4().hex
        self.began = False

    def put(self, bundle: dict[str, Any], *, stays: bool = False) -> None:
        """Show a bundle in place of the one before.

        Args:
            bundle: What to show.
            stays: Whether it is the last, so that nothing need find it again.
        """
        if self.began:
            update_display(bundle, raw=True, display_id=self._id)
        elif stays:
            display(bundle, raw=True)
        else:
            # An output nobody knows of would never be replaced.
            with interrupts_held():
                display(bundle, raw=True, display_id=self._id)
                self.began = True


class Shown(Protocol):
    """What can be drawn as a whole."""

    def to_bundle(self) -> dict[str, str]:
        """Return its HTML and text."""


class HtmlCanvas:
    """Draws each frame as a whole, which every front end can show."""

    shortest_s = 0.1
    """Between two frames."""

    def __init__(self) -> None:
        """Begin with nothing drawn."""
        self._output = Output()

    @property
    def began(self) -> bool:
        """Whether anything was drawn."""
        return self._output.began

    def prepare(self) -> None:
        """Do nothing: HTML needs nothing on the page."""

    def draw(self, frame: Shown) -> int:
        """Show a frame; returns how many letters that took."""
        bundle = frame.to_bundle()
        self._output.put(bundle)
        return sum(map(len, bundle.values()))

    def end(self, bundle: dict[str, str] | None) -> None:
        """Show the bundle that stays, if there is one."""
        if bundle is not None:
            self._output.put(bundle, stays=True)
