"""Which cells are above the one that runs; ``test_above`` reads a notebook's file."""

from __future__ import annotations

from typing import Any

import pytest

from stepmagic.attachments.notebook.host import Host
from stepmagic.attachments.notebook.order import (
    CellsAbove,
    PlacedCell,
    find_above,
    named,
)


def code(*numbers: int | None) -> list[PlacedCell]:
    return [PlacedCell(source="1", number=number) for number in numbers]


def test_cell_that_runs_is_not_above_itself(bare_shell: Any) -> None:
    found: list[CellsAbove] = []
    bare_shell.user_ns["find"] = lambda: found.append(find_above(Host(bare_shell)))
    for cell in ("first = 1", "", "second = 2", "find()"):
        bare_shell.run_cell(cell, store_history=True)
    assert [cell.source for cell in found[0].cells] == ["first = 1", "second = 2"]


def test_a_script_has_no_cells_above() -> None:
    assert find_above(Host()) == CellsAbove(cells=[])


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (code(3), "cell 3"),
        (code(4, 1, 2, 7), "cells 1-2, 4, 7"),
        (
            [*code(2, None), PlacedCell(source="# Title", is_code=False)],
            "cell 2, 1 Markdown cell, 1 code cell that did not run",
        ),
        (
            code(*range(1, 61, 2)),
            f"cells {', '.join(map(str, range(1, 41, 2)))}, and 10 more",
        ),
    ],
)
def test_cells_are_named_by_their_numbers(cells: list[PlacedCell], words: str) -> None:
    assert named(cells) == words
