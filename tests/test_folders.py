"""Where files lie that outlive the kernel."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from stepmagic.settings import cache_folder, state_folder


@pytest.mark.parametrize("find", [cache_folder, state_folder])
def test_folder_is_the_users_own(find: Callable[[], Path]) -> None:
    folder = find()
    assert folder.name == "stepmagic"
    assert folder.is_relative_to(os.environ["HOME"])


def test_cache_and_state_lie_apart() -> None:
    assert cache_folder() != state_folder()


@pytest.mark.parametrize(
    ("variable", "find"),
    [("STEPMAGIC_CACHE", cache_folder), ("STEPMAGIC_STATE", state_folder)],
)
def test_variable_names_another_folder(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    variable: str,
    find: Callable[[], Path],
) -> None:
    monkeypatch.setenv(variable, str(tmp_path))
    assert find() == tmp_path
    monkeypatch.setenv(variable, "~/own")
    assert find() == Path.home() / "own"
