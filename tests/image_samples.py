"""Pictures with known pixels, and what an encoded image holds besides pixels."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageStat

from stepmagic import transcript

SECRET = "Planted Author 52.5200N"
"""Stands in every kind of metadata, and must be in nothing that is sent."""

_ORIENTATION, _ARTIST, _GPS, _GPS_AREA = 0x0112, 0x013B, 0x8825, 28


def photo(width: int = 320, height: int = 240) -> Image.Image:
    """Return a picture as a camera makes it: soft everywhere, and with noise."""
    noise = np.random.default_rng(7).normal(0, 5, (height, width, 1))
    x = np.linspace(20, 220, width)[None, :, None]
    y = np.linspace(0.4, 1, height)[:, None, None]
    pixels = x * y * np.array([1.0, 0.8, 0.6]) + noise
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def drawing(width: int = 320, height: int = 240) -> Image.Image:
    """Return flat colours with sharp edges, different in every corner."""
    made = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(made)
    pen.rectangle((0, 0, width // 2, height // 3), fill="red")
    pen.rectangle((width // 2, height // 2, width, height), fill="blue")
    pen.ellipse((width // 8, height // 2, width // 3, height * 9 // 10), fill="green")
    return made


def encoded(image: Image.Image, form: str, **options: Any) -> bytes:
    """Return an image in a file format."""
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def decoded(part: transcript.Image) -> Image.Image:
    """Return a part's pixels, once it is sure that there is nothing else in it."""
    assert part.data is not None
    assert_bare(part.data)
    image = Image.open(io.BytesIO(part.data))
    image.load()
    assert part.media_type == f"image/{str(image.format).lower()}"
    assert image.mode in ("L", "RGB")
    return image


def assert_bare(data: bytes) -> None:
    """Hold the bytes of a PNG or JPEG to pixels alone."""
    assert SECRET.encode() not in data
    if data.startswith(b"\x89PNG"):
        assert set(png_chunks(data)) == {b"IHDR", b"IDAT", b"IEND"}
    else:
        # JFIF, tables, frame, scan: no other APPn (E1 and on), no comment (FE).
        assert set(jpeg_markers(data)) <= {0xE0, 0xDB, 0xC0, 0xC4, 0xDA}
    image = Image.open(io.BytesIO(data))
    assert dict(image.getexif()) == {}
    assert image.getxmp() == {}
    assert set(image.info) <= {
        "jfif",
        "jfif_version",
        "jfif_unit",
        "jfif_density",
        "dpi",
    }


def png_chunks(data: bytes) -> list[bytes]:
    """Return the names of a PNG's chunks; nothing may lie behind the last."""
    names, position = [], 8
    while position < len(data):
        length, name = struct.unpack(">I4s", data[position : position + 8])
        names.append(name)
        position += length + 12
    return names


def jpeg_markers(data: bytes) -> list[int]:
    """Return the markers of a JPEG up to its scan, behind which nothing may lie."""
    markers, position = [], 2
    while 0xDA not in markers:
        assert data[position] == 0xFF
        markers.append(data[position + 1])
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    assert data.index(b"\xff\xd9", position) == len(data) - 2
    return markers


def difference(first: Image.Image, second: Image.Image) -> float:
    """Return how far two pictures are apart, in mean levels of 255."""
    assert first.size == second.size
    steps = ImageChops.difference(first.convert("RGB"), second.convert("RGB"))
    return max(ImageStat.Stat(steps).mean)


def with_secrets(image: Image.Image, form: str, *, orientation: int = 1) -> bytes:
    """Return a file that says who took it and where, in every way its format has."""
    exif = Image.Exif()
    exif[_ORIENTATION], exif[_ARTIST] = orientation, SECRET
    exif.get_ifd(_GPS)[_GPS_AREA] = SECRET.encode()
    xmp = f"<x:xmpmeta xmlns:x='adobe:ns:meta/'>{SECRET}</x:xmpmeta>".encode()
    options: dict[str, Any] = {"exif": exif, "icc_profile": icc_profile()}
    if form in ("JPEG", "WEBP"):
        options["xmp"] = xmp
    if form in ("JPEG", "GIF"):
        options["comment"] = SECRET.encode()
    if form == "PNG":
        from PIL.PngImagePlugin import PngInfo  # noqa: PLC0415 - for PNG alone

        options["pnginfo"] = text = PngInfo()
        text.add_text("Author", SECRET)
        text.add_itxt("XML:com.adobe.xmp", xmp.decode())
    data = encoded(image, form, **options)
    assert SECRET.encode() in data
    return data


def icc_profile(
    primaries: str = "rgb", gamma: float = 2.2, space: bytes = b"RGB "
) -> bytes:
    """Return an ICC profile (ICC.1:2001-04) of sRGB's primaries in some order."""
    points = {
        "r": (0.4361, 0.2225, 0.0139),
        "g": (0.3851, 0.7169, 0.0971),
        "b": (0.1431, 0.0606, 0.7141),
    }
    curve = b"curv\0\0\0\0" + struct.pack(">IH2x", 1, round(gamma * 256))
    name = SECRET.encode() + b"\0"
    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", len(name)) + name + bytes(78),
        b"wtpt": _xyz(0.9642, 1.0, 0.8249),
        b"cprt": b"text\0\0\0\0" + name,
    }
    if space == b"GRAY":
        tags[b"kTRC"] = curve
    else:
        for letter, primary in zip(b"rgb", primaries, strict=True):
            tags[bytes([letter]) + b"XYZ"] = _xyz(*points[primary])
            tags[bytes([letter]) + b"TRC"] = curve
    table, body, offset = b"", b"", 132 + 12 * len(tags)
    for tag, content in tags.items():
        padded = content + bytes(-len(content) % 4)
        table += tag + struct.pack(">II", offset + len(body), len(content))
        body += padded
    header = bytearray(128)
    header[0:4] = struct.pack(">I", offset + len(body))
    header[8:40] = b"\2\x10\0\0mntr" + space + b"XYZ " + bytes(12) + b"acsp"
    header[68:80] = _xyz(0.9642, 1.0, 0.8249)[8:]
    return bytes(header) + struct.pack(">I", len(tags)) + table + body


def _xyz(*values: float) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(v * 65536) for v in values))


def png_header(width: int, height: int) -> bytes:
    """Return a PNG of a few bytes that says it is of some size."""

    def chunk(name: bytes, body: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(name + body))
        return struct.pack(">I", len(body)) + name + body + check

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(1000)))
        + chunk(b"IEND", b"")
    )


def animation(form: str, count: int, size: tuple[int, int] = (60, 40)) -> bytes:
    """Return frames of which each is brighter than the one before."""
    frames = [
        Image.new("RGB", size, (index * 255 // (count - 1),) * 3)
        for index in range(count)
    ]
    options: dict[str, Any] = {} if form == "TIFF" else {"duration": 40}
    if form == "WEBP":
        options["lossless"] = True
    return encoded(frames[0], form, save_all=True, append_images=frames[1:], **options)
