"""The cells above the one that runs: from the notebook's file and the kernel's history.

The order and the Markdown cells are those of the file as it was last saved, whose path
Jupyter's server puts into ``JPY_SESSION_NAME``; code is what ran. Where the file does
not have the current cell, all that ran is above it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from stepmagic.attachments.files.notebooks import read_cells, source_of
from stepmagic.attachments.notebook.host import Host
from stepmagic.errors import AttachmentError
from stepmagic.transcript.usage import format_count

_MOST_RANGES = 20
"""Of cells that are named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedCell:
    """A cell above the question."""

    source: str
    number: int | None = None
    """As in ``In [3]``; None where it did not run in this kernel."""
    id: str | None = None
    """In the file."""
    is_code: bool = True
    has_pictures: bool = False
    """Whether pictures were pasted into it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CellsAbove:
    """The cells above the question, in order."""

    cells: Sequence[PlacedCell]
    differences: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()


def find_above(host: Host) -> CellsAbove:
    """Return the cells of the file above the current one, else all that ran."""
    sources = _sources(host)
    path = os.environ.get("JPY_SESSION_NAME")
    if host.cell is None or not path:
        reason = "the front end names neither the notebook's file nor the current cell"
        return _executed(sources, reason)
    file = Path(path)
    try:
        cells = read_cells(file)
        saved = datetime.fromtimestamp(file.stat().st_mtime).astimezone()
    except (AttachmentError, OSError) as exc:
        return _executed(sources, f"the notebook's file cannot be used: {exc}")
    when = f"`{file.name}`, saved {saved:%Y-%m-%d %H:%M:%S}"
    ids = [cell.get("id") for cell in cells]
    if host.cell.id not in ids:
        return _executed(sources, f"the current cell is not in {when}")
    return _in_file(host, sources, cells, when)


def _sources(host: Host) -> dict[int, str]:
    """Return what ran before the current cell, as it was typed, by its number."""
    if not host.has_shell:
        return {}
    typed = enumerate(host.history.input_hist_raw[: host.cell_number])
    current = host.cell.id if host.cell else None
    own = {n for n, cell in host.cells_ran.items() if cell.id == current}
    return {n: source for n, source in typed if n and source.strip() and n not in own}


def _executed(sources: Mapping[int, str], reason: str) -> CellsAbove:
    """Return all cells that ran, for want of the notebook's file."""
    cells = [PlacedCell(source=source, number=n) for n, source in sources.items()]
    said = (
        "All cells that ran in this kernel are taken, in the order in which they ran, "
        f"without Markdown cells: {reason.rstrip('.')}."
    )
    return CellsAbove(cells=cells, differences=(said,) if cells else ())


def _in_file(
    host: Host,
    sources: Mapping[int, str],
    saved: Sequence[Mapping[str, Any]],
    when: str,
) -> CellsAbove:
    """Return the cells of the file above the current one, with what ran of them.

    Cells that ran and are not in the file follow at the end.
    """
    current = host.cell.id if host.cell else ""
    runs = _Runs(sources, {n: cell.id for n, cell in host.cells_ran.items()})
    numbers = [runs.take(cell) for cell in saved]
    place = [cell.get("id") for cell in saved].index(current)
    pairs = list(zip(saved, numbers, strict=True))[:place]
    cells = [_read(cell, number, sources) for cell, number in pairs]
    cells = [cell for cell in cells if cell.source.strip() or cell.has_pictures]
    differences: list[str] = []
    typed = [(n, source_of(cell).strip()) for cell, n in pairs if n is not None]
    if edited := [n for n, source in typed if sources[n].strip() != source]:
        differences.append(f"{_cells(edited)} ran with other code than the file has.")
    if new := runs.not_in(saved):
        cells += [PlacedCell(source=sources[n], number=n) for n in new]
        differences.append(
            f"{_cells(new)} ran but are not in the file (new, or deleted since): they "
            "are at the end, wherever they were in the notebook."
        )
    order = f"The order and the Markdown cells are those of {when}."
    if differences:
        return CellsAbove(cells=cells, differences=(order, *differences))
    return CellsAbove(cells=cells, notices=(order,))


def _read(
    cell: Mapping[str, Any], number: int | None, sources: Mapping[int, str]
) -> PlacedCell:
    """Return a cell of the file: its code as it ran, where it did."""
    if cell.get("cell_type") != "code":
        return PlacedCell(
            source=source_of(cell),
            is_code=False,
            has_pictures=bool(cell.get("attachments")),
        )
    source = source_of(cell) if number is None else sources[number]
    return PlacedCell(source=source, number=number, id=cell.get("id"))


class _Runs:
    """Which number each cell of a file last ran under.

    Front ends name the cells that they run; those that ran before ``%load_ext`` are
    found by their code.

    Args:
        sources: What ran, by its number.
        ids: The ids of cells, by number.
    """

    def __init__(self, sources: Mapping[int, str], ids: Mapping[int, str]) -> None:
        self._last = {ids[n]: n for n in sources if n in ids}
        self._unnamed: dict[str, list[int]] = {}
        for number, source in sources.items():
            if number not in ids:
                self._unnamed.setdefault(source.strip(), []).append(number)

    def take(self, cell: Mapping[str, Any]) -> int | None:
        """Return the number of a code cell; None where it did not run."""
        if cell.get("cell_type") != "code":
            return None
        if (known := self._last.get(str(cell.get("id")))) is not None:
            return known
        found = self._unnamed.get(source_of(cell).strip())
        if not found:
            return None
        count = cell.get("execution_count")
        return found.pop(found.index(count) if count in found else -1)

    def not_in(self, saved: Iterable[Mapping[str, Any]]) -> list[int]:
        """Return the numbers of what ran and is not in the file, in order."""
        cells = [cell for cell in saved if cell.get("cell_type") == "code"]
        ids = {str(cell.get("id")) for cell in cells}
        codes = {source_of(cell).strip() for cell in cells}
        named = [number for name, number in self._last.items() if name not in ids]
        for code, numbers in self._unnamed.items():
            named += numbers if code not in codes else []
        return sorted(named)


def named(cells: Iterable[PlacedCell]) -> str:
    """Return what cells are: ``cells 1-4, 2 Markdown cells``."""
    cells = list(cells)
    numbers = sorted(cell.number for cell in cells if cell.number is not None)
    names = [_cells(numbers).lower()] if numbers else []
    prose = sum(not cell.is_code for cell in cells)
    unexecuted = len(cells) - len(numbers) - prose
    names += [format_count(prose, "Markdown cell")] if prose else []
    if unexecuted:
        names.append(f"{format_count(unexecuted, 'code cell')} that did not run")
    return ", ".join(names)


def _cells(numbers: Iterable[int]) -> str:
    """Return the names of cells that ran: ``Cell 3``, ``Cells 1-4, 7``."""
    ranges: list[list[int]] = []
    for number in sorted(numbers):
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    spans = [f"{a}" if a == b else f"{a}-{b}" for a, b in ranges[:_MOST_RANGES]]
    if more := sum(b - a + 1 for a, b in ranges[_MOST_RANGES:]):
        spans.append(f"and {more:,} more")
    is_one = len(ranges) == 1 and ranges[0][0] == ranges[0][1]
    return f"{'Cell' if is_one else 'Cells'} {', '.join(spans)}"
