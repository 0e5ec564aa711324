"""Pictures as they are scaled, encoded and cached."""

from __future__ import annotations

import io

import pytest
from PIL import Image, ImageOps

from image_samples import (
    decoded,
    difference,
    drawing,
    encoded,
    photo,
    with_secrets,
)
from stepmagic.attachments.images import ImageLimits, from_bytes, to_images
from stepmagic.attachments.images.pictures import Cache, Encoded


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


def test_cache_forgets_the_least_recently_used() -> None:
    cache, made = Cache(most_bytes=250), []

    def get(key: bytes, size: int = 100) -> None:
        def encode() -> tuple[Encoded, ...]:
            made.append(key)
            return (Encoded(data=bytes(size), media_type="image/png", size=(1, 1)),)

        cache.get(key, encode)

    for key in (b"a", b"b", b"a", b"c", b"a", b"b"):
        get(key)
    assert made == [b"a", b"b", b"c", b"b"]
    get(b"large", 300)
    get(b"b")
    assert made[-2:] == [b"large", b"b"]
    cache.clear()
    get(b"b")
    assert made[-1] == b"b"
