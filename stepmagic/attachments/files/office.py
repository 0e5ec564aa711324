"""Documents of Word and slides of PowerPoint as Markdown: their text and tables.

Both are ZIP archives of XML (ECMA-376), which Python reads by itself.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree as ET

from stepmagic.attachments.attachment import Attached
from stepmagic.attachments.files import text
from stepmagic.attachments.files.source import Source
from stepmagic.errors import AttachmentError
from stepmagic.transcript import Text
from stepmagic.transcript.usage import format_bytes, format_count

_MOST_BYTES = 100_000_000
_MOST_XML = 50_000_000
"""Bytes of one part, unpacked: an archive may claim to hold any number."""

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_HEADING = re.compile(r"heading\s*([1-6])|title", re.IGNORECASE)
_SLIDE = re.compile(r"ppt/slides/slide([0-9]+)\.xml")


def attach_office(source: Source) -> Attached:
    """Return a document or slides as Markdown.

    Raises:
        AttachmentError: It is damaged, encrypted, or too long.
    """
    source.read(_MOST_BYTES, advice="Copy the part that matters into a text.")
    source.file.seek(0)
    try:
        with zipfile.ZipFile(source.file) as archive:
            if source.suffix == ".docx":
                body = _parsed(archive, "word/document.xml")
                blocks = list(_document(body))
                size, kind = format_count(len(blocks), "paragraph"), "Word document"
            else:
                slides = list(_slides(archive))
                blocks = [block for slide in slides for block in slide]
                size, kind = format_count(len(slides), "slide"), "PowerPoint slides"
            pictures = sum("/media/" in name for name in archive.namelist())
    except (zipfile.BadZipFile, KeyError, ET.ParseError, RuntimeError) as exc:
        message = f"`{source.name}` cannot be read as {source.suffix}: {exc}."
        raise AttachmentError(message) from exc
    markdown = "\n\n".join(blocks)
    if len(markdown) > text.MOST_BYTES:
        message = (
            f"`{source.name}` has {len(markdown):,} characters of text; at most "
            f"{text.MOST_BYTES:,} can be sent. Copy the part that matters into a text."
        )
        raise AttachmentError(message)
    left_out = ""
    if pictures:
        left_out = f" and without its {format_count(pictures, 'picture')}"
    difference = (
        f"The text of `{source.name}` is sent as Markdown, without its layout"
        f"{left_out}."
    )
    return Attached(
        name=source.name,
        kind=kind,
        parts=(Text(text=markdown or "(no text)"),),
        size=f"{size}, {format_bytes(source.size)}",
        differences=(difference,),
    )


def _parsed(archive: zipfile.ZipFile, name: str) -> Any:
    with archive.open(name) as part:
        data = part.read(_MOST_XML + 1)
    if len(data) > _MOST_XML or b"<!DOCTYPE" in data[:1000]:
        message = f"{name} is too large, or is not a part of such a document"
        raise zipfile.BadZipFile(message)
    return ET.fromstring(data)  # noqa: S314 - without a DOCTYPE, no entities


def _document(root: Any) -> Iterator[str]:
    """Yield the blocks of a Word document in their order."""
    body = root.find(f"{_W}body")
    for block in body if body is not None else ():
        if block.tag == f"{_W}p":
            if words := _paragraph(block):
                yield words
        elif block.tag == f"{_W}tbl":
            rows = [
                [
                    " ".join(filter(None, map(_plain, cell.iter(f"{_W}p"))))
                    for cell in row.iter(f"{_W}tc")
                ]
                for row in block.iter(f"{_W}tr")
            ]
            yield _table(rows)


def _plain(paragraph: Any) -> str:
    """Return the text of a paragraph; what was deleted with changes tracked is not."""
    words: list[str] = []
    for node in paragraph.iter():
        if node.tag == f"{_W}t":
            words.append(node.text or "")
        elif node.tag in (f"{_W}br", f"{_W}tab"):
            words.append(" ")
    return "".join(words).strip()


def _paragraph(paragraph: Any) -> str:
    words = _plain(paragraph)
    if not words:
        return ""
    style = paragraph.find(f"{_W}pPr/{_W}pStyle")
    name = style.get(f"{_W}val", "") if style is not None else ""
    if found := _HEADING.match(name):
        return f"{'#' * int(found[1] or 1)} {words}"
    is_item = paragraph.find(f"{_W}pPr/{_W}numPr") is not None
    return f"- {words}" if is_item else words


def _slides(archive: zipfile.ZipFile) -> Iterator[list[str]]:
    """Yield the blocks of each slide, in the order of their numbers."""
    numbers = sorted(
        int(found[1]) for found in map(_SLIDE.fullmatch, archive.namelist()) if found
    )
    for number in numbers:
        root = _parsed(archive, f"ppt/slides/slide{number}.xml")
        blocks = [f"## Slide {number}"]
        tables = list(root.iter(f"{_A}tbl"))
        inside = {id(p) for table in tables for p in table.iter(f"{_A}p")}
        for paragraph in root.iter(f"{_A}p"):
            words = _drawn(paragraph)
            if words and id(paragraph) not in inside:
                blocks.append(words)
        for table in tables:
            rows = [
                [_drawn(cell) for cell in row.iter(f"{_A}tc")]
                for row in table.iter(f"{_A}tr")
            ]
            blocks.append(_table(rows))
        yield blocks


def _drawn(node: Any) -> str:
    return "".join(part.text or "" for part in node.iter(f"{_A}t")).strip()


def _table(rows: list[list[str]]) -> str:
    """Return rows as a table of Markdown."""
    if not rows:
        return ""
    lines = [
        "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
        for row in rows
    ]
    lines.insert(1, "|" + " --- |" * len(rows[0]))
    return "\n".join(lines)
