"""Tokens of pictures by their size, videos by their frames, documents by their text."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow

from stepmagic.transcript import File, Image, Video
from stepmagic.transcript.media_tokens import (
    document_tokens,
    picture_size,
    picture_tokens,
    video_tokens,
)
from stepmagic.transcript.usage import estimate_body, estimate_part


def picture(width: int, height: int, file_type: str, **more: bool) -> bytes:
    buffer = io.BytesIO()
    Pillow.new("RGB", (width, height)).save(buffer, file_type, **more)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("width", "height", "tokens"),
    [
        (512, 512, 171),
        (728, 728, 171),
        (729, 729, 504),
        (1024, 1024, 504),
        (1280, 720, 670),
        (1920, 1080, 836),
        (2048, 1365, 1169),
        (2048, 1536, 1169),
        (2048, 2048, 1502),
        (3024, 2016, 2166),
        (3024, 3024, 3164),
        (6048, 6048, 3164),
    ],
)
def test_pictures_take_what_the_open_processor_makes_of_them(
    width: int, height: int, tokens: int
) -> None:
    assert picture_tokens(width, height) == tokens


@given(st.integers(1, 20_000), st.integers(1, 20_000))
def test_every_size_has_a_bounded_estimate(width: int, height: int) -> None:
    assert 171 <= picture_tokens(width, height) < 10_000


@pytest.mark.parametrize("file_type", ["PNG", "JPEG", "GIF", "WEBP"])
def test_size_is_read_from_the_header(file_type: str) -> None:
    assert picture_size(picture(300, 200, file_type)) == (300, 200)


def test_size_of_lossless_and_animated_webp_is_read() -> None:
    assert picture_size(picture(300, 200, "WEBP", lossless=True)) == (300, 200)
    buffer = io.BytesIO()
    frames = [Pillow.new("RGB", (300, 200), colour) for colour in ("red", "blue")]
    frames[0].save(buffer, "WEBP", save_all=True, append_images=frames[1:])
    assert picture_size(buffer.getvalue()) == (300, 200)


@pytest.mark.parametrize("file_type", ["PNG", "JPEG", "GIF", "WEBP"])
def test_header_that_is_cut_short_shows_no_size(file_type: str) -> None:
    data = picture(300, 200, file_type)
    for length in range(len(data)):
        assert picture_size(data[:length]) in (None, (300, 200))


@given(st.sampled_from([b"\x89PNG", b"GIF8", b"\xff\xd8\xff", b"RIFF"]), st.binary())
def test_any_bytes_have_an_estimate(start: bytes, rest: bytes) -> None:
    data = start + rest
    assert estimate_part(Image(media_type="image/png", data=data)) > 0


@pytest.mark.parametrize(
    ("detail", "tokens"), [(None, 1169), ("high", 1169), ("auto", 1169), ("low", 400)]
)
def test_detail_and_size_decide_together(detail: str | None, tokens: int) -> None:
    data = picture(2048, 1536, "PNG")
    part = Image(media_type="image/png", data=data, detail=detail)  # type: ignore[arg-type]
    assert estimate_part(part) == tokens


def test_body_of_a_request_counts_its_pictures_alike() -> None:
    part = Image(media_type="image/png", data=picture(2048, 1536, "PNG"))
    assert estimate_body({"url": part.location}) == 1169
    assert estimate_body({"data": part.base64}) == 1169


@pytest.mark.parametrize("version", [0, 1])
def test_video_takes_a_frame_a_second(version: int) -> None:
    times = struct.pack(">IIII" if version == 0 else ">QQIQ", 0, 0, 600, 600 * 12)
    data = b"\0\0\0\x18ftypisom" + b"mvhd" + bytes([version, 0, 0, 0]) + times
    assert video_tokens(data) == 12 * 171
    assert estimate_part(Video(media_type="video/mp4", data=data)) == 12 * 171


def test_video_without_a_length_is_estimated_by_its_bytes() -> None:
    assert video_tokens(bytes(5000)) == 5
    assert video_tokens(b"mvhd") == 1


def pdf(content: bytes, *, packed: bool = True, extra: bytes = b"") -> bytes:
    """Return as much of a PDF as an estimate reads."""
    kind = b"/Filter /FlateDecode" if packed else b""
    data = zlib.compress(content) if packed else content
    return (
        b"%PDF-1.7\n1 0 obj\n<< "
        + kind
        + extra
        + b" >>\nstream\n"
        + data
        + b"\nendstream\nendobj\n"
    )


@pytest.mark.parametrize("packed", [True, False])
def test_document_is_estimated_by_its_text(packed: bool) -> None:  # noqa: FBT001 - a case
    content = b"BT /F1 12 Tf (" + b"word " * 800 + b") Tj ET"
    data = pdf(content, packed=packed)
    assert document_tokens(data) == 1000
    assert estimate_part(File(media_type="application/pdf", data=data)) == 1000


def test_document_with_hexadecimal_glyphs_is_estimated_by_its_text() -> None:
    assert document_tokens(pdf(b"BT [<00410042> -250 <00430044>] TJ ET")) == 1


def test_glyphs_of_two_bytes_count_once() -> None:
    content = b"BT (" + ("word " * 800).encode("utf-16-be") + b") Tj ET"
    assert document_tokens(pdf(content)) == 1000


def test_pictures_in_a_document_are_no_text() -> None:
    content = b"BT (" + b"word " * 800 + b") Tj ET"
    data = pdf(content, extra=b" /Subtype /Image")
    assert document_tokens(data) == 1


def test_document_that_unpacks_to_gigabytes_is_estimated_in_bounded_memory() -> None:
    data = pdf(b"BT (" + bytes(70_000_000) + b") Tj ET")
    assert document_tokens(data) == -(-len(data) // 1000)


@given(st.binary())
def test_any_document_has_an_estimate(data: bytes) -> None:
    assert document_tokens(data) >= 0
    assert document_tokens(b"1 0 obj<</FlateDecode>>stream\n" + data) > 0
