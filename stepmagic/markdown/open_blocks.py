"""Blocks that may grow without end: fences, tables and lists.

Owns which part of such a block is finished, and when it can be written by itself.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from markdown_it.common.utils import normalizeReference
from markdown_it.token import Token

from stepmagic.markdown import to_html

_MOST_ADDED_CELLS = 0x10000
"""Cells that a table's short rows may lack; markdown-it then ends the table (its
``MAX_AUTOCOMPLETED_CELLS``, which versions before 3.0.1 do not name)."""

LISTS = ("bullet_list_open", "ordered_list_open")

_MOST_PIECES = 64

_LETTERS_PER_LETTER = 2_048
"""HTML of a table that is put together again for each letter in new rows."""

_IN_ITEM = 2
"""The level of what stands directly in the items of a list."""

_LABEL = re.compile(r"(?=\[((?:[^][\\]|\\.){0,999}+)\])", re.DOTALL)
_FORMULA = re.compile(r"^ {0,3}(?:\$\$|\\\[)", re.MULTILINE)


class Pieces(list[str]):
    """Text in pieces, few enough to be joined again and again."""

    def add(self, piece: str) -> None:
        """Add a piece at the end."""
        self.append(piece)
        if len(self) > _MOST_PIECES:
            self[:] = ["".join(self)]


class Fence:
    """Code that ends with its closing fence, or never."""

    def __init__(self, language: str = "", marker: str = "") -> None:
        """Begin a block; without a ``marker``, its opening fence, it never ends."""
        self.is_endless = not marker
        self._before, self._after = to_html.code_box(language)
        self._written = Pieces()
        sign, least = re.escape(marker[:1] or "`"), max(1, len(marker))
        self._closing = re.compile(
            rf"^ {{0,3}}{sign}{{{least},}}[ \t]*\n", re.MULTILINE
        )
        self._may_close = re.compile(rf" {{0,3}}{sign}*[ \t]*")

    def take(self, lines: str) -> str | None:
        """Take whole lines; return what comes after the closing fence, if it came."""
        end = None if self.is_endless else self._closing.search(lines)
        self._written.add(to_html.code(lines[: end.start()] if end else lines))
        return lines[end.end() :] if end else None

    def html(self, partial: str = "") -> str:
        """Return the block with the begun last line, unless that may close it."""
        if not self.is_endless and self._may_close.fullmatch(partial):
            partial = ""
        return "".join(
            (self._before, *self._written, to_html.code(partial), self._after)
        )


@dataclass(slots=True, kw_only=True)
class Grown:
    """The finished rows of a table or items of a list, written."""

    opening: Token
    head: str = ""
    """Lines without which the rest would not be parsed as part of the same block."""
    before: str
    after: str
    written: Pieces = field(default_factory=Pieces)
    brackets: int = 0
    missing: int = 0
    """Cells that markdown-it adds to short rows; it ends a table with too many."""

    def goes_on(self, tokens: Sequence[Token]) -> bool:
        """Whether the text after this part begins with the same block."""
        return (
            bool(tokens)
            and tokens[0].type == self.opening.type
            and tokens[0].markup == self.opening.markup
            and self.missing <= _MOST_ADDED_CELLS
        )

    def waits(self, rows: str) -> bool:
        """Whether a table need not show rows yet; a large one shows several at once."""
        lines = rows.splitlines()
        most = sum(map(len, self.written)) // _LETTERS_PER_LETTER
        is_table = bool(self.head) and all("|" in line for line in lines)
        return is_table and (not lines or len(rows) < most)

    def html(self, tokens: Sequence[Token]) -> str:
        """Return the block with what was parsed from where this one ended."""
        end = closing(tokens)
        begin, last = (1, end) if self.opening.type in LISTS else rows(tokens[:end])
        return "".join(
            (
                self.before,
                *self.written,
                to_html.write(tokens[begin:last], highlight=False),
                self.after,
                to_html.write(tokens[end + 1 :], highlight=False),
            )
        )


def closing(tokens: Sequence[Token]) -> int:
    """Return where the first block of tokens closes."""
    return next(
        (place for place, token in enumerate(tokens) if place and not token.level), 0
    )


def rows(tokens: Sequence[Token]) -> tuple[int, int]:
    """Return where the rows of a table begin and end, without its head."""
    places = [place for place, token in enumerate(tokens) if token.tag == "tbody"]
    return (places[0] + 1, places[1]) if places else (0, 0)


def items(tokens: Sequence[Token]) -> list[tuple[int, int]]:
    """Return where the items of a list begin and end."""
    places = [
        place
        for place, token in enumerate(tokens[: closing(tokens)])
        if token.level == 1 and token.tag == "li"
    ]
    return [(a, b + 1) for a, b in zip(places[::2], places[1::2], strict=True)]


def is_loose(tokens: Sequence[Token], lines: Sequence[str]) -> bool:
    """Whether the first block is a list and loose by markdown-it's rule.

    Its tokens say so only where paragraphs stand directly in the items.
    """
    spans = items(tokens) if tokens[0].type in LISTS else []
    for begin, end in spans:
        children = [
            span(token)
            for token in tokens[begin:end]
            if token.level == _IN_ITEM and token.map
        ]
        if any(
            after[0] > here[1] or is_blank(lines[here[1] - 1])
            for here, after in itertools.pairwise(children)
        ):
            return True
    maps = [span(tokens[begin]) for begin, _ in spans[:-1]]
    return any(b - a > 1 and is_blank(lines[b - 1]) for a, b in maps)


def unhide(tokens: Sequence[Token]) -> None:
    """Make the first block loose if it is a list."""
    for place in range(closing(tokens) if tokens and tokens[0].type in LISTS else 0):
        if tokens[place].level == _IN_ITEM and tokens[place].tag == "p":
            tokens[place].hidden = False


def fold(
    tokens: Sequence[Token], text: str, grown: Grown | None
) -> tuple[Grown, str] | None:
    """Write what is finished of a list or table; return that and the rest of the text.

    Args:
        tokens: Of the head of what is grown and the text; one block.
        text: Whole lines, after the head.
        grown: What is written already.
    """
    if tokens[0].type in LISTS:
        return _fold_list(tokens, text, grown)
    if tokens[0].type == "table_open" and not _FORMULA.search(text):
        return _fold_table(tokens, text, grown)
    return None


def _fold_list(
    tokens: Sequence[Token], text: str, grown: Grown | None
) -> tuple[Grown, str] | None:
    begin, _ = items(tokens)[-1]
    if begin == 1:
        return None
    if grown is None:
        grown = Grown(
            opening=tokens[0],
            before=to_html.write(tokens[:1], highlight=False),
            after=to_html.write(tokens[-1:], highlight=False),
        )
    grown.written.add(to_html.write(tokens[1:begin], highlight=False))
    grown.brackets += brackets(tokens[1:begin])
    lines = text.splitlines(keepends=True)
    return grown, "".join(lines[span(tokens[begin])[0] :])


def _fold_table(
    tokens: Sequence[Token], text: str, grown: Grown | None
) -> tuple[Grown, str] | None:
    begin, end = rows(tokens)
    if begin == end:
        return None
    lines = text.splitlines(keepends=True)
    if grown is None:
        grown = Grown(
            opening=tokens[0],
            head="".join(lines[:2]),
            before=to_html.write(tokens[:begin], highlight=False),
            after=to_html.write(tokens[end:], highlight=False),
        )
        del lines[:2]
    grown.written.add(to_html.write(tokens[begin:end], highlight=False))
    grown.brackets += brackets(tokens[begin:end])
    columns = sum(token.type == "th_open" for token in tokens)
    grown.missing += sum(max(0, columns + 1 - line.count("|")) for line in lines)
    return grown, ""


def span(token: Token) -> tuple[int, int]:
    """Return the first line of a block and the one after its last."""
    begin, end = token.map or (0, 0)
    return begin, end


def is_blank(line: str) -> bool:
    """Whether a line is empty to markdown-it."""
    return not line.strip(" \t")


def brackets(tokens: Sequence[Token]) -> int:
    """Return the number of ``[`` in what may hold links."""
    return sum(line.count("[") for line in _lines(tokens))


def labels(tokens: Sequence[Token]) -> set[str]:
    """Return what link definitions could give an address, as CommonMark compares it."""
    return {
        normalizeReference(found[1])
        for line in _lines(tokens)
        if "[" in line
        for found in _LABEL.finditer(line)
    }


def _lines(tokens: Sequence[Token]) -> Iterator[str]:
    return (token.content for token in tokens if token.type == "inline")
