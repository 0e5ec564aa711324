"""What a preview says, read from its text."""

from __future__ import annotations

from stepmagic.attachments.frames import Preview


def schema(made: Preview) -> dict[str, list[str]]:
    """Return the cells of each column's line after its name."""
    lines = made.text.split("\n")
    begin = next(n for n, line in enumerate(lines) if line.startswith("column\t"))
    cells = [line.split("\t") for line in lines[begin + 1 :]]
    end = next((n for n, line in enumerate(cells) if len(line) < 4), len(cells))
    return {line[0]: line[1:] for line in cells[:end]}


def rows(made: Preview) -> list[list[str]]:
    """Return the cells of the rows shown, the names first."""
    lines = made.text.split("\n")
    begin = next(n for n, line in enumerate(lines) if line.startswith("Rows,"))
    cells = [line.split("\t") for line in lines[begin + 1 :]]
    return [line for line in cells if line[0] == "row" or line[0].isdigit()]
