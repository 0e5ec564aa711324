"""The live view: a widget that receives an answer's patches while its cell is running.

Owns the widget's life: it is shown in the output of the reply, and is closed some time
after the static bundle has replaced it. Imports anywidget, which takes 0.1 s, so this
module is imported when the first reply is drawn by patches.

Messages can be lost: Jupyter Server drops what exceeds its ``iopub_msg_rate_limit``. A
page notices a gap in ``seq``; but the last messages, or the output itself, can be lost
without a gap. So each page runs a watchdog (``live.js``). What it sends is read when
the cell is over, and by then the server lets messages through again.

    state      event                                   sends     next state
    waiting    a patch                                           waiting
    waiting    500 ms without one, the view is gone              finished
    waiting    500 ms without one, otherwise           status    asking
    asking     a patch                                           asking
    asking     over: false                                       waiting
    asking     over: true                                        checking
    checking   a patch                                           waiting
    checking   500 ms, a view is still shown           resend    finished
    checking   500 ms, never a view, patches missing   final     comparing
    checking   500 ms, otherwise                                 finished
    comparing  final: an output of the page has it               finished
    comparing  final: no output has it                 restore   finished

A view is gone when the static bundle has replaced it, which is the usual end. The
kernel answers the messages of a page:

    ready      a page has loaded the widget: the front end supports patches. If the
               answer was over by then, the page's view shows the static HTML
    lost       there was a gap: the next message is complete
    status     ``over``, and how many patches were ``sent`` before the end
    resend     the static bundle once more, as an update of the output
    final      ``final``, the static HTML, for the page to compare
    restore    the static bundle as a new output of the cell, if this page ran the cell

``test_live.py`` and ``test_watchdog.py`` have a test of each row, and
``tests/browser/test_limit.py`` loses messages in real front ends. While patches arrive,
the watchdog costs one timer; ``benchmarks/browser.py`` and ``benchmarks/sizes.py``
measure the view with it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anywidget
import traitlets

from stepmagic.attachments.notebook.host import Host
from stepmagic.display.html.bundle import aside_html, wrapped
from stepmagic.display.interrupts import interrupts_held
from stepmagic.display.notebook.assets import page_module, page_style
from stepmagic.display.notebook.frames import Frame
from stepmagic.display.notebook.output import Output
from stepmagic.display.notebook.patches import Patches
from stepmagic.display.notebook.support import FrontEnd

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
_NOT_HERE = (
    "The answer is being written, but not to this page. When the cell is done, "
    "`%step history` shows it."
)
"""Shown by a page that was loaded while the cell ran, and saved if the cell is still
running."""


class LiveModel(anywidget.AnyWidget):
    """The kernel's end of a live view."""

    _esm = page_module(Path(__file__).parent / "static" / "live.js")
    _css = page_style()
    greets = traitlets.Bool(default_value=True).tag(sync=True)
    """Whether a page reports that it has loaded the widget; one report is enough."""
    over = traitlets.Bool(default_value=False).tag(sync=True)
    """Whether the answer is over; a page that loads the widget now has missed it."""

    def to_bundle(self) -> dict[str, Any]:
        """Return the bundle that shows the model, with a text for other front ends."""
        view = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        html = wrapped(aside_html(_NOT_HERE))
        return {WIDGET_VIEW: view, "text/html": html, "text/plain": _NOT_HERE}

    def dismiss(self) -> None:
        """Close the model, and the layout that ipywidgets gave it."""
        layout = self.layout
        self.close()
        layout.close()


class LiveCanvas:
    """Draws frames by patches, and ends with a static bundle.

    Args:
        host: The notebook whose front end shows it.
        front_end: What is known about that front end.
    """

    shortest_s = 0.06
    """Least time between two frames: each is sent in an envelope of 0.7 KB."""

    def __init__(self, host: Host, front_end: FrontEnd) -> None:
        self._host = host
        self._front_end = front_end
        self._output = Output()
        self._patches = Patches()
        self._model: LiveModel | None = None
        self._request = host.request
        self._bundle: dict[str, str] = {}
        """The static bundle; empty before the end, and if nothing is shown."""

    @property
    def began(self) -> bool:
        """Whether anything was drawn."""
        return self._output.began

    def prepare(self) -> None:
        """Open the model: the page loads the script before there is an answer."""
        self._open()

    def draw(self, frame: Frame) -> int:
        """Show a frame; return how many characters of HTML were sent."""
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
        """Replace the live view by the static bundle, if there is one."""
        if bundle is not None:
            self._output.put(bundle, stays=True)
            self._bundle = bundle
        if self._model is not None:
            self._model.over = True
            self._front_end.close_later(self._model.dismiss)

    def _open(self) -> LiveModel:
        if self._model is None:
            with interrupts_held():
                self._model = LiveModel(greets=not self._front_end.has_reported)
                self._model.on_msg(self._receive)
                self._front_end.watch(self._host)
        return self._model

    def _receive(self, model: LiveModel, content: Any, _: Any) -> None:
        """Answer a message of a page, as the table above says."""
        match content:
            case {"kind": "ready", "over": True}:
                # The page was loaded while the cell ran, and shows the output of then.
                self._front_end.keep_open(model.dismiss)
                model.send(self._patches.last(self._bundle.get("text/html", "")))
            case {"kind": "ready"}:
                self._front_end.report()
            case {"kind": "lost"}:
                self._patches.must_repeat = True
            case {"kind": "status"}:
                model.send({"over": model.over, "sent": self._patches.sent})
            case {"kind": "resend"} if self._bundle:
                self._output.put(self._bundle)
            case {"kind": "final"}:
                model.send({"final": self._bundle.get("text/html", "")})
            case {"kind": "restore"} if self._bundle and self._is_from_cells_page():
                with self._host.showing_for(self._request):
                    Output().put(self._bundle, stays=True)
            case _:
                pass

    def _is_from_cells_page(self) -> bool:
        """Whether the current message is from the page that ran the cell.

        Other pages of the same kernel have the model as well, but no output for it.
        """
        requests = (self._request, self._host.request)
        ran, sent = (each.get("header", {}).get("session") for each in requests)
        return bool(ran == sent)
