"""Where the blocks of a text that grows are finished.

Owns what later lines may still change: markdown-it looks ahead line by line, so a block
is finished when a whole line has begun another, except after the beginning of what may
become a formula or a link definition. A blank line ends these, and most blocks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from markdown_it.token import Token

from stepmagic.markdown.growing import is_blank, span

_ROW = re.compile(r" {0,3}\|")

# What may begin a formula or a link definition of several lines.
_UNDECIDED = re.compile(r" {0,3}(?:\$\$|\\?\[)")

# Blocks that a blank line ends.
_ENDED_BY_BLANK = {
    *("paragraph_open", "heading_open", "table_open", "blockquote_open", "hr"),
    "math_block",
}


def finished(tokens: Sequence[Token], lines: Sequence[str]) -> int:
    """Return before which line all blocks are finished."""
    blocks = [token for token in tokens if not token.level and token.map]
    if not blocks:
        return len(lines) if lines and is_blank(lines[-1]) else 0
    last = blocks[-1]
    cut, end = span(last)
    if (
        last.type in _ENDED_BY_BLANK
        and end < len(lines)
        and not lines[end].strip(" \t")
    ):
        cut = end + 1
    elif last.type == "fence" and end - cut > last.content.count("\n") + 1:
        cut = end
    return _decided(blocks, lines, cut)


def _decided(blocks: Sequence[Token], lines: Sequence[str], cut: int) -> int:
    """Return the cut, or one before what later lines may still change."""
    begin = cut
    while begin and not is_blank(lines[begin - 1]):
        begin -= 1
    for place in range(begin, cut):
        if _UNDECIDED.match(lines[place]):
            over = (each for each in blocks if place in range(*span(each)))
            around = next(over, None)
            if around is None:
                return place
            # In code that is closed, nothing begins any more.
            if around.type != "fence":
                return span(around)[0]
    return cut


def head_of_table(tokens: Sequence[Token], text: str) -> str:
    """Return the last line if it may be the head of a table, and is text so far."""
    begin = text.rfind("\n", 0, -1) + 1
    is_text = bool(tokens) and tokens[-1].type == "paragraph_close"
    return text[begin:] if is_text and _ROW.match(text, begin) else ""
