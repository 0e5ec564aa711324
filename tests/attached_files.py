"""Files that tests attach, and what they read from the attachments."""

from __future__ import annotations

import io
from collections.abc import Callable

import pypdf
from PIL import Image as pillow  # noqa: N813 - the package has an Image of its own

from stepmagic.attachments.attachment import Attached
from stepmagic.transcript import Text

Write = Callable[..., Attached]


def said(attached: Attached) -> str:
    """Return the text of an attachment that is one text."""
    (part,) = attached.parts
    assert isinstance(part, Text)
    return part.text


def png(colour: str = "red", side: int = 8) -> bytes:
    buffer = io.BytesIO()
    pillow.new("RGB", (side, side), colour).save(buffer, "PNG")
    return buffer.getvalue()


def pdf(pages: int, *, packed: bool = False) -> bytes:
    writer = pypdf.PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(width=72, height=72)
    if packed:
        writer.encrypt("secret", algorithm="RC4-128")
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


CSV = "day,sales\n2026-01-01,10\n2026-01-02,20\n"


TIMES = "\N{MULTIPLICATION SIGN}"


def rows(attached: Attached) -> list[list[str]]:
    """Return the names and the rows that are shown, without their numbers."""
    lines = said(attached).split("\n")
    begin = next(n for n, line in enumerate(lines) if line.startswith("row\t"))
    return [line.split("\t")[1:] for line in lines[begin:] if "\t" in line]


def schema(attached: Attached) -> dict[str, list[str]]:
    """Return nulls, distinct values and the range of each column."""
    lines = said(attached).split("\n")
    begin = next(n for n, line in enumerate(lines) if line.startswith("column\t"))
    end = next(n for n, line in enumerate(lines) if line.startswith("Rows,"))
    cells = [line.split("\t") for line in lines[begin + 1 : end]]
    return {line[0]: line[2:] for line in cells}
