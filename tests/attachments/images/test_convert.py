"""Whole values as images: lists, names, sizes, what is kept and what is not touched."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from image_samples import (
    animation,
    decoded,
    difference,
    drawing,
    encoded,
    photo,
    with_secrets,
)
from stepmagic import transcript
from stepmagic.attachments.images import ImageLimits, from_bytes, thumbnail, to_images
from stepmagic.attachments.images.pictures import CACHE
from stepmagic.errors import AttachmentError
from stepmagic.transcript.usage import format_bytes

TIMES = "\N{MULTIPLICATION SIGN}"


@pytest.fixture(autouse=True)
def _empty_cache() -> Iterator[None]:
    CACHE.clear()
    yield
    CACHE.clear()


@pytest.fixture
def saved(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the formats of the images that are encoded from now on."""
    formats: list[str] = []
    save = Image.Image.save

    def count(self: Image.Image, file: Any, form: str, **options: Any) -> None:
        formats.append(form)
        save(self, file, form, **options)

    monkeypatch.setattr(Image.Image, "save", count)
    return formats


def test_part_has_name_detail_and_size() -> None:
    converted = to_images(drawing(), "plan", ImageLimits(detail="low"))
    (part,) = converted.parts
    assert (part.name, part.detail, part.media_type) == ("plan", "low", "image/png")
    size = format_bytes(len(part.data or b""))
    assert converted.size == f"320 {TIMES} 240 pixels, {size} PNG"
    assert converted.notices == ()


# Lists


def test_images_of_a_list_are_labelled() -> None:
    values = [drawing(), photo(900, 90), photo(800, 80), photo(), photo(700, 9)]
    converted = to_images(
        [*values, photo(600, 9)], "pics", ImageLimits(longest_side=500)
    )
    assert [part.name for part in converted.parts] == [
        f"pics[{index}]" for index in range(6)
    ]
    assert converted.size.startswith("6 images, ")
    assert converted.notices[0] == (f"pics[1]: scaled down from 900 {TIMES} 90 pixels")


def test_equal_notices_are_said_once() -> None:
    values = [photo(900, 90)] * 2
    limits = ImageLimits(longest_side=500)
    said = f"scaled down from 900 {TIMES} 90 pixels"
    assert to_images(values, "x", limits).notices == (f"x[0], x[1]: {said}",)
    assert to_images(values * 3, "x", limits).notices == (
        f"x[0], x[1], x[2] and 3 more: {said}",
    )


def test_frames_in_a_list_keep_both_labels() -> None:
    converted = to_images((animation("GIF", 2), drawing()), "x")
    assert [part.name for part in converted.parts] == [
        "x[0] (frame 1 of 2)",
        "x[0] (frame 2 of 2)",
        "x[1]",
    ]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([], "`x` is empty"),
        ([animation("GIF", 9)] * 16, r"contains 64 images.*`x\[::2\]`"),
        ([drawing()] * 121, r"contains 121 images.*`x\[::3\]`"),
        ([[drawing()]], r"contains lists.*`x\[0\]`"),
        ([drawing(), 7], r"`x\[1\]` is of type int"),
        (7, "`x` is of type int, which is not an image"),
        (Image.new("RGB", (0, 5)), "it is empty"),
    ],
)
def test_others_are_refused(value: Any, said: str) -> None:
    with pytest.raises(AttachmentError, match=said):
        to_images(value, "x")


# Pillow's own


def test_image_is_not_changed() -> None:
    data = with_secrets(drawing(), "PNG", orientation=6)
    image = Image.open(io.BytesIO(data))
    info = dict(image.info)
    before = image.tobytes()
    to_images(image, "x", ImageLimits(longest_side=50))
    assert (image.tobytes(), image.info, image.size) == (before, info, (320, 240))


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG", "TIFF"])
@pytest.mark.parametrize("count", [1, 9])
def test_animation_is_not_changed(form: str, count: int) -> None:
    data = animation(form, 9) if count > 1 else encoded(drawing(), form)
    image = Image.open(io.BytesIO(data))
    image.load()
    ImageDraw.Draw(image).rectangle((5, 5, 20, 20), fill=200)
    before, mode, info = image.copy(), image.mode, dict(image.info)
    for _ in range(2):
        parts = to_images(image, "x").parts
        assert len(parts) == min(count, 4)
        assert difference(decoded(parts[0]), before) < 4
        assert (image.tell(), image.mode, image.info) == (0, mode, info)
        assert image.tobytes() == before.tobytes()


