"""The widget: its script, its style, and the bundle that shows it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anywidget

from stepmagic.display.bundle import quiet, wrapped
from stepmagic.display.page import page_module

_VIEW = "application/vnd.jupyter.widget-view+json"
_HERE = Path(__file__).parent
_SCRIPTS = ("elements.js", "answers.js", "turns.js", "composer.js", "panel.js")
_ELSEWHERE = (
    "The panel needs its kernel. Run this cell to open it again; what was said in it "
    "stands below."
)


class PanelModel(anywidget.AnyWidget):
    """The kernel's end of a panel; everything goes by messages."""

    _esm = page_module(*(_HERE / name for name in _SCRIPTS))
    _css = (_HERE / "panel.css").read_text("utf-8")

    def to_bundle(self) -> dict[str, Any]:
        """Return the bundle that shows the panel, and says what it would elsewhere."""
        view = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        html = wrapped(quiet(_ELSEWHERE))
        return {_VIEW: view, "text/html": html, "text/plain": _ELSEWHERE}
