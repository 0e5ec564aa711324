"""A reader's profile in the browser: cache and storage, which all its windows share."""

from __future__ import annotations

from playwright.sync_api import Browser, Page

from browser.jupyter_server import JupyterServer
from browser.watch import Watch

_OPEN_MS = 60_000


class Profile:
    """A profile whose windows show what one Jupyter server serves, and are watched."""

    def __init__(
        self,
        browser: Browser,
        server: JupyterServer,
        *,
        size: tuple[int, int] = (1000, 900),
        scale: float = 1,
        watch_inside: bool = True,
    ) -> None:
        """Make an empty profile.

        Args:
            browser: Where.
            server: The Jupyter server.
            size: Width and height of each window, in CSS pixels.
            scale: Device pixels a CSS pixel.
            watch_inside: See ``Watch``; without it there is no ``stepPage`` either.
        """
        self.server = server
        self._windows = 0
        self._context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, device_scale_factor=scale
        )
        self._context.set_default_timeout(_OPEN_MS)
        self.watch = Watch(self._context, server.url, inside=watch_inside)

    def open_window(self) -> tuple[Page, str]:
        """Return an empty window, and a name that no other has."""
        self._windows += 1
        return self._context.new_page(), f"window{self._windows}"

    def close(self) -> None:
        """Close its windows, and forget all."""
        self._context.close()
