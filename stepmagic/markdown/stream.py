"""Markdown rendered while it grows.

Owns which blocks are finished. These are frozen: written once and never again, unless a
link definition comes late. The last block stays open and is written with each patch;
what is finished of a long list, table or fence is kept, so that only its end is parsed.

Whole lines alone freeze (``finished`` says which), since a line that still grows may
turn into anything.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from markdown_it.token import Token

from stepmagic.markdown import render, to_html
from stepmagic.markdown.boundaries import finished, head_of_table, steady
from stepmagic.markdown.characters import PlainStream
from stepmagic.markdown.open_blocks import (
    Fence,
    Grown,
    brackets,
    closing,
    fold,
    is_loose,
    labels,
    unhide,
)
from stepmagic.markdown.parser import LONGEST, parse_blocks

_SMALL: Final = 4_096
"""Letters of an open block that is parsed with every patch."""

_GROWTH: Final = ((65_536, 1 / 8), (0, 1 / 16))
"""By how much a longer one grows between two parses, by its letters."""

_SHORT: Final = 16_384
"""Letters of frozen text that is written again for each late link definition."""

_BETWEEN_RESTARTS: Final = 9 / 8
"""By how much a longer one grows between two of them."""

_BLANK_LINES = re.compile(r"\A(?:[ \t]*\n)+")
_ENDED = re.compile(r"\n[ \t]*\n(?=\S)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """What changed on the screen since the patch before."""

    restart: bool
    """What was frozen is void; ``frozen`` holds all of it again."""
    frozen: str
    """HTML to append to what is frozen."""
    open: str
    """HTML of the block that still grows, all of it, instead of the one before."""


class BlockStream:
    r"""Renders an answer block by block while it comes in.

    After every whole line, what is shown is what ``render`` makes of the text so far;
    of the line after it, signs that may yet become markup are held back. A line that
    may be the head of a table waits for the next one, and a block of more than 4096
    letters shows up to a sixteenth of itself as plain text.

        >>> stream = BlockStream()
        >>> stream.feed("# Hi\n\nSome **te")
        >>> stream.patch()
        Patch(restart=False, frozen='<h1>Hi</h1>\n', open='<p>Some</p>\n')
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self._raw: list[str] = []
        self._unread: list[str] = []
        self._filter = PlainStream()
        self._written: list[str] = []
        self._length = 0

        self._frozen: list[str] = []
        self._frozen_length = 0
        self._sent = 0
        self._restart = False

        # What frozen blocks say about later ones, and could hear from them.
        self._references: dict[str, Any] = {}
        self._brackets = 0
        self._labels: set[str] = set()
        # All definitions, open blocks included.
        self._visible: dict[str, Any] = {}
        self._is_outdated = False
        self._restarted_at = 0

        self._known: dict[str, list[Token]] = {}
        self._text = ""
        self._partial = ""
        self._is_settled = True
        self._grown: Grown | None = None
        self._may_grow = True
        self._is_loose = False
        self._fence: Fence | None = None
        self._ends_at_blank = True

        self._open = ""
        self._parsed_html = ""
        self._parsed_length = 0

    @property
    def source(self) -> str:
        """All text, as it was fed."""
        return "".join(self._raw)

    def feed(self, text: str) -> None:
        """Take the next piece of the text; nothing is parsed yet."""
        self._raw.append(text)
        self._unread.append(text)

    def patch(self) -> Patch:
        """Return what changed since the last patch."""
        self._read()
        patch = Patch(
            restart=self._restart,
            frozen="".join(self._frozen[self._sent :]),
            open=self._open,
        )
        self._restart = False
        self._sent = len(self._frozen)
        return patch

    def html(self) -> str:
        """Return all that is shown; the next patch is the same with and without it."""
        self._read()
        return "".join(self._frozen) + self._open

    def finish(self) -> str:
        """Return the whole text, rendered once and with nothing held back."""
        return render(self.source, highlight=False)

    def _read(self) -> None:
        """Parse what is new."""
        new = self._filter.feed("".join(self._unread))
        self._unread.clear()
        if not new:
            return
        self._written.append(new)
        self._length += len(new)
        lines, end, partial = (self._partial + new).rpartition("\n")
        self._partial = partial
        lines += end
        try:
            if self._length > LONGEST and not (self._fence and self._fence.is_endless):
                self._show_as_it_is()
            else:
                self._take(lines)
        except RecursionError:
            self._show_as_it_is()

    def _take(self, lines: str) -> None:
        if self._fence:
            lines = self._continue_fence(self._fence, lines)
        self._text += lines
        self._is_settled = self._is_settled and not lines
        if self._fence is None:
            if self._grown and self._grown.waits(self._text):
                return
            line = steady(self._partial)
            tail = (self._text + line)[self._parsed_length :]
            if not self._is_due(tail):
                self._open = _with_tail(self._parsed_html, tail)
                return
            if not self._is_settled:
                self._settle()
        if self._fence is None:
            self._show(line)
        else:
            self._open = self._fence.html(self._partial)

    def _is_due(self, tail: str) -> bool:
        """Whether an open block is parsed anew; a long one is not for every letter."""
        size = len(self._text) + len(self._partial)
        growth = next(growth for least, growth in _GROWTH if size >= least)
        return (
            size <= _SMALL
            or len(tail) >= size * growth
            or bool(self._ends_at_blank and _ENDED.search(tail))
        )

    def _continue_fence(self, fence: Fence, lines: str) -> str:
        """Give whole lines to an open fence; return those after it."""
        rest = fence.take(lines)
        if rest is None:
            return ""
        self._fence = None
        self._freeze_html(fence.html(), rest)
        return rest

    def _freeze_html(self, html: str, rest: str) -> None:
        """Freeze all whole lines but the rest of them."""
        self._frozen.append(html)
        self._frozen_length = self._length - len(self._partial) - len(rest)
        self._known.clear()
        self._open = self._parsed_html = ""
        self._parsed_length = 0
        self._grown = None
        self._may_grow = True
        self._is_loose = False

    def _settle(self) -> None:
        """Freeze and fold what the whole lines have finished."""
        self._is_settled = True
        while True:
            if self._grown is None:
                self._text = _skip_blank_lines(self._text)
            tokens, env = self._parse()
            if self._hear(env):
                continue
            lines = self._whole().split("\n")[:-1]
            cut = finished(tokens, lines)
            if not cut:
                break
            self._freeze(tokens, cut, env)
        if self._is_outdated and self._may_restart():
            self._freeze_again()
        self._fold(tokens, env)

    def _whole(self) -> str:
        """Return the lines that are parsed."""
        return (self._grown.head if self._grown else "") + self._text

    def _environment(self, references: dict[str, Any]) -> dict[str, Any]:
        return {
            "known": self._known,
            "used": self._known,
            "references": dict(references),
            "brackets": self._brackets + (self._grown.brackets if self._grown else 0),
        }

    def _parse(self, line: str = "") -> tuple[list[Token], dict[str, Any]]:
        """Parse the open blocks, with the beginning of a line after them."""
        grown = self._grown
        text = self._whole() + line
        env = self._environment(self._visible if line else self._references)
        tokens = parse_blocks(text, env)
        if grown and not grown.goes_on(tokens):
            self._unfold(may_grow=False)
            return self._parse(line)
        if grown and not self._is_loose and is_loose(tokens, text.split("\n")):
            self._unfold()
            self._is_loose = True
            if line:
                self._settle()
            return self._parse(line)
        if self._is_loose:
            unhide(tokens)
        return tokens, env

    def _html(self, tokens: Sequence[Token]) -> str:
        if self._grown:
            return self._grown.html(tokens)
        return to_html.write(tokens, highlight=False)

    def _unfold(self, *, may_grow: bool = True) -> None:
        """Take back what is written of the open block."""
        self._grown = None
        self._may_grow = may_grow
        end = self._length - len(self._partial)
        self._text = "".join(self._written)[self._frozen_length : end]

    def _hear(self, env: dict[str, Any]) -> bool:
        """Take the link definitions; whether the open block must be parsed again."""
        references = env["references"]
        addresses = {label: each["href"] for label, each in references.items()}
        before = {label: each["href"] for label, each in self._visible.items()}
        self._visible = references
        changed = {label for label, _ in addresses.items() ^ before.items()}
        self._is_outdated = self._is_outdated or bool(changed & self._labels)
        if self._grown and (changed or "duplicate_refs" in env):
            # Their lines count when markdown-it tells loose lists from tight ones.
            self._unfold(may_grow=False)
            return True
        return False

    def _freeze(self, tokens: list[Token], cut: int, env: dict[str, Any]) -> None:
        """Freeze the blocks of the first lines."""
        end = next(
            (
                place
                for place, token in enumerate(tokens)
                if not token.level and token.map and token.map[0] >= cut
            ),
            len(tokens),
        )
        html = self._html(tokens[:end])
        self._brackets += brackets(tokens[:end])
        self._brackets += self._grown.brackets if self._grown else 0
        self._labels |= labels(tokens[:end])
        for label, definition in env["references"].items():
            if definition["map"][0] < cut:
                self._references.setdefault(label, definition)
        self._text = "".join(self._whole().splitlines(keepends=True)[cut:])
        self._freeze_html(html, self._text)

    def _freeze_again(self) -> None:
        """Write the frozen blocks with the link definitions that came after them."""
        env = self._environment(self._visible) | {"brackets": 0}
        tokens = parse_blocks("".join(self._written)[: self._frozen_length], env)
        self._frozen = [to_html.write(tokens, highlight=False)]
        self._sent = 0
        self._restart = True
        self._is_outdated = False
        self._restarted_at = self._frozen_length

    def _may_restart(self) -> bool:
        """Whether a restart is worth its price: a long answer takes only so many."""
        return (
            self._frozen_length <= _SHORT
            or self._frozen_length >= self._restarted_at * _BETWEEN_RESTARTS
        )

    def _fold(self, tokens: list[Token], env: dict[str, Any]) -> None:
        """Write what is finished of the open block, if it is the only one."""
        if (
            not (tokens and self._may_grow)
            or "duplicate_refs" in env
            or len(env["references"]) > len(self._references)
        ):
            return
        if len(tokens) == 1 and tokens[0].type == "fence":
            self._open_fence(tokens[0])
        elif closing(tokens) == len(tokens) - 1:
            lines = self._whole().split("\n")
            folded = fold(tokens, self._text, self._grown)
            if folded:
                self._is_loose = self._is_loose or is_loose(tokens, lines)
                self._grown, self._text = folded
                self._labels |= labels(tokens)

    def _open_fence(self, token: Token) -> None:
        opening, _, code = self._text.partition("\n")
        # An indent is taken off each line, and a pipe may make it a table's head.
        if opening.startswith(token.markup) and "|" not in opening:
            self._fence = Fence(token.info, token.markup)
            self._fence.take(code)
            self._text = ""

    def _show(self, line: str) -> None:
        """Write the open blocks, with the beginning of a line after them."""
        if self._grown and self._grown.head:
            # A row is shown when it is there.
            line = ""
        tail = ""
        if len(line) < len(self._text) > _SMALL:
            # Its lines are parsed already; with one more they would be other lines.
            line, tail = "", line
        tokens, _ = self._parse(line)
        if not (line or self._grown):
            head = head_of_table(tokens, self._text)
            if head:
                text = self._text.removesuffix(head)
                tokens = parse_blocks(text, self._environment(self._visible))
        self._ends_at_blank = not tokens or tokens[-1].type != "fence"
        self._parsed_html = self._html(tokens)
        self._open = _with_tail(self._parsed_html, tail)
        self._parsed_length = len(self._text) + len(line)

    def _show_as_it_is(self) -> None:
        """Show a text that is too long or too deep the way ``render`` does."""
        self._fence = Fence()
        text = "".join(self._written)
        self._fence.take(text[: len(text) - len(self._partial)])
        self._frozen.clear()
        self._sent = 0
        self._restart = True
        self._text = ""
        self._open = self._fence.html(self._partial)


def _skip_blank_lines(text: str) -> str:
    return _BLANK_LINES.sub("", text)


def _with_tail(html: str, tail: str) -> str:
    """Return HTML with text after it that has not been parsed yet."""
    if not tail.strip():
        return html
    before = html.removesuffix("</p>\n") if html.endswith("</p>\n") else html + "<p>"
    return f"{before}{to_html.escape(tail)}</p>\n"
