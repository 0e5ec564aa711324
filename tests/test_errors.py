"""The tree of errors, as its docstring draws it and as IPython shows it."""

from __future__ import annotations

import inspect
import pickle
from typing import Any

import pytest

from stepmagic import errors
from stepmagic.errors import (
    Interrupted,
    ServerError,
    ServerOverloaded,
    StepError,
    did_you_mean,
    shorten,
)

CLASSES = {
    name: kind
    for name, kind in inspect.getmembers(errors, inspect.isclass)
    if kind.__module__ == errors.__name__
}


def drawn_bases() -> dict[str, str | None]:
    """Return each class of the docstring's tree with the one it stands under."""
    bases: dict[str, str | None] = {}
    above: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        words = line.split()
        if not line.startswith("    ") or not words:
            continue
        indent = len(line) - len(line.lstrip())
        above = [(depth, name) for depth, name in above if depth < indent]
        bases[words[0]] = above[-1][1] if above else None
        above.append((indent, words[0]))
    return bases


def test_docstring_draws_the_tree() -> None:
    real = {name: kind.__bases__[0].__name__ for name, kind in CLASSES.items()}
    drawn = drawn_bases()
    assert {name: base for name, base in drawn.items() if base} == {
        name: base for name, base in real.items() if base in CLASSES
    }
    assert drawn["StepError"] is drawn["Interrupted"] is None
    assert drawn.keys() == real.keys()


def test_error_is_shown_in_one_line(
    bare_shell: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    bare_shell.run_cell(
        "from stepmagic.errors import KeyMissing\n"
        "raise KeyMissing('no API key. Enter one with `%step key`.')"
    )
    shown = capsys.readouterr()
    assert shown.out == "KeyMissing: no API key. Enter one with `%step key`.\n"
    assert shown.err == ""


def test_interrupt_is_shown_in_one_line(
    bare_shell: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    bare_shell.run_cell(
        "from stepmagic.errors import Interrupted\nraise Interrupted('stopped.')"
    )
    assert capsys.readouterr().out == "Interrupted: stopped.\n"


def test_interrupt_stops_a_run_of_cells() -> None:
    """A front end stops "Run All" at a KeyboardInterrupt."""
    assert issubclass(Interrupted, KeyboardInterrupt)
    assert not issubclass(Interrupted, Exception)


def test_server_error_keeps_what_the_server_said() -> None:
    error = ServerOverloaded(
        "busy", status=429, retry_after_s=2.5, retryable=True, request_id="gen-1"
    )
    assert (error.status, error.retry_after_s, error.request_id) == (429, 2.5, "gen-1")
    assert error.retryable


@pytest.mark.parametrize("kind", [StepError, ServerError, ServerOverloaded])
def test_error_is_pickled_whole(kind: type[StepError]) -> None:
    """A worker process hands its error on."""
    error = kind("what happened")
    copied = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert type(copied) is kind
    assert str(copied) == "what happened"
    assert vars(copied) == vars(error)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("hisory", " Did you mean history?"),
        ("sav", " Did you mean save?"),
        ("zzz", ""),
        ("", ""),
    ],
)
def test_nearest_name_is_hinted_at(name: str, hint: str) -> None:
    assert did_you_mean(name, iter(["history", "save"])) == hint


def test_hint_names_several_in_their_form() -> None:
    names = ["column_a", "column_b", "column_c", "other"]
    hint = did_you_mean("column", names, most=2, form=repr)
    assert hint.startswith(" Did you mean 'column_")
    assert hint.count("column_") == 2


@pytest.mark.parametrize(
    ("text", "short"), [("", ""), ("abc", "abc"), ("abcd", "abc...")]
)
def test_long_text_is_shortened(text: str, short: str) -> None:
    assert shorten(text, 3) == short
