"""Small tables and diffs: HTML in a notebook, aligned text elsewhere."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

from IPython.display import display


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """Labels and values, one pair per line."""

    title: str
    rows: tuple[tuple[str, str], ...]

    def __repr__(self) -> str:
        return "\n".join(_aligned(self.rows))

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr><th scope="row" style="text-align:left">{escape(label)}</th>'
            f'<td style="text-align:left">{_cell(value)}</td></tr>'
            for label, value in self.rows
        )
        return f"<table>{_caption(self.title)}{rows}</table>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of text with a head."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    """A line below the table, such as the reason why it is short."""

    def __repr__(self) -> str:
        lines = _aligned([self.head, *self.rows])
        return "\n".join([*lines, *([self.note] if self.note else [])])

    def _repr_html_(self) -> str:
        head = "".join(f'<th scope="col">{escape(word)}</th>' for word in self.head)
        rows = "".join(
            "<tr>" + "".join(f"<td>{_cell(value)}</td>" for value in row) + "</tr>"
            for row in self.rows
        )
        note = f"<p>{_cell(self.note)}</p>" if self.note else ""
        return (
            f"<table>{_caption(self.title)}"
            f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{note}"
        )


def _caption(title: str) -> str:
    return f'<caption style="text-align:left">{escape(title)}</caption>'


def _cell(text: str) -> str:
    """Return text as HTML; MathJax ignores a dollar sign that is its own element."""
    return escape(text).replace("$", "<span>$</span>")


def _aligned(rows: Iterable[Sequence[str]]) -> list[str]:
    """Return rows with their columns aligned by spaces."""
    rows = [tuple(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            word.ljust(width) for word, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    ]


_SHADES = {
    "+": "background:rgba(40,160,70,.18)",
    "-": "background:rgba(210,60,50,.18)",
    "@": "opacity:.7",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Diff:
    """Two versions of a cell, line by line."""

    before: str
    after: str

    @property
    def lines(self) -> list[str]:
        """The changed lines with some around them, ``+`` or ``-`` before each."""
        versions = (self.before.splitlines(), self.after.splitlines())
        # Without the two lines that name files.
        return list(difflib.unified_diff(*versions, lineterm=""))[2:]

    def __bool__(self) -> bool:
        return self.before.splitlines() != self.after.splitlines()

    def __repr__(self) -> str:
        return "\n".join(self.lines)

    def _repr_html_(self) -> str:
        return f'<pre class="sm-diff">{"".join(self._shaded())}</pre>'

    def _shaded(self) -> Iterator[str]:
        for line in self.lines:
            shade = _SHADES.get(line[:1], "")
            style = f' style="{shade}"' if shade else ""
            yield f"<span{style}>{escape(line)}</span>\n"


def show(diff: Diff) -> None:
    """Display a diff below the output of the cell so far."""
    display(diff)
