"""Files as pictures: upright, without metadata, within limits, or refused."""

from __future__ import annotations

import io
import itertools
import struct
import sys
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from image_samples import (
    SECRET,
    animation,
    decoded,
    difference,
    drawing,
    encoded,
    icc_profile,
    photo,
    png_header,
    with_secrets,
)
from stepmagic.attachments.images import ImageLimits, from_bytes, to_images
from stepmagic.attachments.images.files import choose_frames
from stepmagic.attachments.images.limits import parse_pages
from stepmagic.errors import AttachmentError, SettingError

FORMATS = ["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "AVIF"]


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_is_read(form: str) -> None:
    data = encoded(drawing(), form)
    (part,) = from_bytes(data, "a.file").parts
    assert part.name == "a.file"
    assert difference(decoded(part), Image.open(io.BytesIO(data))) < 2


# Metadata


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("sample", [photo, drawing])
def test_no_metadata_leaves(form: str, sample: Any) -> None:
    data = with_secrets(sample(), form)
    for value in (data, Image.open(io.BytesIO(data)), _loaded(data)):
        (part,) = to_images(value, "x").parts
        # The profile's gamma is not quite that of sRGB.
        assert difference(decoded(part), sample()) < 7


def _loaded(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    return image.copy()


def test_no_comment_of_a_gif_leaves() -> None:
    data = encoded(drawing(), "GIF", comment=SECRET.encode())
    assert SECRET.encode() in data
    for value in (data, Image.open(io.BytesIO(data))):
        assert decoded(to_images(value, "x").parts[0])


def test_nothing_behind_the_picture_leaves() -> None:
    for form in ("PNG", "JPEG"):
        data = encoded(photo(), form) + SECRET.encode()
        assert decoded(from_bytes(data, "x").parts[0])


def test_no_preview_of_a_camera_leaves() -> None:
    """A phone's JPEG holds a second picture, with a place of its own."""
    data = encoded(photo(), "MPO", save_all=True, append_images=[drawing()])
    assert Image.open(io.BytesIO(data)).format == "MPO"
    for value in (data, Image.open(io.BytesIO(data))):
        (part,) = to_images(value, "x").parts
        assert difference(decoded(part), photo()) < 4


@pytest.mark.parametrize("orientation", range(10))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF"])
def test_picture_is_upright(orientation: int, form: str) -> None:
    data = with_secrets(drawing(), form, orientation=orientation)
    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    for value in (data, Image.open(io.BytesIO(data))):
        converted = to_images(value, "x", ImageLimits(longest_side=160))
        image = decoded(converted.parts[0])
        assert image.size == tuple(side // 2 for side in expected.size)
        assert difference(image, expected.resize(image.size)) < 8
        turned = "turned upright, as its EXIF data says" in converted.notices
        # Pillow turns a TIFF when it loads it.
        assert turned is (2 <= orientation <= 8 and form != "TIFF")
        width, height = expected.size
        assert converted.notices[0] == (
            f"scaled down from {width} \N{MULTIPLICATION SIGN} {height} pixels"
        )


@pytest.mark.parametrize("exif", [b"MM\0*\xff\xff\xff\xff", b"no TIFF header"])
def test_damaged_exif_is_ignored(exif: bytes) -> None:
    image = drawing()
    data = encoded(image, "PNG", exif=b"Exif\0\0" + exif)
    for value in (data, Image.open(io.BytesIO(data))):
        assert difference(decoded(to_images(value, "x").parts[0]), image) == 0


def test_orientation_of_another_type_is_ignored() -> None:
    # One entry, of type ASCII: "6".
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x02\0\0\0\x02" + b"6\0\0\0" * 2
    data = encoded(drawing(), "PNG", exif=exif)
    assert Image.open(io.BytesIO(data)).getexif()[0x0112] == "6"
    assert difference(decoded(from_bytes(data, "x").parts[0]), drawing()) == 0


def test_colours_are_those_of_the_profile() -> None:
    data = encoded(drawing(), "PNG", icc_profile=icc_profile("grb"))
    image = decoded(from_bytes(data, "x").parts[0])
    red, green, blue = image.split()
    assert difference(Image.merge("RGB", (green, red, blue)), drawing()) < 9


# Size


def test_large_photo_is_scaled_down() -> None:
    large = photo(1500, 1000)
    for value in (encoded(large, "JPEG", quality=95), encoded(large, "PNG"), large):
        converted = to_images(value, "x", ImageLimits(longest_side=480))
        image = decoded(converted.parts[0])
        assert image.size == (480, 320)
        assert image.format == "JPEG"
        assert difference(image, large.resize((480, 320))) < 3
        times = "\N{MULTIPLICATION SIGN}"
        assert converted.size.startswith(f"480 {times} 320 pixels, ")
        assert converted.size.endswith(" KB JPEG")
        assert converted.notices == (f"scaled down from 1,500 {times} 1,000 pixels",)


def test_narrow_picture_keeps_a_pixel() -> None:
    data = encoded(Image.new("RGB", (5000, 1)), "PNG")
    assert decoded(from_bytes(data, "x").parts[0]).size == (2048, 1)


def test_sixteen_bits_are_scaled_to_eight() -> None:
    wide = np.asarray(drawing().convert("L")).astype("u2") * 257
    image = Image.fromarray(wide)
    assert image.mode == "I;16"
    for form in ("PNG", "TIFF"):
        part = from_bytes(encoded(image, form), "x").parts[0]
        assert difference(decoded(part), drawing().convert("L")) == 0


def test_sixteen_bits_take_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(Image.new("I;16", (9, 8), 500), "PNG")
    monkeypatch.setitem(sys.modules, "numpy", None)
    with pytest.raises(AttachmentError, match=r"`x` has more than 8 bits.*numpy"):
        from_bytes(data, "x")


# Animations


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG"])
def test_frames_of_an_animation_are_spread_evenly(form: str) -> None:
    data = animation(form, 16)
    for value in (data, Image.open(io.BytesIO(data))):
        converted = to_images(value, "anim")
        assert [part.name for part in converted.parts] == [
            f"anim (frame {number} of 16)" for number in (1, 6, 11, 16)
        ]
        shades = [
            decoded(part).convert("L").resize((1, 1)).getpixel((0, 0))
            for part in converted.parts
        ]
        assert shades == pytest.approx([0, 85, 170, 255], abs=3)
        assert converted.notices == ("animated: 4 of 16 frames",)
        assert converted.size.startswith("4 images, ")


def test_pages_of_a_document_are_pages() -> None:
    converted = from_bytes(animation("TIFF", 3), "scan")
    assert [part.name for part in converted.parts] == [
        f"scan (page {number} of 3)" for number in (1, 2, 3)
    ]
    assert converted.notices == ()


@given(st.integers(1, 500), st.integers(1, 60))
def test_first_and_last_frame_are_chosen(count: int, wanted: int) -> None:
    chosen = choose_frames(count, wanted)
    assert len(chosen) == len(set(chosen)) == min(count, wanted)
    assert chosen[0] == 0
    assert wanted == 1 or chosen[-1] == count - 1
    steps = {after - before for before, after in itertools.pairwise(chosen)}
    assert not steps or max(steps) - min(steps) <= 1


def test_long_animation_is_refused() -> None:
    data = animation("GIF", 30, size=(10, 10))
    assert from_bytes(data, "x", ImageLimits(max_pixels=150)).parts
    with pytest.raises(AttachmentError, match=r"`x` has 30 frames of 10 .*long"):
        from_bytes(data, "x", ImageLimits(max_pixels=149))


# What is refused


@pytest.mark.parametrize(
    "size", [(20_000, 10_000), (60_000, 60_000), (2**31 - 1, 2**31 - 1)]
)
def test_bomb_is_refused_before_it_is_decoded(size: tuple[int, int]) -> None:
    # There is nothing behind the header: to decode it would fail in other words.
    with pytest.raises(AttachmentError, match="`bomb` is too large to decode"):
        from_bytes(png_header(*size), "bomb")


def test_own_limit_stands_beside_pillows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    for value in (png_header(20_000, 10_000), png_header(1 << 16, 1 << 16)):
        with pytest.raises(AttachmentError, match=r"`x` has .* max_pixels=178,956,970"):
            from_bytes(value, "x")
        lazy = Image.open(io.BytesIO(value))
        with pytest.raises(AttachmentError, match=r"`x` has .* max_pixels"):
            to_images(lazy, "x")


def test_large_file_within_the_limit_brings_no_warning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = encoded(drawing(), "PNG")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 50_000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert from_bytes(data, "x").parts


@pytest.mark.parametrize("form", FORMATS)
def test_truncated_file_is_refused(form: str) -> None:
    data = encoded(photo(), form)
    for length in (20, len(data) // 2):
        with pytest.raises(AttachmentError, match="`x`"):
            from_bytes(data[:length], "x")


@pytest.mark.parametrize(
    "data", [b"text", b"<svg/>", b"%PDF-1.7", bytes(99), b"BM", b"RIFF1234WAVE"]
)
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(AttachmentError, match="`x` is not a PNG, JPEG"):
        from_bytes(data, "x")


def test_nothing_is_called_empty() -> None:
    with pytest.raises(AttachmentError, match="`x` is empty: it has 0 bytes"):
        from_bytes(b"", "x")


FILES = [
    encoded(drawing(40, 30), "PNG"),
    encoded(photo(40, 30), "JPEG"),
    with_secrets(photo(40, 30), "JPEG", orientation=6),
    with_secrets(photo(40, 30), "TIFF", orientation=3),
    with_secrets(drawing(40, 30), "WEBP"),
    animation("GIF", 5),
    animation("PNG", 5),
    animation("WEBP", 5),
    animation("TIFF", 5),
    encoded(photo(40, 30), "BMP"),
    encoded(photo(40, 30), "AVIF"),
]


@settings(max_examples=400)
@given(st.data(), st.sampled_from(FILES))
def test_any_damage_is_an_image_or_refused(data: st.DataObject, file: bytes) -> None:
    damaged = bytearray(file)
    for _ in range(data.draw(st.integers(1, 5))):
        position = data.draw(st.integers(0, len(damaged) - 1))
        damaged[position] = data.draw(st.integers(0, 255))
    try:
        parts = from_bytes(bytes(damaged), "x", ImageLimits(max_pixels=1_000_000)).parts
    except AttachmentError:
        return
    for part in parts:
        assert decoded(part)


@given(st.binary(max_size=300), st.sampled_from(FILES))
def test_any_bytes_behind_a_signature_are_refused(tail: bytes, file: bytes) -> None:
    with pytest.raises(AttachmentError, match="`x`"):
        from_bytes(file[:16] + tail, "x")


def test_photo_that_was_turned_by_hand_is_not_turned_again() -> None:
    data = with_secrets(drawing(), "JPEG", orientation=6)
    opened = Image.open(io.BytesIO(data))
    for turned in (
        opened.rotate(-90, expand=True),
        opened.transpose(Image.Transpose.ROTATE_270),
        opened.convert("L"),
    ):
        converted = to_images(turned, "x")
        assert decoded(converted.parts[0]).size == turned.size
        assert "not turned again" in converted.notices[0]
    (part,) = to_images(opened, "x").parts
    assert decoded(part).size == opened.size[::-1]


def tiff(bits: int, rows: list[list[int]]) -> bytes:
    """Return a TIFF of one strip in which 0 is white (TIFF 6.0, section 4)."""
    letter = "H" if bits == 16 else "B"
    data = b"".join(struct.pack(f"<{len(row)}{letter}", *row) for row in rows)
    tags = [
        *((256, 3, len(rows[0])), (257, 3, len(rows)), (258, 3, bits), (259, 3, 1)),
        *((262, 3, 0), (273, 4, 122), (277, 3, 1), (278, 3, len(rows))),
        (279, 4, len(data)),
    ]
    head = b"II*\0" + struct.pack("<IH", 8, len(tags))
    fields = b"".join(struct.pack("<HHII", tag, kind, 1, it) for tag, kind, it in tags)
    made: bytes = head + fields + bytes(4) + data
    return made


@pytest.mark.parametrize(("bits", "top"), [(8, 255), (16, 65_535), (16, 4000)])
def test_zero_is_white_where_the_file_says_so(bits: int, top: int) -> None:
    data = tiff(bits, [[round(top * x / 63) for x in range(64)]] * 64)
    for value in (data, Image.open(io.BytesIO(data))):
        (part,) = to_images(value, "x").parts
        row = np.asarray(decoded(part).convert("L"))[30]
        assert row[1] > 240
        assert row[62] < 15


@pytest.mark.parametrize(
    "data",
    [
        encoded(drawing(), "TIFF", big_tiff=True),
        encoded(drawing().convert("L"), "PPM"),
        encoded(drawing(), "PPM"),
        encoded(drawing(), "JPEG2000"),
        encoded(drawing(64, 64), "ICO"),
    ],
)
def test_further_formats_are_read(data: bytes) -> None:
    assert from_bytes(data, "x").parts


def test_chosen_frames_and_pages_are_sent() -> None:
    for form, word in (("GIF", "frame"), ("TIFF", "page")):
        data = animation(form, 8)
        assert len(from_bytes(data, "x", ImageLimits(frames=8)).parts) == 8
        converted = from_bytes(data, "x", ImageLimits(pages=parse_pages("2,4-5")))
        assert [part.name for part in converted.parts] == [
            f"x ({word} {number} of 8)" for number in (2, 4, 5)
        ]
        assert f"{word}s 2, 4, 5 of 8" in converted.notices[0]
        missing = f"8 {word}s: {word} 9 does not exist"
        with pytest.raises(AttachmentError, match=missing):
            from_bytes(data, "x", ImageLimits(pages=(9,)))


@pytest.mark.parametrize("value", ["", "0", "a", "3-2", "1-", -1, 1.5, [0]])
def test_pages_are_numbers(value: object) -> None:
    with pytest.raises(SettingError, match="pages takes numbers from 1"):
        parse_pages(value)


def test_huge_frames_are_refused_before_they_are_decoded() -> None:
    frames = [Image.new("L", (7000, 7000), shade) for shade in (0, 9)]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    with pytest.raises(AttachmentError, match="gigabytes of memory"):
        from_bytes(data, "x")
