"""Fixtures of the tests of ask/batch."""

from __future__ import annotations

import pytest

from openrouter_server import OpenRouterServer
from rows import echo


@pytest.fixture
def asks(server: OpenRouterServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask the test server, which answers by what it was asked."""
    monkeypatch.setenv("OPENROUTER_API_KEY", server.key)
    monkeypatch.setenv("STEPMAGIC_BASE_URL", server.url)
    server.default = echo()
