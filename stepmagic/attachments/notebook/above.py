"""The notebook so far within a token budget, for ``--above``.

Code cells and their outputs are those that ran in this kernel. Their order and the
Markdown cells are those of the notebook's file, as it was last saved: Jupyter does not
tell a kernel what the user has typed since. Cells next to the question are chosen
first, and sent in the notebook's order.

The cell that asks is not part of it, nor is what is below it. Cells that only asked a
turn of the conversation which the question continues are not repeated: the question and
the answer are in the conversation already.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from stepmagic.attachments.attachment import Attached, Handling, UserPart
from stepmagic.attachments.files.notebooks import read_cells, source_of
from stepmagic.attachments.files.source import refuse_private_key
from stepmagic.attachments.files.text import fence
from stepmagic.attachments.notebook.cells import MOST_CHARACTERS, attach_cell
from stepmagic.attachments.notebook.host import Host
from stepmagic.errors import AttachmentError
from stepmagic.transcript import Text, Turn
from stepmagic.transcript.usage import estimate_part, estimate_tokens, format_count

_NAME = "notebook so far"
_CUT_CHARACTERS = 1000
"""Of an output, where the cell does not fit otherwise."""

_HEAD_TOKENS = 300
"""For what describes the attachment, its marks, and the names of what is left out."""

_MOST_RANGES = 20
"""Of cells that are named."""

_PICTURE_TOKENS = 150
"""For the label of a picture, and the marks of the text that it divides."""

_MAGIC = re.compile(r"\s*%%step(?:[ \t][^\n]*)?\n")
_PLACEHOLDER = re.compile(r"\{\{.*?\}\}", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cell:
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
class _Above:
    """The cells above the question, in order."""

    cells: Sequence[_Cell]
    differences: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    """What is sent of a cell."""

    parts: tuple[UserPart, ...]
    differences: tuple[str, ...] = ()

    @property
    def tokens(self) -> int:
        """Estimate of what it takes, with what is said about it."""
        pictures = sum(not isinstance(part, Text) for part in self.parts)
        said = sum(map(estimate_tokens, self.differences))
        return (
            sum(map(estimate_part, self.parts)) + said + pictures * _PICTURE_TOKENS + 2
        )


def attach_above(host: Host, handling: Handling, turns: Iterable[Turn]) -> Attached:
    """Return the notebook above the cell that runs now.

    Args:
        host: Where it runs.
        handling: How large images may be, and the budget.
        turns: Of the conversation, whose cells are not repeated.

    Raises:
        AttachmentError: There is nothing above, or the nearest cell does not fit.
    """
    above = _above(host)
    if not above.cells:
        message = (
            "--above: no cell has run in this kernel before this one, and the saved "
            "notebook has none above it."
        )
        raise AttachmentError(message)
    asked = _asked(host, turns)
    cells = [cell for cell in above.cells if not asked.has(cell)]
    if not cells:
        said = "--above: every cell above is in the conversation already."
        return Attached(name=_NAME, kind="notebook", parts=(), notices=(said,))
    budget = handling.above_tokens - _HEAD_TOKENS
    budget -= sum(map(estimate_tokens, above.differences))
    forms, left_out = _chosen(host, cells, handling, budget)
    parts = tuple(_joined(forms))
    refuse_private_key("\n".join(p.text for p in parts if isinstance(p, Text)), _NAME)
    differences = list(above.differences)
    if left_out:
        differences.append(
            f"Left out to keep to {handling.above_tokens:,} tokens: {_named(left_out)}."
        )
    differences += (difference for form in forms for difference in form.differences)
    notices = above.notices
    if left_out:
        notices += ("`%config StepMagic.above_tokens = ...` sends more of it.",)
    return Attached(
        name=_NAME,
        kind="notebook",
        parts=parts,
        size=f"{len(forms):,} of {format_count(len(cells), 'cell')}",
        differences=tuple(dict.fromkeys(differences)),
        notices=notices,
    )


# Which cells are above.


def _above(host: Host) -> _Above:
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


def _executed(sources: Mapping[int, str], reason: str) -> _Above:
    """Return all cells that ran, for want of the notebook's file."""
    cells = [_Cell(source=source, number=n) for n, source in sources.items()]
    said = (
        "All cells that ran in this kernel are taken, in the order in which they ran, "
        f"without Markdown cells: {reason.rstrip('.')}."
    )
    return _Above(cells=cells, differences=(said,) if cells else ())


def _in_file(
    host: Host,
    sources: Mapping[int, str],
    saved: Sequence[Mapping[str, Any]],
    when: str,
) -> _Above:
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
        cells += [_Cell(source=sources[n], number=n) for n in new]
        differences.append(
            f"{_cells(new)} ran but are not in the file: they are at the end, wherever "
            "they are in the notebook now."
        )
    order = f"The order and the Markdown cells are those of {when}."
    if differences:
        return _Above(cells=cells, differences=(order, *differences))
    return _Above(cells=cells, notices=(order,))


