"""How the tests and the pictures start a Jupyter server and a browser."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from browser.jupyter_server import JupyterServer
from openrouter_server import OpenRouterServer

_QUIET = (
    *("--disable-gpu", "--disable-quic", "--disable-sync", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update"),
    # Where a test fails, its requests reach no one. Playwright's own way to stop them
    # turns the cache off, and each page loads 20 MB.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
"""The browser itself asks no other host, and needs no graphics."""


def find_chromium() -> str | None:
    """Return where the system's Chromium lies; Playwright's own is not needed."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


def jupyter_for(server: OpenRouterServer, folder: Path) -> JupyterServer:
    """Return a Jupyter server whose kernels ask a model server, still to be entered.

    Args:
        server: The model server.
        folder: An empty folder for all that Jupyter writes.
    """
    return JupyterServer(
        folder,
        OPENROUTER_API_KEY=server.key,
        STEPMAGIC_BASE_URL=server.url,
        # Looks at no keyring of the machine.
        PYTHON_KEYRING_BACKEND="keyring.backends.null.Keyring",
    )


@contextmanager
def browsing(path: str, home: Path) -> Iterator[Browser]:
    """Start a headless Chromium.

    Args:
        path: Where it lies.
        home: A folder for what it writes.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=_QUIET, env={**os.environ, "HOME": str(home)}
        )
        try:
            yield browser
        finally:
            browser.close()
