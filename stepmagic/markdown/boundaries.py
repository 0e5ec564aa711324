"""Where blocks and lines end for good, while more of the text is being received.

Owns two questions: which lines belong to finished blocks, and which characters at the
end of a line may still become markup, so that they are held back. A wrong guess delays
a few characters.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from markdown_it.token import Token

_ROW = re.compile(r" {0,3}\|")

# The beginning of a formula or a link definition, which may have several lines.
_UNDECIDED = re.compile(r" {0,3}(?:\$\$|\\?\[)")

# Blocks that a blank line ends.
_ENDED_BY_BLANK = {
    *("paragraph_open", "heading_open", "table_open", "blockquote_open", "hr"),
    "math_block",
}


def count_finished_lines(tokens: Sequence[Token], lines: Sequence[str]) -> int:
    """Return how many lines, from the first, later ones cannot change any more."""
    blocks = [token for token in tokens if not token.level and token.map]
    if not blocks:
        return len(lines) if lines and is_blank(lines[-1]) else 0
    last = blocks[-1]
    count, end = line_span(last)
    if last.type in _ENDED_BY_BLANK and end < len(lines) and is_blank(lines[end]):
        count = end + 1
    elif last.type == "fence" and end - count > last.content.count("\n") + 1:
        count = end
    return _count_decided(blocks, lines, count)


def _count_decided(blocks: Sequence[Token], lines: Sequence[str], count: int) -> int:
    """Return the count, or a smaller one that leaves out what may become a formula."""
    begin = count
    while begin and not is_blank(lines[begin - 1]):
        begin -= 1
    for place in range(begin, count):
        if _UNDECIDED.match(lines[place]):
            around = (block for block in blocks if place in range(*line_span(block)))
            block = next(around, None)
            if block is None:
                return place
            # Nothing begins inside of code that is closed.
            if block.type != "fence":
                return line_span(block)[0]
    return count


def line_span(token: Token) -> tuple[int, int]:
    """Return the first line of a block and the one after its last."""
    begin, end = token.map or (0, 0)
    return begin, end


def is_blank(line: str) -> bool:
    """Whether a line is blank to markdown-it."""
    return not line.strip(" \t")


def possible_table_head(tokens: Sequence[Token], text: str) -> str:
    """Return the last line if it may turn out to be a table head; it is text so far."""
    begin = text.rfind("\n", 0, -1) + 1
    is_text = bool(tokens) and tokens[-1].type == "paragraph_close"
    return text[begin:] if is_text and _ROW.match(text, begin) else ""


_LONGEST_SPAN = 100
"""Characters that are held back at most for the delimiter that closes their span."""

_LONGEST_ROW = 2_000
"""Characters of a line that is held back because it may be a table row or a formula."""

# The markers of quotes and list items around a line.
_CONTAINERS = re.compile(
    r"[ \t]*(?:>[ \t]*|[-+*](?:[ \t]+|\Z)|\d{1,9}[.)](?:[ \t]+|\Z))*"
)

# Lines that mean nothing yet: a fence; a rule, an underline, the delimiters of a table
# or a bullet; the marker of a heading or a number; a table row; a formula; a link
# definition.
_INCOMPLETE = re.compile(
    r"`{1,2}|`{3,}[^`]*|~{1,2}|~{3,}.*|=+|[-:|+*_][-:|+*_ \t]*|#{1,6}|\d{1,9}[.)]?"
    r"|\|.*|(?:\$\$|\\\[).*|\$|\\|\[[^][]+\]:.*|"
)

# Spans that are closed; nothing in them opens another one.
_CLOSED_SPAN = re.compile(
    r"\\[^\w\s()[\]]|(?<!`)(`+)(?!`).+?(?<!`)\1(?!`)"
    r"|\$\$.+?\$\$|\\\(.+?\\\)|\\\[.+?\\\]"
)

# Spans that reach the end: emphasis by its delimiter, code, links and images, URLs,
# character references, formulas; and delimiters at the end that may open one.
_OPEN_SPAN = re.compile(
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


def stable_prefix(line: str) -> str:
    """Return the beginning of a line that further characters cannot turn into markup.

    Args:
        line: The last line of a text, which is not complete.
    """
    if len(line) <= _LONGEST_ROW:
        begin = _content_start(line)
        if _INCOMPLETE.fullmatch(line[begin:].rstrip()):
            return ""
        masked = _CLOSED_SPAN.sub(lambda span: "x" * len(span.group()), line)
    else:
        begin, masked = 0, line
    opening = _OPEN_SPAN.search(masked, max(begin, len(line) - _LONGEST_SPAN))
    stable = (line[: opening.start()] if opening else line).rstrip()
    return "" if len(stable) <= begin else stable


def _content_start(line: str) -> int:
    """Return where a line begins inside of the quotes and list items around it."""
    found = _CONTAINERS.match(line)
    return found.end() if found else 0
