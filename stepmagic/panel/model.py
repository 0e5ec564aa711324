"""The widget: its script, its style, and the bundle that shows it.

In JupyterLab and Notebook 7 no output holds it: its script finds the transcript in the
page, by ``place``, and stands there instead. So a saved notebook has the transcript and
no widget that a reader without the kernel would see broken.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anywidget
import traitlets

from stepmagic.display.page import page_module, page_style

_VIEW = "application/vnd.jupyter.widget-view+json"
_HERE = Path(__file__).parent
_SCRIPTS = (
    *("elements.js", "store.js", "answers.js", "turns.js", "composer.js"),
    *("places.js", "panel.js"),
)


class PanelModel(anywidget.AnyWidget):
    """The kernel's end of a panel; everything goes by messages."""

    _esm = page_module(*(_HERE / name for name in _SCRIPTS))
    _css = page_style(_HERE / "panel.css")

    place = traitlets.Unicode().tag(sync=True)
    """What the transcripts are called in whose place it stands; empty for none."""

    def to_bundle(self) -> dict[str, Any]:
        """Return what shows the panel in an output of its own."""
        return {
            _VIEW: {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        }
