"""Tokens of pictures, videos and documents, estimated from their bytes.

Nothing is decoded but headers and a document's text: estimates take linear time and no
library.
"""

from __future__ import annotations

import functools
import math
import re
import struct
import zlib
from collections.abc import Iterator

# The open processor of Step-3 models (vLLM, `step3_vl.py`): an overview of 169 tokens
# and crops of 81, each with two marks, and a mark after each row of crops but the last.
_OVERVIEW_TOKENS = 171
_CROP_TOKENS = 83
_LONGEST_SIDE = 3024
_OVERVIEW_SIDE = 728
_CROP_SIDE = 504
_LEAST_SIDE = 32
_STRIP = 4
"""Pictures of a larger aspect ratio are strips."""

_NO_CROPS = 1.5
"""A small picture of a larger aspect ratio is cropped nevertheless."""

_ANOTHER_CROP = 0.2
"""Share of a crop's side that is left over, from which on there is another crop."""

_FRAMES_A_SECOND = 1
"""An assumption: no provider of the models documents how many frames it takes."""

_MEDIA_BYTES_A_TOKEN = 1000
"""An assumption, where the bytes show neither a length nor a text."""

_GLYPHS_A_TOKEN = 4
_MOST_UNPACKED = 64_000_000
"""Bytes of a document that are unpacked to count its text."""

_JPEG_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PDF_STREAM = re.compile(rb"stream\r?\n")
_PDF_DICTIONARY = 400
"""Bytes before a stream in which its dictionary is looked for."""

_PDF_NO_TEXT = re.compile(rb"/Image\b|/Length1\b|/FontFile|/ObjStm|/XRef|/Metadata\b")
_PDF_TEXT_BEGINS = re.compile(rb"\bBT\b")
_PDF_TEXT_ENDS = re.compile(rb"\bET\b")
_PDF_STRING = re.compile(rb"\(((?:\\.|[^\\()])*)\)|<([0-9A-Fa-f\s]+)>", re.DOTALL)


