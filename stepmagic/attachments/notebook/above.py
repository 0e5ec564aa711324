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

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from stepmagic.attachments.attachment import Attached, Handling, UserPart
from stepmagic.attachments.files.source import refuse_private_key
from stepmagic.attachments.files.text import fence
from stepmagic.attachments.notebook.cells import MOST_CHARACTERS, attach_cell
from stepmagic.attachments.notebook.host import Host
from stepmagic.attachments.notebook.order import PlacedCell, find_above, named
from stepmagic.errors import AttachmentError
from stepmagic.transcript import Text, Turn
from stepmagic.transcript.usage import estimate_part, estimate_tokens, format_count

_NAME = "notebook so far"
_CUT_CHARACTERS = 1000
"""Of an output, where the cell does not fit otherwise."""

_HEAD_TOKENS = 300
"""For what describes the attachment, its marks, and the names of what is left out."""

_PICTURE_TOKENS = 150
"""For the label of a picture, and the marks of the text that it divides."""

_MAGIC = re.compile(r"\s*%%step(?:[ \t][^\n]*)?\n")
_PLACEHOLDER = re.compile(r"\{\{.*?\}\}", re.DOTALL)


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
    above = find_above(host)
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
            f"Left out to keep to {handling.above_tokens:,} tokens: {named(left_out)}."
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


# Which cells are in the conversation already.


@dataclass(frozen=True, slots=True)
class _Asked:
    """The turns of a conversation, as its cells asked them."""

    cells: frozenset[str]
    executions: frozenset[str]
    questions: tuple[str, ...]
    """Of the turns whose cell is not known."""
    ran: Mapping[int, str]
    """The executions of cells by their numbers."""

    def has(self, cell: PlacedCell) -> bool:
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


# How much fits.


def _chosen(
    host: Host, cells: Sequence[PlacedCell], handling: Handling, budget: int
) -> tuple[list[_Form], Sequence[PlacedCell]]:
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


def _too_long(cell: PlacedCell, most: int) -> AttachmentError:
    message = (
        f"--above: {named([cell])}, the nearest, takes about "
        f"{estimate_tokens(cell.source):,} tokens; at most {most:,} are sent. Raise "
        "`%config StepMagic.above_tokens`, which goes up to a quarter of the model's "
        "context, or choose with `--cells`."
    )
    return AttachmentError(message)


def _forms(host: Host, cell: PlacedCell, handling: Handling) -> Iterator[_Form]:
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


def _unexecuted(cell: PlacedCell) -> _Form:
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