def _read(
    cell: Mapping[str, Any], number: int | None, sources: Mapping[int, str]
) -> _Cell:
    """Return a cell of the file: its code as it ran, where it did."""
    if cell.get("cell_type") != "code":
        return _Cell(
            source=source_of(cell),
            is_code=False,
            has_pictures=bool(cell.get("attachments")),
        )
    source = source_of(cell) if number is None else sources[number]
    return _Cell(source=source, number=number, id=cell.get("id"))


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


# Which of them are in the conversation already.


@dataclass(frozen=True, slots=True)
class _Asked:
    """The turns of a conversation, as its cells asked them."""

    cells: frozenset[str]
    executions: frozenset[str]
    questions: tuple[str, ...]
    """Of the turns whose cell is not known."""
    ran: Mapping[int, str]
    """The executions of cells by their numbers."""

    def has(self, cell: _Cell) -> bool:
        """Whether a cell only asked one of the turns."""
        head = _MAGIC.match(cell.source)
        if head is None:
            return False
        if cell.number is None:  # of an earlier kernel, whose conversation was loaded
            return cell.id in self.cells
        if cell.number in self.ran:
            return self.ran[cell.number] in self.executions
        typed = cell.source[head.end() :].strip()
        return any(_is_made_of(question, typed) for question in self.questions)


def _asked(host: Host, turns: Iterable[Turn]) -> _Asked:
    turns = list(turns)
    questions = [
        "".join(
            part.text
            for part in turn.prompt.parts
            if isinstance(part, Text) and part.name is None
        ).strip()
        for turn in turns
        if turn.cell is None
    ]
    return _Asked(
        frozenset(turn.cell.id for turn in turns if turn.cell is not None),
        frozenset(turn.cell.execution for turn in turns if turn.cell is not None),
        tuple(questions),
        {number: cell.execution for number, cell in host.cells_ran.items()},
    )


def _is_made_of(question: str, typed: str) -> bool:
    """Whether a question is what was typed, with values in its placeholders."""
    first, *others = _PLACEHOLDER.split(typed)
    if not others:
        return question == typed
    if not question.startswith(first) or not question.endswith(others[-1]):
        return False
    place = len(first)
    for piece in others:
        place = question.find(piece, place)
        if place < 0:
            return False
        place += len(piece)
    return True


# How much of them fits.


def _chosen(
    host: Host, cells: Sequence[_Cell], handling: Handling, budget: int
) -> tuple[list[_Form], Sequence[_Cell]]:
    """Return what is sent of the last cells that fit, in order, and the others.

    Raises:
        AttachmentError: Not even the last of them fits.
    """
    forms: list[_Form] = []
    for place in range(len(cells) - 1, -1, -1):
        for form in _forms(host, cells[place], handling):
            if form.tokens <= budget:
                budget -= form.tokens
                forms.append(form)
                break
        else:
            if not forms:
                raise _too_long(cells[place], handling.above_tokens)
            return forms[::-1], cells[: place + 1]
    return forms[::-1], ()


def _too_long(cell: _Cell, most: int) -> AttachmentError:
    message = (
        f"--above: {_named([cell])}, the nearest, takes about "
        f"{estimate_tokens(cell.source):,} tokens; at most {most:,} are sent. Raise "
        "`%config StepMagic.above_tokens`, which goes up to a quarter of the model's "
        "context, or choose with `--cells`."
    )
    return AttachmentError(message)


def _forms(host: Host, cell: _Cell, handling: Handling) -> Iterator[_Form]:
    """Yield what can be sent of a cell, the fullest first."""
    if cell.number is None:
        yield _unexecuted(cell)
        return
    name = f"cell {cell.number}"
    for most in (MOST_CHARACTERS, _CUT_CHARACTERS):
        full = attach_cell(host, cell.number, cell.source, handling.limits, most)
        yield _Form(parts=full.parts, differences=full.differences)
    written = tuple(part for part in full.parts if isinstance(part, Text))
    if len(written) < len(full.parts):
        pictures = (f"The pictures of {name} are left out.",)
        yield _Form(parts=written, differences=full.differences + pictures)
    code = f"In [{cell.number}]:\n{fence(cell.source.rstrip(), 'python')}"
    said = f"The output of {name} is left out."
    yield _Form(parts=(Text(text=code),), differences=(said,))


def _unexecuted(cell: _Cell) -> _Form:
    """Return a Markdown cell, or code that did not run in this kernel."""
    if cell.is_code:
        code = fence(cell.source.rstrip(), "python")
        text = f"In [ ], which did not run in this kernel:\n{code}"
        return _Form(parts=(Text(text=text),))
    pictures = "Pictures that were pasted into Markdown cells are left out."
    return _Form(
        parts=(Text(text=cell.source.strip()),),
        differences=(pictures,) if cell.has_pictures else (),
    )


def _joined(forms: Iterable[_Form]) -> Iterator[UserPart]:
    """Yield the parts of cells, with the texts between two pictures made one."""
    texts: list[str] = []
    for part in (part for form in forms for part in form.parts):
        if isinstance(part, Text):
            texts.append(part.text)
            continue
        if texts:
            yield Text(text="\n\n".join(texts))
            texts = []
        yield part
    if texts:
        yield Text(text="\n\n".join(texts))


# How they are called.


def _named(cells: Iterable[_Cell]) -> str:
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
