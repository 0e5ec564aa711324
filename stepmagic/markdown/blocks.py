"""Markdown that is still being received, split into finished blocks and open ones.

Owns the token side of incremental rendering: which blocks are finished, when a long
open block is worth parsing again, and code whose closing fence has not arrived.
``stream.BlockStream`` writes the tokens as HTML, the terminal draws them with rich.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, Final

from markdown_it.token import Token

from stepmagic.markdown.boundaries import count_finished_lines, is_blank
from stepmagic.markdown.links import Links, Parsed

SMALL: Final = 4_096
"""Characters of an open block that is parsed again for each frame."""

_MOST_PIECES = 64

_BLANK_LINES = re.compile(r"\A(?:[ \t]*\n)+")


class TextPieces(list[str]):
    """Text in pieces, few enough to be joined again and again."""

    def add(self, piece: str) -> None:
        """Add a piece at the end."""
        self.append(piece)
        if len(self) > _MOST_PIECES:
            self[:] = ["".join(self)]


class Fence:
    """A code block that is read line by line until its closing fence.

    Args:
        language: The language of the code.
        marker: The opening fence; without one, all text to the end is code.
        write: Callback that turns code into what ``code`` returns.
    """

    def __init__(
        self, language: str = "", marker: str = "", write: Callable[[str], str] = str
    ) -> None:
        self.language = language
        self.is_endless = not marker
        self._write = write
        self._written = TextPieces()
        sign, least = re.escape(marker[:1] or "`"), max(1, len(marker))
        self._closing = re.compile(
            rf"^ {{0,3}}{sign}{{{least},}}[ \t]*\n", re.MULTILINE
        )
        self._may_close = re.compile(rf" {{0,3}}{sign}*[ \t]*")

    def take(self, lines: str) -> str | None:
        """Take complete lines; return those after the closing fence, if it is there."""
        end = None if self.is_endless else self._closing.search(lines)
        self._written.add(self._write(lines[: end.start()] if end else lines))
        return lines[end.end() :] if end else None

    def code(self, last_line: str = "") -> str:
        """Return the code so far, written by the callback.

        Args:
            last_line: A line that is not complete; left out if it may close the block.
        """
        if not self.is_endless and self._may_close.fullmatch(last_line):
            last_line = ""
        return "".join((*self._written, self._write(last_line)))

    def final_code(self, last_line: str = "") -> str:
        """Return the code when no more text follows.

        Args:
            last_line: A line without a line break; left out if it closes the block. A
                blank one is left out as well, as markdown-it does.
        """
        if not self.is_endless and (
            is_blank(last_line) or self._closing.match(f"{last_line}\n")
        ):
            last_line = ""
        return "".join((*self._written, self._write(last_line)))


class BlockReader(ABC):
    """Reads Markdown in chunks and passes on each block once it is finished.

    Only complete lines finish a block, since an incomplete one may turn into anything.
    The finished blocks are those of the complete text, however it was cut into chunks.
    """

    growth: ClassVar[tuple[tuple[int, float], ...]] = ((0, 1 / 8),)
    """By which share a long open block grows before it is parsed again.

    Pairs of a least size in characters and the share; the largest size is first.
    """

    def __init__(self) -> None:
        self._text = ""
        """Complete lines of blocks that are not finished."""
        self._last_line = ""
        """The line after them, which is not complete."""
        self._fence: Fence | None = None
        """The open code block, which then takes all lines instead of ``_text``."""
        self._links = Links()

    @abstractmethod
    def _take_finished(self, tokens: list[Token], late: list[tuple[str, str]]) -> None:
        """Take blocks that are finished.

        Args:
            tokens: The blocks.
            late: Labels and addresses of links whose definitions were received after
                the blocks that contain them.
        """

    @abstractmethod
    def _take_fence(self, fence: Fence) -> None:
        """Take a code block that was closed."""

    def _write_code(self, code: str) -> str:
        """Return what an open fence keeps of its code."""
        return code

    def _read(self, new: str) -> bool:
        """Take new text; return whether it completed a line."""
        lines, newline, self._last_line = (self._last_line + new).rpartition("\n")
        lines += newline
        if self._fence is None:
            self._text += lines
            return bool(lines)
        rest = self._fence.take(lines)
        if rest is not None:
            fence, self._fence, self._text = self._fence, None, rest
            self._take_fence(fence)
        return bool(rest)

    def _is_due(self, size: int, new: str, block_end: re.Pattern[str] | None) -> bool:
        """Whether to parse the open blocks: not for each chunk if they are long.

        Args:
            size: Their characters.
            new: Those that were not parsed yet.
            block_end: What ends the last block, so that they are parsed at once.
        """
        share = next(share for least, share in self.growth if size >= least)
        return (
            size <= SMALL
            or len(new) >= size * share
            or (block_end is not None and bool(block_end.search(new)))
        )

    def _settle(self) -> Parsed:
        """Pass on what complete lines have finished; return the open blocks."""
        while True:
            parsed = self._parse_lines()
            lines = self._complete_lines().split("\n")
            count = count_finished_lines(parsed.tokens, lines[:-1])
            if not count:
                return parsed
            tokens = parsed.tokens
            after = (
                place
                for place, token in enumerate(tokens)
                if not token.level and token.map and token.map[0] >= count
            )
            tokens = tokens[: next(after, len(tokens))]
            late = self._links.add(tokens, parsed.references, count)
            self._text = "\n".join(lines[count:])
            self._take_finished(tokens, late)

    def _complete_lines(self) -> str:
        """Return the text that ``_parse_lines`` parses."""
        return self._text

    def _parse_lines(self) -> Parsed:
        """Parse the complete lines of the open blocks."""
        self._text = skip_blank_lines(self._text)
        return self._links.parse(self._text)

    def _open_fence(self, tokens: list[Token]) -> None:
        """Read the open block line by line from now on, if it is a simple fence."""
        if len(tokens) != 1 or tokens[0].type != "fence":
            return
        opening, _, code = self._text.partition("\n")
        # An indented fence changes its lines; one with a pipe may become a table.
        if opening.startswith(tokens[0].markup) and "|" not in opening:
            self._fence = Fence(tokens[0].info, tokens[0].markup, self._write_code)
            self._fence.take(code)
            self._text = ""


def skip_blank_lines(text: str) -> str:
    """Return a text without the blank lines at its beginning."""
    return _BLANK_LINES.sub("", text)
