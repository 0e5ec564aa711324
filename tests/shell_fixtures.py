"""A real shell with the extension loaded; ``conftest.py`` loads it as a plugin."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import CapturedIO, capture_output
from traitlets.config import Config

from openrouter_server import OpenRouterServer


class ShellUnderTest:
    """A shell that raises what a cell raises and keeps what it showed."""

    def __init__(self, shell: InteractiveShell) -> None:
        """Take a shell that has the extension."""
        self.shell = shell
        self.printed = ""
        self.shown: list[dict[str, str]] = []

    def run(self, code: str) -> Any:
        """Run a cell; returns its value.

        Raises:
            BaseException: Whatever the cell raised.
        """
        captured: CapturedIO
        with capture_output() as captured:
            result = self.shell.run_cell(code, store_history=True)
        self.printed = captured.stdout + captured.stderr
        self.shown = [output.data for output in captured.outputs]
        result.raise_error()
        return result.result

    def __getitem__(self, name: str) -> Any:
        return self.shell.user_ns[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self.shell.user_ns[name] = value


@pytest.fixture
def bare_shell() -> Iterator[InteractiveShell]:
    """A shell without the extension."""
    # A shell that is reset collects garbage: what is frozen is spared, such as modules.
    gc.collect()
    gc.freeze()
    InteractiveShell.clear_instance()
    config = Config()
    config.HistoryManager.enabled = False
    shell = InteractiveShell.instance(config=config)
    yield shell
    shell.reset(new_session=False)
    InteractiveShell.clear_instance()


@pytest.fixture
def step(
    bare_shell: InteractiveShell,
    server: OpenRouterServer,
    monkeypatch: pytest.MonkeyPatch,
) -> ShellUnderTest:
    """A shell with the extension, asking the test server."""
    monkeypatch.setenv("OPENROUTER_API_KEY", server.key)
    monkeypatch.setenv("STEPMAGIC_BASE_URL", server.url)
    monkeypatch.setenv("STEPMAGIC_RETRIES", "1")
    bare_shell.run_line_magic("load_ext", "stepmagic")
    return ShellUnderTest(bare_shell)
