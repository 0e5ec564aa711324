"""The page of a panel, for the tests of this room."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from panel_pages import Page, opened_page
from shell_fixtures import ShellUnderTest


@pytest.fixture
def page(step: ShellUnderTest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    """A page of the current conversation."""
    with opened_page(step, monkeypatch) as page:
        yield page
