"""Fixtures of the test server; ``conftest.py`` loads them as a plugin."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import httpx
import pytest

from openrouter_server import OpenRouterServer

if TYPE_CHECKING:
    from stepmagic.session import Session


@pytest.fixture(scope="session")
def running_server() -> Iterator[OpenRouterServer]:
    """One socket and one thread for the whole run; starting takes seconds."""
    with OpenRouterServer() as server:
        yield server


@pytest.fixture
def server(running_server: OpenRouterServer) -> Iterator[OpenRouterServer]:
    """An OpenRouter look-alike with an empty script.

    A test that sent a request the server had to refuse fails, unless it says
    ``server.faults.clear()``.
    """
    running_server.reset()
    yield running_server
    if running_server.faults:
        pytest.fail("\n".join(["the test server refused:", *running_server.faults]))


@pytest.fixture
def here(server: OpenRouterServer, monkeypatch: pytest.MonkeyPatch) -> Session:
    """Return the session of a kernel that asks the test server; there is no shell."""
    # Measured from its first import on, which a plugin would come before.
    from stepmagic.session import session  # noqa: PLC0415

    monkeypatch.setenv("OPENROUTER_API_KEY", server.key)
    monkeypatch.setenv("STEPMAGIC_BASE_URL", server.url)
    return session()


@pytest.fixture
def client(server: OpenRouterServer) -> Iterator[httpx.Client]:
    """A plain HTTP client that has the server's key."""
    headers = {"Authorization": f"Bearer {server.key}"}
    with httpx.Client(base_url=server.url, headers=headers, timeout=5) as client:
        yield client
