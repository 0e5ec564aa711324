"""Fixtures of the tests of conversation."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from openrouter_server import (
    OpenRouterServer,
)
from stepmagic.server.catalogue import Catalogue
from stepmagic.server.options import Options, Overrides, resolve
from stepmagic.settings import current
from stepmagic.transcript import (
    Protocol,
)


@pytest.fixture
def ask_with(
    server: OpenRouterServer, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Options]:
    """Return a maker of options that ask the test server."""
    monkeypatch.setenv("OPENROUTER_API_KEY", server.key)
    settings = current()
    settings.base_url = server.url
    settings.retries = 1
    settings.idle_timeout_s = 5

    def options(api: Protocol = "chat", **overrides: object) -> Options:
        parameters = {"api": api, "max_tokens": 5000}
        given = {"parameters": parameters, **overrides}
        return resolve(
            settings,
            Catalogue(server.url),
            Overrides(),
            Overrides(**given),  # type: ignore[arg-type]  # checked by the dataclass
        )

    return options
