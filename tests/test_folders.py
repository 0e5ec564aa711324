"""Where files lie that outlive the kernel."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stepmagic.folders import cache_folder


def test_cache_lies_in_the_users_own_folder() -> None:
    folder = cache_folder()
    assert folder.name == "stepmagic"
    assert folder.is_relative_to(os.environ["HOME"])


def test_variable_names_another_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("STEPMAGIC_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.setenv("STEPMAGIC_CACHE", "~/cache")
    assert cache_folder() == Path.home() / "cache"