def test_frame_that_was_sought_is_sent_alone() -> None:
    image = Image.open(io.BytesIO(animation("GIF", 9)))
    image.seek(4)
    (part,) = to_images(image, "x").parts
    assert difference(decoded(part), image) < 1
    (copy,) = to_images(image.copy(), "x").parts
    assert copy == part


@pytest.mark.parametrize("form", ["GIF", "PNG", "TIFF"])
def test_animation_without_its_file_is_the_frame_that_is_there(
    form: str, tmp_path: Path
) -> None:
    path = tmp_path / "animation"
    path.write_bytes(animation(form, 9))
    with Image.open(path) as image:
        image.load()
    before = image.tobytes()
    (part,) = to_images(image, "x").parts
    assert difference(decoded(part), image) == 0
    assert image.tobytes() == before


def test_still_gif_is_one_image() -> None:
    image = Image.open(io.BytesIO(encoded(drawing(), "GIF")))
    (part,) = to_images(image, "x").parts
    assert difference(decoded(part), image) == 0


def test_image_whose_file_was_closed_is_refused() -> None:
    with Image.open(io.BytesIO(encoded(photo(), "JPEG"))) as image:
        pass
    with pytest.raises(AttachmentError, match="`x` was closed before it was loaded"):
        to_images(image, "x")


def test_image_cut_short_is_refused() -> None:
    data = encoded(photo(), "JPEG")
    image = Image.open(io.BytesIO(data[: len(data) // 2]))
    with pytest.raises(AttachmentError, match=r"`x`.*truncated"):
        to_images(image, "x")


# The cache


@pytest.mark.parametrize(
    "value",
    [
        drawing(),
        photo(),
        np.asarray(photo()),
        np.asarray(photo()) / 255,
        encoded(photo(), "JPEG"),
        animation("GIF", 9),
    ],
    ids=lambda value: type(value).__name__,
)
def test_same_content_is_encoded_once(value: Any, saved: list[str]) -> None:
    first = to_images(value, "a")
    count = len(saved)
    assert count == len(first.parts)
    again = to_images(value, "b", ImageLimits(detail="high"))
    assert len(saved) == count
    assert [part.data for part in again.parts] == [part.data for part in first.parts]
    assert (again.parts[0].name or "").startswith("b")
    assert again.parts[0].detail == "high"
    assert again.notices == first.notices


def test_changed_image_is_encoded_anew(saved: list[str]) -> None:
    image = photo(900, 600)
    limits = ImageLimits(longest_side=300)
    first = to_images(image, "x", limits).parts
    image.paste("red", (0, 0, 300, 600))
    second = to_images(image, "x", limits).parts
    assert first != second
    assert len(saved) == 2


def test_what_decides_the_result_is_in_the_key(saved: list[str]) -> None:
    image = photo(90, 60)
    turned = image.copy()
    turned.getexif()[0x0112] = 6
    for value, limits in (
        (image, ImageLimits()),
        (turned, ImageLimits()),
        (image, ImageLimits(longest_side=50)),
        (image, ImageLimits(max_bytes=1500)),
        (image.resize((60, 90)), ImageLimits()),
    ):
        before = len(saved)
        to_images(value, "x", limits)
        assert len(saved) > before


# Thumbnails


@pytest.mark.parametrize("image", [photo(800, 600), drawing(800, 600)])
def test_thumbnail_is_small_and_bare(image: Image.Image) -> None:
    data = thumbnail(to_images(image, "x").parts[0])
    assert len(data) < 4000
    form = "png" if data.startswith(b"\x89PNG") else "jpeg"
    small = decoded(transcript.Image(media_type=f"image/{form}", data=data))
    assert small.size == (96, 72)
    assert difference(small, image.resize((96, 72))) < 9


def test_thumbnail_of_an_animation_is_its_first_frame() -> None:
    part = transcript.Image(media_type="image/gif", data=animation("GIF", 9))
    data = thumbnail(part, longest=30)
    assert Image.open(io.BytesIO(data)).size == (30, 20)


def test_link_has_no_thumbnail() -> None:
    link = transcript.Image(url="https://example.org/a.png")
    with pytest.raises(AttachmentError, match="the image` is a link"):
        thumbnail(link)


def test_file_has_its_name() -> None:
    (part,) = from_bytes(encoded(drawing(), "PNG"), "plan.png").parts
    assert part.name == "plan.png"
