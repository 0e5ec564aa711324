"""What a file is: by its first bytes where they identify it, else by its suffix."""

from __future__ import annotations

from typing import Literal, TypeAlias

from stepmagic.attachments import images, video
from stepmagic.errors import AttachmentError
from stepmagic.transcript.signatures import detect

Kind: TypeAlias = Literal[
    "image",
    "video",
    "pdf",
    "notebook",
    "table",
    "workbook",
    "database",
    "office",
    "text",
]

_SUFFIXES: dict[str, Kind] = {
    **dict.fromkeys((".avif", ".bmp", ".gif", ".heic", ".ico", ".jpeg"), "image"),
    **dict.fromkeys((".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"), "image"),
    **dict.fromkeys((".avi", ".flv", ".m4v", ".mkv", ".mov", ".mp4"), "video"),
    **dict.fromkeys((".mpeg", ".mpg", ".ogv", ".webm", ".wmv"), "video"),
    **dict.fromkeys((".csv", ".jsonl", ".ndjson", ".parquet", ".pq", ".tsv"), "table"),
    **dict.fromkeys((".arrow", ".feather"), "table"),
    **dict.fromkeys((".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"), "workbook"),
    **dict.fromkeys((".docx", ".pptx"), "office"),
    ".pdf": "pdf",
    ".ipynb": "notebook",
}


_SQLITE = b"SQLite format 3\x00"
_DETECTED: dict[str, Kind] = {"Parquet": "table", "Arrow": "table", "PDF": "pdf"}
"""By the name of the format; pictures and videos have their own modules."""


def kind_of(head: bytes, suffix: str) -> Kind:
    """Return what a file is; ``text`` is what nothing says anything else of.

    Args:
        head: Its first bytes.
        suffix: The end of its name, in lower case: ``.csv``.
    """
    if images.is_image(head):
        return "image"
    found = detect(head)
    if found is not None and found.name in _DETECTED:
        return _DETECTED[found.name]
    if head.startswith(_SQLITE):
        return "database"
    if video.media_type_of(head) is not None:
        return "video"
    return _SUFFIXES.get(suffix, "text")


def refused(head: bytes, name: str) -> AttachmentError:
    """Return the error for a file that is neither text nor anything known."""
    message = (
        f"`{name}` is {_guess(head)}, which cannot be sent. What can: images, videos, "
        "PDF, notebooks, tables (CSV, TSV, JSON Lines, Parquet, Arrow, Excel, SQLite), "
        "documents (.docx, .pptx) and text. Read it in a cell, and attach what the "
        "model should see of it."
    )
    return AttachmentError(message)


def _guess(head: bytes) -> str:
    found = detect(head)
    if found is not None:
        return found.name
    return f"binary data (it begins with {head[:8].hex(' ')})"
