"""What may hold secrets: modules, the environment and copies of it."""

from __future__ import annotations

import collections
import os
import types
from typing import Any

import numpy as np
import pytest

from alarms import ALARMS
from stepmagic.attachments.secrets import reads_environment, refuse_secretive, secretive
from stepmagic.errors import AttachmentError


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANTED", "secret")


class LazyModule(types.ModuleType):
    """A module of another type."""


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: os, "a module"),
        (lambda: LazyModule("lazy"), "a module"),
        (lambda: os.environ, "the environment"),
        (lambda: os.environb, "the environment"),
        (lambda: dict(os.environ), "a copy of the environment"),
        (lambda: {**os.environ, "MORE": "1", "HOME": "elsewhere"}, "a copy of the"),
        (lambda: collections.OrderedDict(os.environ), "a copy of the environment"),
    ],
)
def test_secretive_values_are_told_and_refused_wherever_they_lie(
    make: Any, what: str
) -> None:
    value = make()
    assert secretive(value).startswith(what)
    with pytest.raises(AttachmentError, match=f"`x` is {what}"):
        refuse_secretive(value, "x")
    for holder in ([value], {"a": (1, [value])}, collections.defaultdict(int, a=value)):
        with pytest.raises(AttachmentError, match=f"`x` contains {what}"):
            refuse_secretive(holder, "x")


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"HOME": "elsewhere"},
        {"PLANTED": np.zeros(3)},
        [1, {2}, frozenset((3,))],
        "environ",
        None,
        os.getenv,
    ],
)
def test_other_values_are_not(value: Any) -> None:
    assert secretive(value) == ""
    refuse_secretive(value, "x")


def test_an_empty_environment_has_no_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in tuple(os.environ):
        monkeypatch.delenv(name)
    assert secretive({}) == ""


@pytest.mark.parametrize("name", ALARMS)
def test_code_of_a_value_is_never_run(name: str) -> None:
    refuse_secretive([ALARMS[name], {"a": ALARMS[name]}], "x")


def test_endless_and_long_lists_are_looked_through_in_bounds() -> None:
    endless: list[Any] = []
    endless += [endless, endless]
    refuse_secretive(endless, "x")
    refuse_secretive(list(range(1_000_000)), "x")


@pytest.mark.parametrize(
    ("value", "reads"),
    [
        (os.environ, True),
        (os.environb, True),
        (os.environ.get, True),
        (os.getenv, True),
        (os.getenvb, True),
        (os.getcwd, False),
        (os.path.join, False),
        ({}.get, False),
        (types.SimpleNamespace, False),
        ("x", False),
    ],
)
def test_readers_of_the_environment_are_known(value: Any, *, reads: bool) -> None:
    assert reads_environment(value) is reads
