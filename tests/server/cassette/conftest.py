"""Fixtures of the tests of server/cassette."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cassettes import NOWHERE
from openrouter_server import (
    OpenRouterServer,
)
from stepmagic.session import session
from stepmagic.settings import current


@pytest.fixture
def path(
    server: OpenRouterServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Put an empty cassette in, before the test server."""
    monkeypatch.setenv("OPENROUTER_API_KEY", server.key)
    monkeypatch.setenv("STEPMAGIC_RETRIES", "1")
    settings = current()
    settings.base_url = server.url
    settings.cassette = str(tmp_path / "notes.jsonl")
    return tmp_path / "notes.jsonl"


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what takes away key and server, as in a new kernel."""

    def leave(mode: str = "replay") -> None:
        monkeypatch.delenv("OPENROUTER_API_KEY")
        current().base_url = NOWHERE
        current().cassette_mode = mode
        session().cassettes.clear()

    return leave
