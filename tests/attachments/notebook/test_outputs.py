"""What cells displayed: kept in bounds, by the number of the cell."""

from __future__ import annotations

from typing import Any

import pytest

from stepmagic.attachments.notebook import outputs
from stepmagic.attachments.notebook.outputs import Outputs

TEXT = "text/plain"


@pytest.fixture
def kept() -> Outputs:
    """Return what is kept of a shell that runs its first cell."""
    return Outputs(1)


def message(text: str = "x", known: str | None = None, **more: str) -> dict[str, Any]:
    """Return a display message of the Jupyter protocol, as ipykernel makes it."""
    transient = {"display_id": known} if known else {}
    data = {TEXT: text, **more}
    return {
        "msg_type": "display_data",
        "content": {"data": data, "transient": transient},
    }


def texts(kept: Outputs, number: int) -> list[str]:
    return [bundle[TEXT] for bundle in kept.of(number)]


def test_outputs_are_kept_by_the_cell_that_ran(kept: Outputs) -> None:
    kept.take(message("one"))
    kept.take(message("late figure of one"))
    kept.begin(2)
    kept.take(message("two"))
    assert texts(kept, 1) == ["one", "late figure of one"]
    assert texts(kept, 2) == ["two"]
    assert kept.of(3) == []


def test_message_goes_on_unchanged(kept: Outputs) -> None:
    shown = message("x", "a", **{"image/png": "iVBO", "text/html": "<b>"})
    same = message("x", "a", **{"image/png": "iVBO", "text/html": "<b>"})
    assert kept.take(shown) is shown
    assert shown == same
    others: tuple[dict[str, Any], ...] = ({}, {"content": {}}, {"content": {"data": 1}})
    for odd in others:
        assert kept.take(odd) is odd
    assert kept.of(1) == [{"image/png": "iVBO", TEXT: "x", "text/html": "<b>"}]


def test_what_is_drawn_anew_takes_the_place_of_the_output_before(
    kept: Outputs,
) -> None:
    for text, known in (("a1", "a"), ("plain", None), ("a2", "a"), ("b", "2")):
        kept.take(message(text, known))
    assert texts(kept, 1) == ["a2", "plain", "b"]
    kept.begin(2)
    kept.take(message("a3", "a"))
    assert texts(kept, 1) == ["a3", "plain", "b"]
    assert texts(kept, 2) == []


def test_cleared_outputs_are_gone(kept: Outputs) -> None:
    for step in range(3):
        kept.take({"msg_type": "clear_output", "content": {"wait": True}})
        kept.take(message(f"step {step}"))
    assert texts(kept, 1) == ["step 2"]


def test_cells_are_kept_in_bounds(kept: Outputs) -> None:
    for number in range(1, 300):
        kept.begin(number)
        kept.take(message())
    assert [number for number in range(1, 300) if kept.of(number)] == list(
        range(100, 300)
    )


def test_characters_are_kept_in_bounds(
    kept: Outputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outputs, "_MOST_CHARACTERS", 5000)
    for number in (1, 2, 3):
        kept.begin(number)
        kept.take(message(str(number) * 1500))
    assert [len(kept.of(number)) for number in (1, 2, 3)] == [0, 1, 1]
    kept.take(message("y" * 100_000))
    assert [len(kept.of(number)) for number in (2, 3)] == [0, 1]
    kept.take(message("z"))
    assert texts(kept, 3) == ["z"]


def test_one_cell_without_end_is_kept_in_bounds(
    kept: Outputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outputs, "_MOST_CHARACTERS", 5000)
    for number in range(1000):
        kept.take(message(str(number)))
    assert texts(kept, 1) == [str(number) for number in range(991, 1000)]
    for number in range(1000):
        kept.take(message(str(number), "progress"))
    assert texts(kept, 1)[-2:] == ["999", "999"]
