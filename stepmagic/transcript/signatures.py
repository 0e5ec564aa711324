"""File formats by their first bytes: pictures, videos, documents, archives and others.

The one table of signatures. A name or a declared media type may be wrong; the bytes
decide.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

Family: TypeAlias = Literal[
    "image", "video", "audio", "document", "table", "archive", "data", "program"
]

HEAD_BYTES = 64
"""Enough of a file to detect its format."""


@dataclass(frozen=True, slots=True)
class Format:
    """A file format."""

    family: Family
    name: str
    """Of a picture, Pillow's name; of another file, a phrase: ``an HDF5 file``."""
    media_type: str = ""
    """Empty for what is not sent as a file."""


_PNG = Format("image", "PNG", "image/png")
_JPEG = Format("image", "JPEG", "image/jpeg")
_GIF = Format("image", "GIF", "image/gif")
_TIFF = Format("image", "TIFF", "image/tiff")
_BMP = Format("image", "BMP", "image/bmp")
_JP2 = Format("image", "JPEG2000", "image/jp2")
_PPM = Format("image", "PPM", "image/x-portable-anymap")
_AVIF = Format("image", "AVIF", "image/avif")
_HEIF = Format("image", "HEIF", "image/heif")
_MP4 = Format("video", "MP4", "video/mp4")
# OpenRouter calls QuickTime by this name (docs, Video inputs).
_MOV = Format("video", "MOV", "video/mov")
_WEBM = Format("video", "WebM", "video/webm")
_MATROSKA = Format("video", "Matroska", "video/x-matroska")
_OGV = Format("video", "Ogg", "video/ogg")
_ZIP = Format("archive", "a ZIP archive, as .xlsx, .docx and .npz are")
_PROGRAM = Format("program", "a program")
_MP3 = Format("audio", "sound (MP3)", "audio/mpeg")

_SIGNATURES: tuple[tuple[int, bytes, Format], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", _PNG),
    (0, b"\xff\xd8\xff", _JPEG),
    (0, b"GIF87a", _GIF),
    (0, b"GIF89a", _GIF),
    (8, b"WEBPVP8", Format("image", "WEBP", "image/webp")),
    (0, b"II*\0", _TIFF),
    (0, b"MM\0*", _TIFF),
    (0, b"II+\0", _TIFF),  # BigTIFF
    (0, b"MM\0+", _TIFF),
    (0, b"\0\0\0\x0cjP  \r\n", _JP2),
    (0, b"\xff\x4f\xff\x51", _JP2),
    (0, b"\0\0\1\0", Format("image", "ICO", "image/x-icon")),
    (0, b"\x00\x00\x01\xba", Format("video", "MPEG", "video/mpeg")),
    (8, b"AVI LIST", Format("video", "AVI", "video/x-msvideo")),
    (0, b"FLV\x01", Format("video", "Flash Video", "video/x-flv")),
    (
        0,
        b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",
        Format("video", "Windows Media", "video/x-ms-wmv"),
    ),
    (8, b"WAVE", Format("audio", "sound (WAV)", "audio/wav")),
    (0, b"ID3", _MP3),
    (0, b"\xff\xfb", _MP3),
    (0, b"fLaC", Format("audio", "sound (FLAC)", "audio/flac")),
    (0, b"%PDF-", Format("document", "PDF", "application/pdf")),
    (0, b"\xd0\xcf\x11\xe0", Format("document", "a file of an older Microsoft Office")),
    (0, b"PAR1", Format("table", "Parquet", "application/vnd.apache.parquet")),
    (0, b"ARROW1", Format("table", "Arrow", "application/vnd.apache.arrow.file")),
    # Feather 1, before Arrow's own file format (Arrow documentation, Feather).
    (0, b"FEA1", Format("table", "Arrow", "application/vnd.apache.arrow.file")),
    (0, b"SQLite format 3\x00", Format("table", "an SQLite database")),
    (0, b"PK\x03\x04", _ZIP),
    (0, b"PK\x05\x06", Format("archive", "an empty ZIP archive")),
    (0, b"\x1f\x8b", Format("archive", "data compressed by gzip")),
    (0, b"BZh", Format("archive", "data compressed by bzip2")),
    (0, b"\xfd7zXZ\x00", Format("archive", "data compressed by xz")),
    (0, b"(\xb5/\xfd", Format("archive", "data compressed by zstd")),
    (0, b"7z\xbc\xaf\x27\x1c", Format("archive", "a 7-Zip archive")),
    (0, b"\x93NUMPY", Format("data", "a numpy array")),
    (0, b"\x89HDF\r\n\x1a\n", Format("data", "an HDF5 file")),
    (0, b"GGUF", Format("data", "weights of a model (GGUF)")),
    (0, b"\x7fELF", _PROGRAM),
    (0, b"MZ", _PROGRAM),
    (0, b"\xca\xfe\xba\xbe", _PROGRAM),
)
"""Offset and bytes."""

