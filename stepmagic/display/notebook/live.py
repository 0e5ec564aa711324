"""The live view: a widget that takes an answer's patches while its cell is running.

Owns the widget's life: it comes up in the output of the reply and is closed when the
static bundle has taken that output. Imports anywidget, which costs 0.1 s, so nothing
imports this module before a reply is drawn by patches.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anywidget
import traitlets

from stepmagic.attachments.notebook.host import Host
from stepmagic.display.html.bundle import quiet, wrapped
from stepmagic.display.interrupts import interrupts_held
from stepmagic.display.notebook.assets import page_module, page_style
from stepmagic.display.notebook.frames import Frame
from stepmagic.display.notebook.output import Output
from stepmagic.display.notebook.patches import Patches
from stepmagic.display.notebook.support import Link

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
_ELSEWHERE = (
    "The answer is being written, but not to this page. When the cell is done, "
    "`%step history` shows it."
)
"""What a page shows that was loaded while the cell ran, and is saved if it is then."""


class LiveModel(anywidget.AnyWidget):
    """The kernel's end of a live view."""

    _esm = page_module(Path(__file__).parent / "static" / "live.js")
    _css = page_style()
    greets = traitlets.Bool(default_value=True).tag(sync=True)
    """Whether a page says that it is there; once is enough."""
    over = traitlets.Bool(default_value=False).tag(sync=True)
    """Whether the answer is whole; a page that comes now has missed it."""

    def to_bundle(self) -> dict[str, Any]:
        """Return the bundle that shows the model, and says what it would elsewhere."""
        view = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        html = wrapped(quiet(_ELSEWHERE))
        return {WIDGET_VIEW: view, "text/html": html, "text/plain": _ELSEWHERE}

    def dismiss(self) -> None:
        """Close the model, and the layout that ipywidgets gave it."""
        layout = self.layout
        self.close()
        layout.close()


class LiveCanvas:
    """Draws frames by patches, into an output that ends static."""

    shortest_s = 0.06
    """Between two frames; an envelope of 0.7 KB goes with each."""

    def __init__(self, host: Host, link: Link) -> None:
        """Prepare to draw.

        Args:
            host: Whose front end shows it.
            link: What is known of that front end.
        """
        self._host = host
        self._link = link
        self._output = Output()
        self._patches = Patches()
        self._model: LiveModel | None = None
        self._request = host.request
        self._bundle: dict[str, str] = {}
        """What stays; empty before the end, and where there is nothing to show."""

    @property
    def began(self) -> bool:
        """Whether anything was drawn."""
        return self._output.began

    def prepare(self) -> None:
        """Open the model: its page loads what it needs before there is an answer."""
        self._open()

    def draw(self, frame: Frame) -> int:
        """Show a frame; returns how many letters that took."""
        model = self._open()
        if not self.began:
            self._output.put(model.to_bundle())
        message = self._patches.message(frame)
        if message is None:
            return 0
        model.send(message)
        return sum(
            len(text)
            for piece in message.get("pieces", ())
            for text in piece.values()
            if isinstance(text, str)
        )

    def end(self, bundle: dict[str, str] | None) -> None:
        """Put the static bundle, if there is one, in place of the live view."""
        if bundle is not None:
            self._output.put(bundle, stays=True)
            self._bundle = bundle
        if self._model is not None:
            self._link.release(self._model)

    def _open(self) -> LiveModel:
        if self._model is None:
            with interrupts_held():
                self._model = LiveModel(greets=not self._link.answered)
                self._model.on_msg(self._hear)
                self._link.opened(self._host)
        return self._model

    def _hear(self, model: LiveModel, content: Any, _: Any) -> None:
        """Take a message of a page."""
        match content:
            case {"kind": "ready", "over": True}:
                # A page that was loaded while the cell ran knows the output of before.
                self._link.keep(model)
                model.send(self._patches.last(self._bundle.get("text/html", "")))
            case {"kind": "ready"}:
                self._link.heard()
            case {"kind": "lost"}:
                self._patches.must_repeat = True
            case {"kind": "silent"}:
                model.send({"over": model.over, "sent": self._patches.sent})
            case {"kind": "left"}:
                model.send({"left": self._bundle.get("text/html", "")})
            case {"kind": "unended"} if self._bundle:
                self._output.put(self._bundle)
            case {"kind": "unseen"} if self._bundle and self._is_heard_from_its_page():
                with self._host.showing_for(self._request):
                    Output().put(self._bundle, stays=True)
            case _:
                pass

    def _is_heard_from_its_page(self) -> bool:
        """Whether the message that is being handled is of the page that ran the cell.

        Other pages of the same kernel have the model as well, and no output for it.
        """
        headers = (self._request, self._host.request)
        asked, heard = (each.get("header", {}).get("session") for each in headers)
        return bool(asked == heard)
