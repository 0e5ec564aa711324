"""Lists and tables that may grow without end while they are being received.

Owns which items and rows of the open block are finished, and when they can be written
once as HTML instead of being parsed again with each chunk.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from markdown_it.token import Token

from stepmagic.markdown import to_html
from stepmagic.markdown.blocks import TextPieces
from stepmagic.markdown.boundaries import is_blank, line_span
from stepmagic.markdown.links import count_brackets

_MOST_ADDED_CELLS = 0x10000
"""Cells that a table's short rows may lack; markdown-it then ends the table (its
``MAX_AUTOCOMPLETED_CELLS``, which versions before 3.0.1 do not name)."""

LISTS = ("bullet_list_open", "ordered_list_open")

_HTML_PER_CHARACTER = 2_048
"""Characters of table HTML that are joined again for each character of new rows."""

_IN_ITEM = 2
"""The level of blocks directly in the items of a list."""

_FORMULA = re.compile(r"^ {0,3}(?:\$\$|\\\[)", re.MULTILINE)


@dataclass(slots=True, kw_only=True)
class WrittenBlock:
    """The open list or table, with its finished items or rows written as HTML."""

    opening: Token
    head: str = ""
    """Lines without which later rows would not be parsed as part of the table."""
    before: str
    """HTML before the finished items or rows."""
    after: str
    """HTML after all of them."""
    written: TextPieces = field(default_factory=TextPieces)
    """HTML of the finished items or rows."""
    brackets: int = 0
    """How many ``[`` the source of ``written`` contains."""
    missing_cells: int = 0
    """Cells that markdown-it adds to short rows; it ends a table with too many."""

    def continues(self, tokens: Sequence[Token]) -> bool:
        """Whether the text after the finished part begins with the same block."""
        return (
            bool(tokens)
            and tokens[0].type == self.opening.type
            and tokens[0].markup == self.opening.markup
            and self.missing_cells <= _MOST_ADDED_CELLS
        )

    def may_wait(self, rows: str) -> bool:
        """Whether a table need not show rows yet; a long one shows several at once."""
        lines = rows.splitlines()
        most = sum(map(len, self.written)) // _HTML_PER_CHARACTER
        is_table = bool(self.head) and all("|" in line for line in lines)
        return is_table and (not lines or len(rows) < most)

    def html(self, tokens: Sequence[Token]) -> str:
        """Return the block, continued by tokens of the text after the finished part."""
        end = first_block_end(tokens)
        is_list = self.opening.type in LISTS
        begin, last = (1, end) if is_list else row_span(tokens[:end])
        return "".join(
            (
                self.before,
                *self.written,
                to_html.write(tokens[begin:last], highlight=False),
                self.after,
                to_html.write(tokens[end + 1 :], highlight=False),
            )
        )


def write_finished(
    tokens: Sequence[Token], text: str, block: WrittenBlock | None
) -> tuple[WrittenBlock, str] | None:
    """Write what is finished of a list or table; return that and the text after it.

    Args:
        tokens: The head of what is written already and the text; one block.
        text: Complete lines, after the head.
        block: What is written already.
    """
    if tokens[0].type in LISTS:
        return _write_items(tokens, text, block)
    if tokens[0].type == "table_open" and not _FORMULA.search(text):
        return _write_rows(tokens, text, block)
    return None


def _write_items(
    tokens: Sequence[Token], text: str, block: WrittenBlock | None
) -> tuple[WrittenBlock, str] | None:
    begin, _ = item_spans(tokens)[-1]
    if begin == 1:
        return None
    if block is None:
        block = WrittenBlock(
            opening=tokens[0],
            before=to_html.write(tokens[:1], highlight=False),
            after=to_html.write(tokens[-1:], highlight=False),
        )
    block.written.add(to_html.write(tokens[1:begin], highlight=False))
    block.brackets += count_brackets(tokens[1:begin])
    lines = text.splitlines(keepends=True)
    return block, "".join(lines[line_span(tokens[begin])[0] :])


def _write_rows(
    tokens: Sequence[Token], text: str, block: WrittenBlock | None
) -> tuple[WrittenBlock, str] | None:
    begin, end = row_span(tokens)
    if begin == end:
        return None
    lines = text.splitlines(keepends=True)
    if block is None:
        block = WrittenBlock(
            opening=tokens[0],
            head="".join(lines[:2]),
            before=to_html.write(tokens[:begin], highlight=False),
            after=to_html.write(tokens[end:], highlight=False),
        )
        del lines[:2]
    block.written.add(to_html.write(tokens[begin:end], highlight=False))
    block.brackets += count_brackets(tokens[begin:end])
    columns = sum(token.type == "th_open" for token in tokens)
    block.missing_cells += sum(max(0, columns + 1 - line.count("|")) for line in lines)
    return block, ""


def first_block_end(tokens: Sequence[Token]) -> int:
    """Return the place of the token that closes the first block."""
    return next(
        (place for place, token in enumerate(tokens) if place and not token.level), 0
    )


def row_span(tokens: Sequence[Token]) -> tuple[int, int]:
    """Return where the rows of a table begin and end, without its head."""
    places = [place for place, token in enumerate(tokens) if token.tag == "tbody"]
    return (places[0] + 1, places[1]) if places else (0, 0)


def item_spans(tokens: Sequence[Token]) -> list[tuple[int, int]]:
    """Return where each item of a list begins and ends."""
    places = [
        place
        for place, token in enumerate(tokens[: first_block_end(tokens)])
        if token.level == 1 and token.tag == "li"
    ]
    return [(a, b + 1) for a, b in zip(places[::2], places[1::2], strict=True)]


def is_loose_list(tokens: Sequence[Token], lines: Sequence[str]) -> bool:
    """Whether the first block is a list, and loose by the rule of markdown-it.

    Its tokens show that only if paragraphs are directly in the items.
    """
    spans = item_spans(tokens) if tokens[0].type in LISTS else []
    for begin, end in spans:
        children = [
            line_span(token)
            for token in tokens[begin:end]
            if token.level == _IN_ITEM and token.map
        ]
        if any(
            after[0] > here[1] or is_blank(lines[here[1] - 1])
            for here, after in itertools.pairwise(children)
        ):
            return True
    maps = [line_span(tokens[begin]) for begin, _ in spans[:-1]]
    return any(b - a > 1 and is_blank(lines[b - 1]) for a, b in maps)


def make_loose(tokens: Sequence[Token]) -> None:
    """Make the first block a loose list, if it is a list."""
    is_list = bool(tokens) and tokens[0].type in LISTS
    for place in range(first_block_end(tokens) if is_list else 0):
        if tokens[place].level == _IN_ITEM and tokens[place].tag == "p":
            tokens[place].hidden = False
