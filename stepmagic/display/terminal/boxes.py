"""Indented blocks, code and tables in a terminal, as rich renderables.

Owns their layout at any width: all text is shown, within the columns of the terminal.
The colours are the sixteen of the terminal itself, so that they are readable on light
and on dark backgrounds.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.segment import Segment
from rich.style import Style
from rich.text import Text

from stepmagic.markdown.highlight import find_lexer

DIM = Style(dim=True)

_LEAST_WIDTH = 16
"""Least columns for text; if indenting leaves fewer, nothing is indented."""

_LEAST_CELL = 8
"""Least columns for a long cell; if there are fewer, rows are shown as records."""

_BETWEEN = " │ "
_TAB = 4

# By the names of Pygments' token types; other types look like the type above them.
_CODE = {
    "Token.Comment": Style(dim=True, italic=True),
    "Token.Keyword": Style(color="magenta"),
    "Token.Keyword.Constant": Style(color="cyan"),
    "Token.Literal.String": Style(color="green"),
    "Token.Literal.Number": Style(color="cyan"),
    "Token.Name.Attribute": Style(color="cyan"),
    "Token.Name.Builtin": Style(color="cyan"),
    "Token.Name.Class": Style(color="blue", bold=True),
    "Token.Name.Decorator": Style(color="magenta"),
    "Token.Name.Exception": Style(color="red"),
    "Token.Name.Function": Style(color="blue"),
    "Token.Name.Tag": Style(color="blue"),
    "Token.Operator.Word": Style(color="magenta"),
    "Token.Generic.Deleted": Style(color="red"),
    "Token.Generic.Heading": Style(bold=True),
    "Token.Generic.Inserted": Style(color="green"),
    "Token.Generic.Subheading": Style(color="cyan"),
    "Token": Style.null(),
}

Align = Literal["left", "center", "right"]


@dataclass(frozen=True, slots=True)
class Hanging:
    """Indented blocks: ``first`` precedes their first line, ``rest`` the others."""

    first: str
    rest: str
    body: Sequence[RenderableType]

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> RenderResult:
        """Yield the lines of the blocks, each after its indent."""
        first, rest = self.first, self.rest
        if options.max_width - cell_len(first) < _LEAST_WIDTH:
            first, rest = first.lstrip(), ""
        if options.max_width <= cell_len(first):
            first = ""
        width = max(1, options.max_width - cell_len(first))
        indent = first
        for each in self.body:
            for line in console.render_lines(
                each, options.update(width=width), pad=False
            ):
                is_blank = not any(segment.text for segment in line)
                yield Segment(indent.rstrip() if is_blank else indent, DIM)
                yield from line
                yield Segment.line()
                indent = rest


@dataclass(frozen=True, slots=True)
class Code:
    """A block of code between two rules, the upper one with its language."""

    content: str
    language: str
    stays: bool = False
    """Whether the terminal wraps long lines, so that each is copied as one line."""

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> RenderResult:
        """Yield the rules and the lines of the code."""
        width = options.max_width
        label = f"── {self.language} " if self.language else ""
        yield Text(label[:width].ljust(width, "─"), DIM)
        for line in self._highlighted().split("\n", allow_blank=True):
            line.expand_tabs(_TAB)
            if self.stays or line.cell_len <= width:
                line.no_wrap, line.overflow = True, "ignore"
                yield line
            else:
                yield from _folded(line, width)
        yield Text("─" * width, DIM)

    def _highlighted(self) -> Text:
        code = self.content.removesuffix("\n")
        lexer = find_lexer(code, self.language)
        if lexer is None:
            return Text(code)
        text = Text()
        for kind, value in lexer.get_tokens(code):
            text.append(value, _code_style(kind))
        return text


@dataclass(frozen=True, slots=True)
class Grid:
    """A table: its head and its rows, which all have the same number of cells."""

    aligns: Sequence[Align]
    head: Sequence[Text]
    rows: Sequence[Sequence[Text]]

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> RenderResult:
        """Yield the table or, if it has too many columns, its rows as records."""
        widths = self._widths(options.max_width)
        if widths is None:
            yield from self._records()
            return
        cells = [
            [_wrapped(console, *cell) for cell in zip(row, widths, strict=True)]
            for row in (self.head, *self.rows)
        ]
        rule = Text("─┼─".join("─" * width for width in widths), DIM)
        # Without rules, rows of several lines could not be distinguished.
        ruled = any(len(cell) > 1 for row in cells[1:] for cell in row)
        for number, row in enumerate(cells):
            for line in itertools.zip_longest(*row, fillvalue=Text()):
                yield self._line(line, widths)
            if not number or (ruled and number < len(cells) - 1):
                yield rule

    def _widths(self, width: int) -> list[int] | None:
        """Return the width of each column; None if they do not fit.

        The widest columns are narrowed first.
        """
        wanted = [
            max(1, *(_longest_line(row[place]) for row in (self.head, *self.rows)))
            for place in range(len(self.head))
        ]
        left = width - len(_BETWEEN) * (len(wanted) - 1)
        widths = [0] * len(wanted)
        by_width = sorted(range(len(wanted)), key=wanted.__getitem__)
        for done, place in enumerate(by_width):
            share = left // (len(wanted) - done)
            if share < min(wanted[place], _LEAST_CELL):
                return None
            widths[place] = min(wanted[place], share)
            left -= widths[place]
        return widths

    def _line(self, cells: Sequence[Text], widths: Sequence[int]) -> Text:
        line = Text(no_wrap=True, overflow="ignore")
        last = len(cells) - 1
        for place, (cell, width) in enumerate(zip(cells, widths, strict=True)):
            if place:
                line.append(_BETWEEN, DIM)
            room = max(0, width - cell.cell_len)
            before = {"left": 0, "center": room // 2, "right": room}[self.aligns[place]]
            line.append(" " * before)
            line.append_text(cell)
            if place < last:
                line.append(" " * (room - before))
        return line

    def _records(self) -> Iterator[Text]:
        """Yield each row as lines that name the column of each cell."""
        for number, row in enumerate(self.rows or [[Text()] * len(self.head)]):
            if number:
                yield Text()
            for name, cell in zip(self.head, row, strict=True):
                yield Text.assemble(name, (": ", DIM), cell)


def _folded(line: Text, width: int) -> Iterator[Text]:
    """Yield a line in pieces that fit the width, cut at any character."""
    cuts: list[int] = []
    used = 0
    for place, character in enumerate(line.plain):
        used += (size := cell_len(character))
        if used > width:
            cuts.append(place)
            used = size
    yield from line.divide(cuts)


def _wrapped(console: Console, cell: Text, width: int) -> Sequence[Text]:
    if _longest_line(cell) <= width and "\n" not in cell.plain:
        return [cell]
    return list(cell.wrap(console, width, overflow="fold"))


def _longest_line(cell: Text) -> int:
    return max(map(cell_len, cell.plain.split("\n")))


def _code_style(kind: Any) -> Style:
    while str(kind) not in _CODE:
        kind = kind.parent
    return _CODE[str(kind)]
