"""What was changed in a cell: a diff that reads well without colours."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from IPython.display import display

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
        sides = (self.before.splitlines(), self.after.splitlines())
        # Without the two lines that would name files.
        return list(difflib.unified_diff(*sides, lineterm=""))[2:]

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
    """Show a diff below what the cell has shown so far."""
    display(diff)
