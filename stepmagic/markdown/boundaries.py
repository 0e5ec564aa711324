r"""The end of a text that still grows, and what of it would be shown wrong.

Owns which signs at the end of a line may yet become markup: the caller shows a line
without them until they have been decided. A wrong guess delays a few letters.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from markdown_it.token import Token

from stepmagic.markdown.open_blocks import is_blank, span

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


_FARTHEST = 100
"""Letters that wait at most for the sign that closes what they are in."""

_LONGEST_ROW = 2_000
"""Letters of a line that may be a table row or a formula and waits for its end."""

# Quotes and list items around a line.
_CONTAINERS = re.compile(
    r"[ \t]*(?:>[ \t]*|[-+*](?:[ \t]+|\Z)|\d{1,9}[.)](?:[ \t]+|\Z))*"
)

# A fence; a rule, an underline, a table's delimiters or a list's sign; a heading's or
# an ordinal; a table row; a formula; a link definition.
_FORMING = re.compile(
    r"`{1,2}|`{3,}[^`]*|~{1,2}|~{3,}.*|=+|[-:|+*_][-:|+*_ \t]*|#{1,6}|\d{1,9}[.)]?"
    r"|\|.*|(?:\$\$|\\\[).*|\$|\\|\[[^][]+\]:.*|"
)

# Spans that are closed; nothing in them opens another.
_CLOSED = re.compile(
    r"\\[^\w\s()[\]]|(?<!`)(`+)(?!`).+?(?<!`)\1(?!`)"
    r"|\$\$.+?\$\$|\\\(.+?\\\)|\\\[.+?\\\]"
)

# Spans that reach the end: emphasis by its sign, code, links and images, addresses,
# character references, formulas; and signs at the end that may open one.
_OPEN = re.compile(
    r"(?<![^\s(\[{\"'>|/-])(?:"
    r"\*(?=[^\s*])(?:[^*]|\*\*)*|\*\*(?=[^\s*])(?:[^*]|\*(?!\*))*"
    r"|\*{3}(?=[^\s*])(?:[^*]|\*{1,2}(?!\*))*"
    r"|_(?=[^\s_])[^_]*|__(?=[^\s_])(?:[^_]|_(?!_))*|~~(?=[^\s~])(?:[^~]|~(?!~))*"
    r"|\$(?=[^\s\d$])[^$]*|[*_~]{1,3}|\$"
    r")\Z"
    r"|`[^`]*\Z|`+\Z"
    r"|!?\[[^][]*(?:\](?:\([^()\s]*(?:\s[^)]*)?)?)?\Z|!\Z"
    r"|<[^<>\s]*\Z|&\#?\w{0,32}\Z|\\\Z|\$\$[^$]*\Z|\\\([^)]*\Z|\\\[[^]]*\Z"
)


def steady(line: str) -> str:
    """Return the beginning of a line that what follows will not turn into markup.

    Args:
        line: The last line of a text that still grows.
    """
    if len(line) <= _LONGEST_ROW:
        begin = _first(line)
        if _FORMING.fullmatch(line[begin:].rstrip()):
            return ""
        masked = _CLOSED.sub(lambda span: "x" * len(span.group()), line)
    else:
        begin, masked = 0, line
    opening = _OPEN.search(masked, max(begin, len(line) - _FARTHEST))
    kept = (line[: opening.start()] if opening else line).rstrip()
    return "" if len(kept) <= begin else kept


def _first(line: str) -> int:
    """Return where a line begins inside the quotes and list items around it."""
    found = _CONTAINERS.match(line)
    return found.end() if found else 0
