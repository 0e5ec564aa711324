"""What the browser did that no reader asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Dialog, Frame, Request

_SCRIPT = Path(__file__).with_name("page.js")

_ASKED_BY_APPS = ("script", "stylesheet", "font", "xhr", "fetch", "websocket")
"""How JupyterLab asks its server, as Playwright names the kinds of request."""

_PARTS_OF_APPS = (
    *("/static/", "/lab/static/", "/lab/extensions/", "/lab/api/", "/kernelspecs/"),
)
"""Where its pictures lie."""


_DEBUGGER = "Could not restore the debugger state: Canceled future"


class Watch:
    """Keeps what pages of a context did: scripts of a model, requests, windows.

    ``faults`` is empty as long as a model's text did nothing.
    """

    def __init__(
        self, context: BrowserContext, origin: str, *, inside: bool = True
    ) -> None:
        """Begin to watch a context without pages.

        Args:
            context: Where the pages will be.
            origin: Scheme, host and port of the Jupyter server.
            inside: Whether to look at every element too, which takes the page's time.
        """
        self._origin = origin
        self._expected = ""
        self.faults: list[str] = []
        context.expose_binding("stepReport", self._report)
        if inside:
            context.add_init_script(path=_SCRIPT)
        context.on("request", self._on_request)
        context.on("dialog", self._on_dialog)
        context.on("console", self._on_console)
        context.on("page", lambda page: page.on("framenavigated", self._on_frame))

    def expect(self, path: str) -> None:
        """Say where the page is about to go."""
        self._expected = path

    def take_faults(self) -> list[str]:
        """Return the faults so far, and forget them."""
        taken, self.faults = self.faults, []
        return taken

    def _report(self, _source: Any, kind: str, detail: str) -> None:
        self.faults.append(f"{kind}: {detail}")

    def _is_own(self, url: str) -> bool:
        return url.startswith((self._origin + "/", "data:", "blob:", "about:"))

    def _on_request(self, request: Request) -> None:
        path = urlsplit(request.url).path
        kind = request.resource_type
        if not self._is_own(request.url):
            self.faults.append(f"{kind} from another host: {request.url}")
        elif request.is_navigation_request():
            if path != self._expected:
                self.faults.append(f"navigation: {request.url}")
        elif (
            request.url.startswith(self._origin)
            and kind not in _ASKED_BY_APPS
            and not path.startswith(_PARTS_OF_APPS)
        ):
            self.faults.append(f"{kind} of the server: {path}")

    def _on_dialog(self, dialog: Dialog) -> None:
        # Leaving a page with unsaved changes is what tests do.
        if dialog.type != "beforeunload":
            self.faults.append(f"dialog: {json.dumps(dialog.message)}")
        dialog.accept()

    def _on_console(self, message: ConsoleMessage) -> None:
        url = message.location["url"]
        # Jupyter Server takes files of two applications for one where their names are
        # the same (FileFindHandler), and refuses the second one its fonts.
        # JupyterLab's debugger reports a notebook that was closed before it had asked.
        is_own = url.endswith(".woff") or message.text.startswith(_DEBUGGER)
        if message.type == "error" and not is_own:
            self.faults.append(f"console: {message.text} ({url})")

    def _on_frame(self, frame: Frame) -> None:
        if not self._is_own(frame.url):
            self.faults.append(f"frame: {frame.url}")
