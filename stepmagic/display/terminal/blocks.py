r"""The blocks of an answer that grows in a terminal.

Owns which of them are finished and may be printed for good, and what of the open one is
worth drawing while it grows. What was printed cannot be taken back: a link definition
that comes after the block which needs it is shown as text.
"""

from __future__ import annotations

import os
import re
from typing import Any, Final

from markdown_it.token import Token

from stepmagic.markdown.boundaries import finished, head_of_table, steady
from stepmagic.markdown.open_blocks import LISTS, brackets, labels
from stepmagic.markdown.parser import LONGEST, parse_blocks

_SMALL: Final = 4_096
"""Letters of an open block that is looked through with every frame."""

_GROWTH: Final = 8
"""A longer one is looked through when it grew by an eighth."""

_BLANK_LINES = re.compile(r"\A(?:[ \t]*\n)+")
_ITEM = re.compile(r"^ {0,3}(?:[-+*]|\d{1,9}[.)])[ \t]", re.MULTILINE)
_ENDED = re.compile(r"\n[ \t]*\n(?=\S)(?![-+*][ \t]|\d{1,9}[.)][ \t])")
_MAY_CLOSE = re.compile(r" {0,3}(?:`*|~*)[ \t]*")


class Blocks:
    r"""Markdown that grows, as finished blocks and the end of the open one.

    The finished blocks together are the blocks of the whole, however it was cut. A
    frame costs as much as what it shows, not as much as the block it shows the end of.

        >>> blocks = Blocks()
        >>> blocks.feed("# Hi\n\nSome **te")
        >>> [token.type for token in blocks.settle()]
        ['heading_open', 'inline', 'heading_close']
        >>> [token.content for token in blocks.open(os.terminal_size((80, 24)))]
        ['', 'Some', '']
        >>> [token.content for token in blocks.finish()]
        ['', 'Some **te', '']
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self._unread: list[str] = []
        self._text = ""
        """Whole lines of blocks that are not finished."""
        self._partial = ""
        self._looked = 0
        """How long the open text was when it was looked through."""
        self._kind = ""
        """The token that opens the open block, once it was parsed."""
        self._fence: tuple[str, re.Pattern[str]] | None = None
        """The language of an open fence, and what closes it."""
        self._is_raw = False
        """Whether the rest is too long or too deep to be anything but text."""
        self._known: dict[str, list[Token]] = {}

        # What finished blocks say about later ones, and could hear from them.
        self._references: dict[str, Any] = {}
        self._brackets = 0
        self._labels: set[str] = set()

    def feed(self, text: str) -> None:
        """Take the next piece, as ``plain`` returns it; nothing is parsed yet."""
        self._unread.append(text)

    def settle(self) -> list[Token]:
        """Return the blocks that were finished since the last call."""
        self._read()
        settled: list[Token] = []
        while self._is_due():
            self._text = _BLANK_LINES.sub("", self._text)
            tokens, env = self._parse(self._text)
            lines = self._text.split("\n")
            cut = 0 if self._is_raw else finished(tokens, lines[:-1])
            if not cut:
                self._look_at(tokens)
                break
            blocks = [token.map and token.map[0] >= cut for token in tokens]
            end = blocks.index(True) if True in blocks else len(tokens)
            settled += self._taken(tokens[:end], env, cut)
            self._text = "\n".join(lines[cut:])
        return settled

    def open(self, size: os.terminal_size) -> list[Token]:
        """Return what is not finished, of a long block the end alone.

        Args:
            size: Columns and lines of the screen.
        """
        self._read()
        if self._fence:
            return [self._open_fence(self._fence[0], size)]
        line = steady(self._partial)
        text = self._end(self._text + line, size)
        tokens, _ = self._parse(text)
        head = "" if line else head_of_table(tokens, text)
        return self._parse(text.removesuffix(head))[0] if head else tokens

    def finish(self) -> list[Token]:
        """Return the last blocks; nothing is fed any more."""
        self._read()
        tokens, env = self._parse(self._text + self._partial)
        return self._taken(tokens, env, len(self._text) + 1)

    def _read(self) -> None:
        new = self._partial + "".join(self._unread)
        self._unread.clear()
        lines, end, self._partial = new.rpartition("\n")
        self._text += lines + end

    def _is_due(self) -> bool:
        """Whether the open block is looked through for its end."""
        size, looked = len(self._text), self._looked
        if size == looked or self._is_raw:
            return False
        if self._fence:
            self._looked = size
            return bool(self._fence[1].search(self._text, looked))
        return (
            size <= _SMALL
            or (size - looked) * _GROWTH >= size
            or bool(_ENDED.search(self._text, max(0, looked - 1)))
        )

    def _parse(self, text: str) -> tuple[list[Token], dict[str, Any]]:
        env = {
            "known": self._known,
            "used": self._known,
            "references": dict(self._references),
            "brackets": self._brackets,
        }
        self._is_raw = self._is_raw or len(text) > LONGEST
        if not self._is_raw:
            try:
                return parse_blocks(text, env), env
            except RecursionError:
                self._is_raw = True
        return [Token("fence", "code", 0, content=text)], env

    def _look_at(self, tokens: list[Token]) -> None:
        """Note what the open block is."""
        self._looked = len(self._text)
        self._kind = tokens[0].type if tokens else ""
        self._fence = None
        opening, _, code = self._text.partition("\n")
        # An indent is taken off each line, and a pipe may make it a table's head.
        if self._kind == "fence" and opening[:1] in "`~" and "|" not in opening:
            marker = tokens[0].markup
            closing = re.compile(
                rf"^ {{0,3}}{re.escape(marker[0])}{{{len(marker)},}}[ \t]*\n",
                re.MULTILINE,
            )
            if not closing.search(code):
                self._fence = tokens[0].info, closing

    def _taken(self, tokens: list[Token], env: dict[str, Any], cut: int) -> list[Token]:
        """Return finished blocks and the definitions that blocks before them need."""
        late: list[Token] = []
        for label, definition in env["references"].items():
            if label not in self._references and definition["map"][0] < cut:
                self._references[label] = definition
                if label in self._labels:
                    late += _paragraph(f"[{label.lower()}]: {definition['href']}")
        self._brackets += brackets(tokens)
        self._labels |= labels(tokens)
        self._known.clear()
        self._kind, self._fence, self._looked = "", None, 0
        return tokens + late

    def _open_fence(self, language: str, size: os.terminal_size) -> Token:
        code = self._text.partition("\n")[2]
        if not _MAY_CLOSE.fullmatch(self._partial):
            code += self._partial
        if len(code) > max(_SMALL, size.columns * size.lines):
            # Colours depend on what came before; the end alone would get wrong ones.
            code, language = _end_of_lines(code, size), ""
        return Token("fence", "code", 0, content=code, info=language)

    def _end(self, text: str, size: os.terminal_size) -> str:
        """Return as much of the end as fills the screen and can be parsed alone."""
        if self._kind == "table_open":
            *head, rows = text.split("\n", 2)
            return "\n".join([*head, _last_lines(rows, size)])
        if self._kind in LISTS:
            items = _last_lines(text, size)
            first = _ITEM.search(items)
            return items[first.start() :] if first else items
        return _end_of_lines(text, size)


def _last_lines(text: str, size: os.terminal_size) -> str:
    """Return the last lines of a text that has no line which takes no room."""
    lines = _end_of_lines(text, size).split("\n")
    return "\n".join(lines[-size.lines :])


def _end_of_lines(text: str, size: os.terminal_size) -> str:
    """Return the end of a text, from where a line begins or at least a word."""
    letters = size.columns * size.lines
    begin = len(text) - letters
    if begin <= 0:
        return text
    middle = begin + letters // 2
    line = text.find("\n", begin, middle) + 1
    word = text.find(" ", begin, middle) + 1
    return text[line or word or begin :]


def _paragraph(text: str) -> list[Token]:
    inline = Token("inline", "", 0, content=text)
    inline.children = [Token("text", "", 0, content=text)]
    return [
        Token("paragraph_open", "p", 1),
        inline,
        Token("paragraph_close", "p", -1),
    ]