_RIFF = ("WEBP", "AVI", "sound (WAV)")
_BMP_HEADERS = (12, 40, 52, 56, 64, 108, 124)
"""Sizes of the header that follows BMP's signature, two characters of usual text."""

_PORTABLE = re.compile(rb"P[1-6]\s+(#[^\n]*\n\s*)*[0-9]+\s+[0-9]+\s")
"""Portable bitmaps, greymaps and pixmaps: a letter, a digit and the size."""

_EBML = b"\x1a\x45\xdf\xa3"
# An Ogg stream of sound begins alike (RFC 3533, 6; Theora specification, 6.2).
_OGG, _THEORA = b"OggS", b"\x80theora"
_PICKLE = re.compile(rb"\x80[\x02-\x05]")

_PATTERNS = (
    (_PORTABLE, _PPM),
    (_PICKLE, Format("data", "a pickled Python object")),
)

# ISO base media file format (ISO/IEC 14496-12): four bytes of size, then the name of a
# box. The size of a first box is small; four characters of a text are not such a size.
_BOX = re.compile(rb"(?![\x09-\x7e]{4}).{4}(ftyp.{4}|moov|mdat|wide|pnot)", re.DOTALL)
_BRANDS: tuple[tuple[bytes, Format], ...] = (
    (b"avif", _AVIF),
    (b"avis", _AVIF),
    *((brand, _HEIF) for brand in (b"hei", b"hev", b"mif", b"msf")),
    *((brand, Format("audio", "sound (M4A)")) for brand in (b"M4A ", b"M4B ", b"M4P ")),
    (b"qt  ", _MOV),
)
"""Beginnings of ``ftyp`` brands that are not MP4."""


def detect(head: bytes) -> Format | None:
    """Return the format that the first bytes of a file show; None if unknown.

    >>> detect(b"GIF89a...").media_type
    'image/gif'
    """
    start = head[:HEAD_BYTES]
    for offset, signature, found in _SIGNATURES:
        if start.startswith(signature, offset):
            if found.name in _RIFF and not start.startswith(b"RIFF"):
                continue
            return found
    if start.startswith(b"BM"):
        header = int.from_bytes(start[14:18], "little")
        return _BMP if header in _BMP_HEADERS else None
    if start.startswith(_EBML):
        return _WEBM if b"webm" in start else _MATROSKA
    if start.startswith(_OGG):
        return _OGV if _THEORA in start else Format("audio", "sound (Ogg)", "audio/ogg")
    if box := _BOX.match(start):
        return _media_box(box[1])
    return next((known for sign, known in _PATTERNS if sign.match(start)), None)


def media_type(head: bytes, family: Family) -> str | None:
    """Return the media type of a file, if it belongs to a family."""
    found = detect(head)
    return found.media_type if found is not None and found.family == family else None


def _media_box(name: bytes) -> Format:
    if not name.startswith(b"ftyp"):
        # QuickTime files from before there were brands begin with another box.
        return _MOV
    brand = name.removeprefix(b"ftyp")
    return next((found for start, found in _BRANDS if brand.startswith(start)), _MP4)
