"""What a file is: by its first bytes where they tell, else by its suffix."""

from __future__ import annotations

import re
from typing import Literal, TypeAlias

from stepmagic.attachments import images, video
from stepmagic.errors import AttachmentError

Kind: TypeAlias = Literal["image", "video", "pdf", "notebook", "table", "text"]

_PARQUET = b"PAR1"
_PDF = b"%PDF-"

_SUFFIXES: dict[str, Kind] = {
    **dict.fromkeys((".avif", ".bmp", ".gif", ".heic", ".ico", ".jpeg"), "image"),
    **dict.fromkeys((".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"), "image"),
    **dict.fromkeys((".avi", ".flv", ".m4v", ".mkv", ".mov", ".mp4"), "video"),
    **dict.fromkeys((".mpeg", ".mpg", ".ogv", ".webm", ".wmv"), "video"),
    **dict.fromkeys((".csv", ".jsonl", ".ndjson", ".parquet", ".pq", ".tsv"), "table"),
    **dict.fromkeys((".arrow", ".feather"), "table"),
    ".pdf": "pdf",
    ".ipynb": "notebook",
}

_UNKNOWN: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "a ZIP archive, as .xlsx, .docx and .npz are"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"\x1f\x8b", "data packed by gzip"),
    (b"BZh", "data packed by bzip2"),
    (b"\xfd7zXZ\x00", "data packed by xz"),
    (b"(\xb5/\xfd", "data packed by zstd"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"\x93NUMPY", "a numpy array"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"\xd0\xcf\x11\xe0", "a file of an older Microsoft Office"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"\xca\xfe\xba\xbe", "a program"),
    (b"ID3", "sound (MP3)"),
    (b"\xff\xfb", "sound (MP3)"),
    (b"fLaC", "sound (FLAC)"),
    (b"OggS", "sound (Ogg)"),
    (b"GGUF", "weights of a model (GGUF)"),
)
_PICKLE = re.compile(rb"\x80[\x02-\x05]")


def kind_of(head: bytes, suffix: str) -> Kind:
    """Return what a file is; ``text`` is what nothing says anything else of.

    Args:
        head: Its first bytes.
        suffix: The end of its name, in lower case: ``.csv``.
    """
    if images.is_image(head):
        return "image"
    if head.startswith((_PARQUET, b"ARROW1", b"FEA1")):
        return "table"
    if head.startswith(_PDF):
        return "pdf"
    if video.media_type_of(head) is not None:
        return "video"
    return _SUFFIXES.get(suffix, "text")


def refused(head: bytes, name: str) -> AttachmentError:
    """Return the error for a file that is neither text nor anything known."""
    message = (
        f"`{name}` is {_guess(head)}, which cannot be sent. What can: images, videos, "
        "PDF, notebooks, tables (CSV, TSV, Parquet, JSON Lines) and text. Read it in "
        "a cell, and attach what the model should see of it."
    )
    return AttachmentError(message)


def _guess(head: bytes) -> str:
    for start, what in _UNKNOWN:
        if head.startswith(start):
            return what
    if head.startswith(b"RIFF") and head[8:12] == b"WAVE":
        return "sound (WAV)"
    if _PICKLE.match(head):
        return "a pickled Python object"
    return f"binary data (it begins with {head[:8].hex(' ')})"
