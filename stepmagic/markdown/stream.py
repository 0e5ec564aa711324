"""Markdown rendered to HTML while it is being received.

Owns what a page has to change with each chunk. Finished blocks are frozen: written once
and then only appended to, unless a link definition arrives late. The last block is open
and written again with each patch; of a long list, table or code block, the finished
part is kept as HTML, so that only its end is parsed again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from markdown_it.token import Token

from stepmagic.markdown import render, to_html
from stepmagic.markdown.blocks import SMALL, BlockReader, Fence, skip_blank_lines
from stepmagic.markdown.boundaries import possible_table_head, stable_prefix
from stepmagic.markdown.characters import PlainStream
from stepmagic.markdown.html_text import code_box, escape_code, escape_text
from stepmagic.markdown.links import Parsed, link_labels
from stepmagic.markdown.open_blocks import (
    WrittenBlock,
    first_block_end,
    is_loose_list,
    make_loose,
    write_finished,
)
from stepmagic.markdown.parser import LONGEST

_SHORT: Final = 16_384
"""Characters of frozen text that is written again for each late link definition."""

_GROWTH_BETWEEN_RESTARTS: Final = 9 / 8
"""By which factor a longer text grows before it is written again for one."""

_BLOCK_END = re.compile(r"\n[ \t]*\n(?=\S)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """What changed on the page since the previous patch."""

    restart: bool
    """Whether earlier frozen HTML is void; ``frozen`` then contains all of it again."""
    frozen: str
    """HTML to append to the frozen HTML."""
    open: str
    """HTML of the blocks that may still change, which replaces the previous one."""


@dataclass(slots=True)
class _Frozen:
    """The HTML of finished blocks."""

    fragments: list[str] = field(default_factory=list)
    length: int = 0
    """Characters of the text that was written."""
    sent: int = 0
    """How many fragments the previous patches contained."""
    restart: bool = False
    """Whether the next patch replaces what the previous ones contained."""
    is_outdated: bool = False
    """Whether a link definition was received that changes the HTML."""
    rewritten_at: int = 0
    """The length when all of it was last written again."""

    def replace(self, fragments: list[str]) -> None:
        """Replace all HTML, also on the page."""
        self.fragments = fragments
        self.sent = 0
        self.restart = True

    def may_rewrite(self) -> bool:
        """Whether to write it again for a late definition: a long text, only seldom."""
        return (
            self.length <= _SHORT
            or self.length >= self.rewritten_at * _GROWTH_BETWEEN_RESTARTS
        )


@dataclass(slots=True)
class _Drawn:
    """The HTML of the open blocks."""

    html: str = ""
    """With the tail, which is not parsed yet."""
    parsed_html: str = ""
    """Without the tail."""
    parsed_length: int = 0
    """Characters of the open text that ``parsed_html`` shows."""
    ends_at_blank: bool = True
    """Whether a blank line ends the last block, so that a new one begins after it."""


class BlockStream(BlockReader):
    r"""Renders an answer block by block while it is being received.

    After each complete line, it shows what ``render`` makes of the text so far; from
    the line after it, characters that may still become markup are held back. A line
    that may be the head of a table waits for the next line, and a block of more than
    4096 characters shows up to a sixteenth of itself as plain text.

        >>> stream = BlockStream()
        >>> stream.feed("# Hi\n\nSome **te")
        >>> stream.patch()
        Patch(restart=False, frozen='<h1>Hi</h1>\n', open='<p>Some</p>\n')
    """

    growth: ClassVar[tuple[tuple[int, float], ...]] = ((65_536, 1 / 8), (0, 1 / 16))

    def __init__(self) -> None:
        super().__init__()
        # The text: as it was fed, and with the control characters removed.
        self._received: list[str] = []
        self._unread: list[str] = []
        self._filter = PlainStream()
        self._filtered: list[str] = []
        self._length = 0
        """Characters of the filtered text."""

        # What the page shows.
        self._frozen = _Frozen()
        self._drawn = _Drawn()

        # The open blocks.
        self._references: dict[str, Any] = {}
        """All link definitions, including those of open blocks."""
        self._is_settled = True
        """Whether the finished ones among the complete lines are frozen."""
        self._written: WrittenBlock | None = None
        """The finished part of the open list or table."""
        self._may_write = True
        """Whether the finished part may be written before the block is finished."""
        self._is_loose = False
        """Whether the open list is known to be loose."""

    @property
    def source(self) -> str:
        """The full text, as it was fed."""
        return "".join(self._received)

    def feed(self, text: str) -> None:
        """Take the next chunk of the text; nothing is parsed yet."""
        self._received.append(text)
        self._unread.append(text)

    def patch(self) -> Patch:
        """Return what changed since the last patch."""
        self._update()
        frozen = self._frozen
        patch = Patch(
            restart=frozen.restart,
            frozen="".join(frozen.fragments[frozen.sent :]),
            open=self._drawn.html,
        )
        frozen.restart = False
        frozen.sent = len(frozen.fragments)
        return patch

    def html(self) -> str:
        """Return all HTML that is shown; this does not change the next patch."""
        self._update()
        return "".join(self._frozen.fragments) + self._drawn.html

    def finish(self) -> str:
        """Return the full text, rendered once and with nothing held back."""
        return render(self.source, highlight=False)

    def _update(self) -> None:
        """Read what was fed since the last update."""
        new = self._filter.feed("".join(self._unread))
        self._unread.clear()
        if not new:
            return
        self._filtered.append(new)
        self._length += len(new)
        if self._read(new):
            self._is_settled = False
        try:
            is_text = self._fence is not None and self._fence.is_endless
            if self._length > LONGEST and not is_text:
                self._show_as_text()
            else:
                self._draw()
        except RecursionError:
            self._show_as_text()

    def _draw(self) -> None:
        """Freeze what is finished, and write the open blocks if that is due."""
        if self._fence is None:
            if self._written and self._written.may_wait(self._text):
                return
            line = stable_prefix(self._last_line)
            tail = (self._text + line)[self._drawn.parsed_length :]
            size = len(self._text) + len(self._last_line)
            block_end = _BLOCK_END if self._drawn.ends_at_blank else None
            if not self._is_due(size, tail, block_end):
                self._drawn.html = _with_tail(self._drawn.parsed_html, tail)
                return
            if not self._is_settled:
                self._freeze_finished()
        if self._fence is None:
            self._show(line)
        else:
            self._drawn.html = _fence_html(self._fence, self._last_line)

    def _take_fence(self, fence: Fence) -> None:
        self._freeze(_fence_html(fence))

    def _write_code(self, code: str) -> str:
        return escape_code(code)

    def _take_finished(
        self,
        tokens: list[Token],
        late: list[tuple[str, str]],  # noqa: ARG002 - they are written again instead
    ) -> None:
        html = self._html(tokens)
        self._links.brackets += self._written.brackets if self._written else 0
        self._freeze(html)

    def _freeze(self, html: str) -> None:
        """Freeze all complete lines before the open text."""
        self._frozen.fragments.append(html)
        self._frozen.length = self._length - len(self._last_line) - len(self._text)
        drawn = self._drawn
        drawn.html, drawn.parsed_html, drawn.parsed_length = "", "", 0
        self._written = None
        self._may_write = True
        self._is_loose = False

    def _freeze_finished(self) -> None:
        """Freeze the blocks that complete lines have finished."""
        self._is_settled = True
        parsed = self._settle()
        if self._frozen.is_outdated and self._frozen.may_rewrite():
            self._freeze_again()
        self._write_open_block(parsed)

    def _complete_lines(self) -> str:
        return (self._written.head if self._written else "") + self._text

    def _parse_lines(self) -> Parsed:
        while True:
            if self._written is None:
                self._text = skip_blank_lines(self._text)
            parsed = self._parse()
            if not self._take_references(parsed):
                return parsed

    def _parse(self, line: str = "") -> Parsed:
        """Parse the open blocks, with the beginning of a line after them."""
        text = self._complete_lines() + line
        brackets = self._links.brackets
        brackets += self._written.brackets if self._written else 0
        references = self._references if line else None
        parsed = self._links.parse(text, references=references, brackets=brackets)
        tokens = parsed.tokens
        if self._written and not self._written.continues(tokens):
            self._discard_written(may_write=False)
            return self._parse(line)
        if (
            self._written
            and not self._is_loose
            and is_loose_list(tokens, text.split("\n"))
        ):
            self._discard_written()
            self._is_loose = True
            if line:
                self._freeze_finished()
            return self._parse(line)
        if self._is_loose:
            make_loose(tokens)
        return parsed

    def _html(self, tokens: Sequence[Token]) -> str:
        if self._written:
            return self._written.html(tokens)
        return to_html.write(tokens, highlight=False)

    def _discard_written(self, *, may_write: bool = True) -> None:
        """Make the finished part of the open block text again."""
        self._written = None
        self._may_write = may_write
        end = self._length - len(self._last_line)
        self._text = "".join(self._filtered)[self._frozen.length : end]

    def _take_references(self, parsed: Parsed) -> bool:
        """Take link definitions; return whether to parse the open block again."""
        changed = _changed_labels(self._references, parsed.references)
        self._references = parsed.references
        if changed & self._links.labels:
            self._frozen.is_outdated = True
        if self._written and (changed or parsed.has_duplicates):
            # Their lines affect whether markdown-it considers a list loose or tight.
            self._discard_written(may_write=False)
            return True
        return False

    def _freeze_again(self) -> None:
        """Write the frozen blocks with the link definitions that arrived after them."""
        text = "".join(self._filtered)[: self._frozen.length]
        parsed = self._links.parse(text, references=self._references, brackets=0)
        self._frozen.replace([to_html.write(parsed.tokens, highlight=False)])
        self._frozen.is_outdated = False
        self._frozen.rewritten_at = self._frozen.length

    def _write_open_block(self, parsed: Parsed) -> None:
        """Write what is finished of the open block, if it is the only one."""
        tokens = parsed.tokens
        if (
            not (tokens and self._may_write)
            or parsed.has_duplicates
            or len(parsed.references) > len(self._links.references)
        ):
            return
        if tokens[0].type == "fence":
            self._open_fence(tokens)
        elif first_block_end(tokens) == len(tokens) - 1:
            lines = self._complete_lines().split("\n")
            written = write_finished(tokens, self._text, self._written)
            if written:
                self._is_loose = self._is_loose or is_loose_list(tokens, lines)
                self._written, self._text = written
                self._links.labels |= link_labels(tokens)

    def _show(self, line: str) -> None:
        """Write the open blocks, with the beginning of a line after them."""
        if self._written and self._written.head:
            # A table row is shown when it is complete.
            line = ""
        tail = ""
        if len(line) < len(self._text) > SMALL:
            # Its lines are cached; with one more line, the cache would not apply.
            line, tail = "", line
        tokens = self._parse(line).tokens
        if not (line or self._written):
            head = possible_table_head(tokens, self._text)
            if head:
                text = self._text.removesuffix(head)
                tokens = self._links.parse(text, references=self._references).tokens
        drawn = self._drawn
        drawn.ends_at_blank = not tokens or tokens[-1].type != "fence"
        drawn.parsed_html = self._html(tokens)
        drawn.html = _with_tail(drawn.parsed_html, tail)
        drawn.parsed_length = len(self._text) + len(line)

    def _show_as_text(self) -> None:
        """Show a text that is too long or nested too deeply as ``render`` does."""
        self._fence = Fence(write=self._write_code)
        text = "".join(self._filtered)
        self._fence.take(text[: len(text) - len(self._last_line)])
        self._frozen.replace([])
        self._text = ""
        self._drawn.html = _fence_html(self._fence, self._last_line)


def _changed_labels(before: Mapping[str, Any], now: Mapping[str, Any]) -> set[str]:
    """Return the labels of which one definition or the other has another address."""
    pairs = (
        {(label, each["href"]) for label, each in references.items()}
        for references in (before, now)
    )
    return {label for label, _ in set.symmetric_difference(*pairs)}


def _fence_html(fence: Fence, last_line: str = "") -> str:
    before, after = code_box(fence.language)
    return f"{before}{fence.code(last_line)}{after}"


def _with_tail(html: str, tail: str) -> str:
    """Return HTML with text after it that has not been parsed yet."""
    if not tail.strip():
        return html
    before = html.removesuffix("</p>\n") if html.endswith("</p>\n") else html + "<p>"
    return f"{before}{escape_text(tail)}</p>\n"
