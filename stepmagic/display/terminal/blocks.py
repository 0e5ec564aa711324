r"""The blocks of an answer in a terminal, while the answer is being received.

Owns which part of the open block is worth drawing: the end that fits the screen. What
was printed cannot be changed any more, so a link definition that arrives after the
block that needs it is shown as text.
"""

from __future__ import annotations

import os
import re

from markdown_it.token import Token

from stepmagic.markdown.blocks import SMALL, BlockReader, Fence
from stepmagic.markdown.boundaries import possible_table_head, stable_prefix
from stepmagic.markdown.open_blocks import LISTS

_ITEM = re.compile(r"^ {0,3}(?:[-+*]|\d{1,9}[.)])[ \t]", re.MULTILINE)

# A blank line that ends the last block, unless the next line continues a list.
_BLOCK_END = re.compile(r"\n[ \t]*\n(?=\S)(?![-+*][ \t]|\d{1,9}[.)][ \t])")


class TerminalBlocks(BlockReader):
    r"""Markdown that is being received, as finished blocks and the end of the open one.

    A frame costs as much as the screen that it fills, not as much as the open block.

        >>> blocks = TerminalBlocks()
        >>> blocks.feed("# Hi\n\nSome **te")
        >>> [token.type for token in blocks.settle()]
        ['heading_open', 'inline', 'heading_close']
        >>> [token.content for token in blocks.open(os.terminal_size((80, 24)))]
        ['', 'Some', '']
        >>> [token.content for token in blocks.finish()]
        ['', 'Some **te', '']
    """

    def __init__(self) -> None:
        super().__init__()
        self._unread: list[str] = []
        self._finished: list[Token] = []
        """Blocks that ``settle`` has not returned yet."""
        self._parsed_length = 0
        """How long the open text was when it was parsed."""
        self._open_type = ""
        """The token that opens the open block, once it was parsed."""

    def feed(self, text: str) -> None:
        """Take the next chunk, as ``plain`` returns it; nothing is parsed yet."""
        self._unread.append(text)

    def settle(self) -> list[Token]:
        """Return the blocks that were finished since the last call."""
        self._update()
        new = self._text[max(0, self._parsed_length - 1) :]
        is_longer = len(self._text) != self._parsed_length
        if is_longer and self._is_due(len(self._text), new, _BLOCK_END):
            try:
                self._find_finished()
            except RecursionError:
                self._show_as_text()
        finished, self._finished = self._finished, []
        return finished

    def open(self, size: os.terminal_size) -> list[Token]:
        """Return the blocks that are not finished; of a long one, only the end.

        Args:
            size: Columns and lines of the screen.
        """
        self._update()
        if self._fence is None:
            line = stable_prefix(self._last_line)
            text = self._end(self._text + line, size)
            try:
                tokens = self._links.parse(text).tokens
                head = "" if line else possible_table_head(tokens, text)
                if not head:
                    return tokens
                return self._links.parse(text.removesuffix(head)).tokens
            except RecursionError:
                self._show_as_text()
        return self._open_code(size)

    def finish(self) -> list[Token]:
        """Return the last blocks; the text is complete."""
        self._update()
        text = self._text + self._last_line
        if self._fence is None:
            try:
                parsed = self._links.parse(text)
            except RecursionError:
                self._show_as_text()
            else:
                late = self._links.add(parsed.tokens, parsed.references, len(text) + 1)
                self._take_finished(parsed.tokens, late)
        if self._fence is not None:
            code = self._fence.final_code(self._last_line)
            self._finished.append(_code_block(code, self._fence.language))
        finished, self._finished = self._finished, []
        return finished

    def _update(self) -> None:
        """Read what was fed since the last update."""
        self._read("".join(self._unread))
        self._unread.clear()

    def _find_finished(self) -> None:
        tokens = self._settle().tokens
        self._parsed_length = len(self._text)
        self._open_type = tokens[0].type if tokens else ""
        self._open_fence(tokens)

    def _take_fence(self, fence: Fence) -> None:
        self._take_finished([_code_block(fence.code(), fence.language)], [])

    def _take_finished(self, tokens: list[Token], late: list[tuple[str, str]]) -> None:
        self._finished += tokens
        for label, address in late:
            self._finished += _paragraph(f"[{label.lower()}]: {address}")
        self._open_type, self._parsed_length = "", 0

    def _show_as_text(self) -> None:
        """Show the rest as text: it is too long or nested too deeply."""
        self._fence = Fence()
        self._fence.take(self._text)
        self._text = ""

    def _open_code(self, size: os.terminal_size) -> list[Token]:
        """Return the open code block, if there is one; of a long one, only the end."""
        if self._fence is None:
            return []
        code, language = self._fence.code(self._last_line), self._fence.language
        if len(code) > max(SMALL, size.columns * size.lines):
            # Without the beginning, the end would be highlighted incorrectly.
            code, language = _end_of_lines(code, size), ""
        return [_code_block(code, language)]

    def _end(self, text: str, size: os.terminal_size) -> str:
        """Return as much of the end as fills the screen and can be parsed by itself."""
        if self._open_type == "table_open":
            *head, rows = text.split("\n", 2)
            return "\n".join([*head, _last_lines(rows, size)])
        if self._open_type in LISTS:
            items = _last_lines(text, size)
            first = _ITEM.search(items)
            return items[first.start() :] if first else items
        return _end_of_lines(text, size)


def _last_lines(text: str, size: os.terminal_size) -> str:
    """Return the last lines of a text in which each line is at least one row."""
    lines = _end_of_lines(text, size).split("\n")
    return "\n".join(lines[-size.lines :])


def _end_of_lines(text: str, size: os.terminal_size) -> str:
    """Return the end of a text, from the beginning of a line or at least of a word."""
    most = size.columns * size.lines
    begin = len(text) - most
    if begin <= 0:
        return text
    middle = begin + most // 2
    line = text.find("\n", begin, middle) + 1
    word = text.find(" ", begin, middle) + 1
    return text[line or word or begin :]


def _code_block(code: str, language: str) -> Token:
    return Token("fence", "code", 0, content=code, info=language)


def _paragraph(text: str) -> list[Token]:
    inline = Token("inline", "", 0, content=text)
    inline.children = [Token("text", "", 0, content=text)]
    return [
        Token("paragraph_open", "p", 1),
        inline,
        Token("paragraph_close", "p", -1),
    ]
