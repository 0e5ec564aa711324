"""Notebooks as their cells: prose, fenced code, what it printed and drew."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from stepmagic.attachments import images
from stepmagic.attachments.attachment import Attached
from stepmagic.attachments.files import text
from stepmagic.attachments.files.source import Source, refuse_private_key
from stepmagic.attachments.notebook.bundles import on_screen, read_bundle
from stepmagic.errors import AttachmentError
from stepmagic.transcript import Image, Text
from stepmagic.transcript.usage import format_bytes, format_count

MOST_BYTES = 50_000_000
"""Of the file: most of a large notebook are pictures."""

MOST_PICTURES = 20
OUTPUT_CHARACTERS = 4000
"""Characters of one output that are sent: its beginning and its end."""

_FORMAT = 4
"""Of nbformat; notebooks of before 2015 have another."""

_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
"""Colours and cursor movements in tracebacks (ECMA-48, 5.4)."""


@dataclass(slots=True)
class _Page:
    """What is sent of one notebook, as it grows."""

    name: str
    limits: images.ImageLimits
    texts: list[str] = field(default_factory=list)
    """Since the last picture."""
    parts: list[Text | Image] = field(default_factory=list)
    pictures: int = 0
    cut: int = 0
    changes: list[str] = field(default_factory=list)
    left_out: int = 0

    def write(self, words: str) -> None:
        """Add a paragraph."""
        if words.strip():
            self.texts.append(words)

    def show(self, bundle: Mapping[str, Any], label: str) -> None:
        """Add an output in the form that a model reads best."""
        is_full = self.pictures >= MOST_PICTURES
        if is_full and any(kind.startswith("image/") for kind in bundle):
            self.left_out += 1
            self.write("(a picture, left out)")
            return
        name = f"{self.name}, {label}"
        content = read_bundle(bundle, name, self.limits)
        self.changes += [f"`{name}`: {what}." for what in content.differences]
        if content.parts:
            self.pictures += 1
            self.write(f"{label}, a picture:")
            self.turn()
            self.parts += [
                replace(part, name=f"{name}, a picture") for part in content.parts
            ]
        elif content.text.strip():
            self.print(content.text, content.language)
        elif content.differences:
            self.write(f"({', '.join(map(str, bundle))}, left out)")

    def print(self, words: str, language: str = "") -> None:
        """Add an output, its middle left out where it is long."""
        words = _ESCAPES.sub("", words)
        if len(words) > OUTPUT_CHARACTERS:
            self.cut += 1
            half = OUTPUT_CHARACTERS // 2
            missing = format_count(len(words) - 2 * half, "letter")
            words = f"{words[:half]}\n... {missing} left out ...\n{words[-half:]}"
        if words.strip():
            self.write(text.fence(words, language))

    def turn(self) -> None:
        """Make a part of the text so far."""
        if self.texts:
            self.parts.append(Text(text="\n\n".join(self.texts) + "\n"))
            self.texts.clear()

    def differences(self) -> Iterator[str]:
        """Yield what is not sent as it is in the file, a sentence each."""
        if self.cut:
            outputs = format_count(self.cut, "long output")
            yield f"Of {outputs} in `{self.name}` the beginning and end are sent."
        if self.left_out:
            more = format_count(self.left_out, "picture")
            yield f"`{self.name}` contains {more} more than the {MOST_PICTURES} sent."
        yield from dict.fromkeys(self.changes)


def attach_notebook(
    source: Source, limits: images.ImageLimits | None = None
) -> Attached:
    """Return a notebook as Markdown, with the pictures of its outputs in their places.

    Metadata is left out; of an output in several forms the one is sent that a model
    reads best.

    Raises:
        AttachmentError: It is not a notebook of format 4, or its text is too long.
    """
    advice = "Save it without outputs, or attach some of its cells as a text."
    form = _read(source.read(MOST_BYTES, advice=advice), source.name)
    page = _Page(source.name, limits or images.ImageLimits())
    language = _language(form)
    cells = [cell for cell in form["cells"] if isinstance(cell, Mapping)]
    for cell in cells:
        _write_cell(page, cell, language)
    page.turn()
    content = "".join(part.text for part in page.parts if isinstance(part, Text))
    refuse_private_key(content, source.name)
    if len(content) > text.MOST_BYTES:
        message = (
            f"`{source.name}` has {len(content):,} characters in its cells; at most "
            f"{text.MOST_BYTES:,} can be sent. {advice}"
        )
        raise AttachmentError(message)
    empty = () if cells else (f"`{source.name}` has no cells.",)
    return Attached(
        name=source.name,
        kind="notebook",
        parts=tuple(page.parts) or (Text(text="(no cells)"),),
        size=f"{format_count(len(cells), 'cell')}, {format_bytes(source.size)}",
        differences=(*page.differences(), *empty),
    )


def read_cells(path: Path) -> list[Mapping[str, Any]]:
    """Return the cells of a notebook's file as they are in it.

    Raises:
        AttachmentError: It is not a notebook of format 4, or cannot be read.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as exc:
        message = f"`{path.name}` cannot be read ({exc})."
        raise AttachmentError(message) from exc
    if len(data) > MOST_BYTES:
        message = f"`{path.name}` is larger than {format_bytes(MOST_BYTES)}."
        raise AttachmentError(message)
    form = _read(data, path.name)
    return [cell for cell in form["cells"] if isinstance(cell, Mapping)]