def picture_tokens(width: int, height: int) -> int:
    """Return the tokens of a picture, as Step-3 models crop it.

    >>> picture_tokens(512, 512), picture_tokens(2048, 1536)
    (171, 1169)
    """
    if min(width, height) < _LEAST_SIDE and _ratio(width, height) > _STRIP:
        width = height = max(width, height)
    if (longest := max(width, height)) > _LONGEST_SIDE:
        width = max(1, width * _LONGEST_SIDE // longest)
        height = max(1, height * _LONGEST_SIDE // longest)
    side = _crop_side(width, height)
    if not side:
        return _OVERVIEW_TOKENS
    rows = _crops(height, side)
    return _OVERVIEW_TOKENS + _crops(width, side) * rows * _CROP_TOKENS + rows - 1


def _ratio(width: int, height: int) -> float:
    return max(width, height) / min(width, height)


def _crop_side(width: int, height: int) -> int:
    """Return the side of the crops; 0 where the overview is all there is."""
    ratio, short = _ratio(width, height), min(width, height)
    if max(width, height) <= _OVERVIEW_SIDE:
        return short if ratio > _NO_CROPS else 0
    return min(short, _CROP_SIDE) if ratio > _STRIP else _CROP_SIDE


def _crops(length: int, side: int) -> int:
    if length < side:
        return 1
    crops, rest = divmod(length, side)
    return crops + (rest > _ANOTHER_CROP * side)


def picture_size(data: bytes) -> tuple[int, int] | None:
    """Return width and height from a picture's header; None where it shows none."""
    size: tuple[int, int] | None = None
    try:
        if data.startswith(b"\x89PNG"):
            size = struct.unpack_from(">II", data, 16)
        elif data.startswith(b"GIF8"):
            size = struct.unpack_from("<HH", data, 6)
        elif data.startswith(b"\xff\xd8"):
            size = _jpeg_size(data)
        elif data.startswith(b"RIFF") and data[8:12] == b"WEBP":
            size = _webp_size(data)
    except (struct.error, IndexError):  # cut short
        return None
    return size if size and min(size) > 0 else None


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    place = 2
    while data[place] == 0xFF:  # noqa: PLR2004 - begins a marker
        marker = data[place + 1]
        if marker in _JPEG_START_OF_FRAME:
            height, width = struct.unpack_from(">HH", data, place + 5)
            return width, height
        if marker == 0xFF:  # noqa: PLR2004 - padding
            place += 1
            continue
        (length,) = struct.unpack_from(">H", data, place + 2)
        place += 2 + length
    return None


def _webp_size(data: bytes) -> tuple[int, int] | None:
    match data[12:16]:
        case b"VP8 ":
            width, height = struct.unpack_from("<HH", data, 26)
            return width & 0x3FFF, height & 0x3FFF
        case b"VP8L":
            (bits,) = struct.unpack_from("<I", data, 21)
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8X":
            width = int.from_bytes(data[24:27], "little") + 1
            return width, int.from_bytes(data[27:30], "little") + 1
        case _:
            return None


def video_tokens(data: bytes) -> int:
    """Return the tokens of a video's frames; by its bytes where no length is shown."""
    seconds = _video_seconds(data)
    if seconds is None:
        return bytes_tokens(data)
    return max(1, math.ceil(seconds * _FRAMES_A_SECOND)) * _OVERVIEW_TOKENS


def _video_seconds(data: bytes) -> float | None:
    """Return the length that the header of an MP4 or MOV shows."""
    # ISO 14496-12, 8.2.2: version, flags, two times, time scale, duration.
    place = data.find(b"mvhd")
    if place < 0:
        return None
    try:
        form, skip = (">IQ", 24) if data[place + 4] == 1 else (">II", 16)
        scale, duration = struct.unpack_from(form, data, place + skip)
    except (struct.error, IndexError):
        return None
    return duration / scale if scale and duration else None


@functools.lru_cache(maxsize=16)
def document_tokens(data: bytes) -> int:
    """Return the tokens of a PDF's text; by its bytes where none is found."""
    glyphs = sum(map(_glyphs, _pdf_contents(data)))
    return math.ceil(glyphs / _GLYPHS_A_TOKEN) or bytes_tokens(data)


def bytes_tokens(data: bytes) -> int:
    """Return a guess of the tokens of bytes whose content is not known."""
    return math.ceil(len(data) / _MEDIA_BYTES_A_TOKEN)


def _pdf_contents(data: bytes) -> Iterator[bytes]:
    """Yield the streams of a PDF that may draw text, unpacked."""
    left, end = _MOST_UNPACKED, 0
    while left > 0 and (begin := _PDF_STREAM.search(data, end)):
        start = begin.end()
        end = data.find(b"endstream", start)
        if end < 0:
            return
        head = data[max(0, begin.start() - _PDF_DICTIONARY) : begin.start()]
        dictionary = head[head.rfind(b" obj") + 1 :]
        end += len(b"endstream")
        if _PDF_NO_TEXT.search(dictionary):
            continue
        packed = data[start : end - len(b"endstream")]
        if b"/FlateDecode" in dictionary:
            try:
                packed = zlib.decompressobj().decompress(packed, left)
            except zlib.error:
                continue
        elif b"/Filter" in dictionary:
            continue
        left -= len(packed)
        yield packed


def _glyphs(content: bytes) -> int:
    """Return how many characters a page's content draws."""
    glyphs = place = 0
    while begin := _PDF_TEXT_BEGINS.search(content, place):
        end = _PDF_TEXT_ENDS.search(content, begin.end())
        if end is None:
            break
        place = end.end()
        for plain, in_hex in _PDF_STRING.findall(content, begin.end(), end.start()):
            # Glyphs of composite fonts take two bytes, the first one mostly zero.
            size = 2 if plain.count(0) * 3 > len(plain) else 1
            glyphs += len(plain) // size + len(in_hex) // 4
    return glyphs
