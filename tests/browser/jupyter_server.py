"""A Jupyter server for the tests: one process that serves /lab and /notebooks.

Its folders are empty at the start, and nothing of the test run reaches its kernels but
what is given to it.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

_START_S = 90
_STOP_S = 20
_NOT_INHERITED = ("PYTEST_", "STEPMAGIC_", "JUPYTER", "IPYTHON", "OPENROUTER_", "XDG_")
"""What begins like this stays outside: a kernel with ``PYTEST_CURRENT_TEST`` draws no
frames, and a key of the person who runs the tests must not be spent."""

_SETTINGS = {
    # It would ask whether to fetch news, in a popup over the notebook.
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    # Each test saves when it means to.
    "docmanager-extension/plugin": {"autosave": False},
}


_CONNECTION = """
from pathlib import Path
from jupyter_server.services.kernels.connection import channels

class Connection(channels.ZMQChannelsWebsocketConnection):
    def __init__(self, **settings):
        super().__init__(**settings)
        limit = Path({path!r})
        if limit.exists():
            self.iopub_msg_rate_limit = float(limit.read_text())

c.ServerApp.kernel_websocket_connection_class = Connection
"""
"""Connections to kernels that are limited while a file says so."""


class JupyterServer:
    """A Jupyter server on 127.0.0.1, running while its context is entered."""

    def __init__(self, folder: Path, **environment: str) -> None:
        """Prepare the server.

        Args:
            folder: An empty folder for its home, settings and notebooks.
            environment: More of the environment of its kernels.
        """
        self.token = secrets.token_hex(16)
        self.notebooks = folder / "notebooks"
        self.url = ""
        """Without a slash at the end; known when the server runs."""
        self._log = folder / "log"
        self._runtime = folder / "runtime"
        self._limit = folder / "limit"
        self._environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(_NOT_INHERITED)},
            **_folders(folder),
            **environment,
        }
        for path in (*map(Path, _folders(folder).values()), self.notebooks):
            path.mkdir(parents=True, exist_ok=True)
        _write_settings(folder / "config")
        config = _CONNECTION.format(path=str(self._limit))
        (folder / "config" / "jupyter_server_config.py").write_text(config, "utf-8")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Start to serve."""
        options = {
            "ServerApp.ip": "127.0.0.1",
            "ServerApp.port": "0",
            "ServerApp.open_browser": "False",
            "ServerApp.root_dir": str(self.notebooks),
            "IdentityProvider.token": self.token,
            "LabApp.expose_app_in_browser": "True",
            "JupyterNotebookApp.expose_app_in_browser": "True",
        }
        command = [sys.executable, "-m", "jupyterlab", "--allow-root"]
        command += [f"--{name}={value}" for name, value in options.items()]
        with self._log.open("wb") as log:
            # The command is written here.
            self._process = subprocess.Popen(  # noqa: S603
                command,
                env=self._environment,
                cwd=self.notebooks,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.url = self._wait_for_url()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the server, and its kernels with it."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def write(self, name: str, *cells: str) -> None:
        """Write a notebook of code cells."""
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook = {
            "cells": [_code_cell(number, text) for number, text in enumerate(cells)],
            "metadata": {"kernelspec": kernel},
            "nbformat": 4,
            "nbformat_minor": 5,
        }
        self.keep(name, notebook)

    def keep(self, name: str, notebook: Any) -> None:
        """Write a complete notebook."""
        (self.notebooks / name).write_text(json.dumps(notebook), "utf-8")

    def read(self, name: str) -> Any:
        """Read a notebook as it was saved last."""
        return json.loads((self.notebooks / name).read_text("utf-8"))

    def stop_kernel(self, name: str) -> None:
        """Shut the kernel of a notebook down, as the list of running kernels does."""
        for session in self._ask("GET", "/api/sessions").json():
            if session["path"] == name:
                self._ask("DELETE", f"/api/sessions/{session['id']}")

    @contextmanager
    def limited(self, messages_per_second: int) -> Iterator[None]:
        """Limit the connections to kernels that begin in the meantime."""
        self._limit.write_text(str(messages_per_second), "utf-8")
        try:
            yield
        finally:
            self._limit.unlink()

    def _ask(self, method: str, path: str) -> httpx.Response:
        headers = {"Authorization": f"token {self.token}"}
        answer = httpx.request(method, self.url + path, headers=headers, timeout=30)
        return answer.raise_for_status()

    def _wait_for_url(self) -> str:
        """Return the address that the server writes down once it listens."""
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline:
            for path in self._runtime.glob("jpserver-*.json"):
                try:
                    info = json.loads(path.read_text("utf-8"))
                except ValueError:
                    continue  # half written
                return f"http://127.0.0.1:{info['port']}"
            if self._process is None or self._process.poll() is not None:
                break
            time.sleep(0.05)
        message = f"JupyterLab does not start:\n{self._log.read_text('utf-8')}"
        raise RuntimeError(message)


def _code_cell(number: int, source: str) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": f"cell-{number}",
        "metadata": {},
        "outputs": [],
        "source": source,
    }


def _folders(folder: Path) -> dict[str, str]:
    names = {
        "HOME": "home",
        "IPYTHONDIR": "ipython",
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
    }
    return {name: str(folder / where) for name, where in names.items()}


def _write_settings(config: Path) -> None:
    for name, settings in _SETTINGS.items():
        path = config / "lab" / "user-settings" / "@jupyterlab"
        path = path / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(settings), "utf-8")
