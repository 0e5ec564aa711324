"""What a subcommand shows."""

from __future__ import annotations

from stepmagic.display.html.tables import Card, Table
from stepmagic.magics.subcommands import run_subcommand


def rows(line: str) -> dict[str, tuple[str, ...]]:
    """Return the rows of a card or table by their first column."""
    shown = run_subcommand(line)
    assert isinstance(shown, Card | Table)
    return {row[0]: row[1:] for row in shown.rows}