def source_of(cell: Mapping[str, Any]) -> str:
    """Return the source of a cell of a notebook's file."""
    return _joined(cell.get("source"))


def _read(data: bytes, name: str) -> Mapping[str, Any]:
    try:
        form = json.loads(text.decode(data, name))
    except (ValueError, RecursionError) as exc:
        message = f"`{name}` is not a notebook: it is not JSON ({exc})."
        raise AttachmentError(message) from exc
    if not isinstance(form, Mapping) or not isinstance(form.get("cells"), list):
        message = (
            f"`{name}` is not a notebook of format {_FORMAT}: it has no cells. Open "
            "and save it in JupyterLab where it is of an older format."
        )
        raise AttachmentError(message)
    return form


def _language(form: Mapping[str, Any]) -> str:
    """Return the language of the code, as the notebook's kernel calls it."""
    metadata = _mapping(form.get("metadata"))
    info = _mapping(metadata.get("language_info")).get("name")
    known = info or _mapping(metadata.get("kernelspec")).get("language")
    return known if isinstance(known, str) and known.isalnum() else "python"


def _write_cell(page: _Page, cell: Mapping[str, Any], language: str) -> None:
    source = _joined(cell.get("source"))
    if cell.get("cell_type") != "code":
        page.write(source)
        for name, bundle in _mapping(cell.get("attachments")).items():
            page.show(_mapping(bundle), str(name))
        return
    count = cell.get("execution_count")
    number = f" [{count}]" if isinstance(count, int) else ""
    if source.strip():
        page.write(f"In{number}:\n{text.fence(source, language)}")
    outputs = cell.get("outputs")
    for output in outputs if isinstance(outputs, list) else ():
        _write_output(page, _mapping(output), f"Out{number}")


def _write_output(page: _Page, output: Mapping[str, Any], label: str) -> None:
    """Write an output: what was printed as on a screen, a bundle in its best form."""
    match output.get("output_type"):
        case "stream":
            page.print(on_screen(_joined(output.get("text"))))
        case "error":
            page.print("\n".join(_lines(output.get("traceback"))))
        case _:
            page.show(_mapping(output.get("data")), label)


def _joined(value: Any) -> str:
    """Return a multi-line string of nbformat: one text, or a list of lines."""
    return "".join(_lines(value))


def _lines(value: Any) -> list[str]:
    lines = value if isinstance(value, list) else [value]
    return [line for line in lines if isinstance(line, str)]


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
