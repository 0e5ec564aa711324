"""PNG or JPEG by the look of a picture, and never more than so many bytes."""

from __future__ import annotations

import io

import matplotlib.figure
import numpy as np
import pytest
from PIL import Image, ImageDraw

from image_samples import decoded, difference, drawing, photo
from stepmagic.attachments.images import ImageLimits, to_images
from stepmagic.attachments.images.encoding import is_flat
from stepmagic.errors import AttachmentError


def screen() -> Image.Image:
    """Return text and boxes, smoothed, as on a screen."""
    made = Image.new("RGB", (900, 700), (250, 250, 245))
    pen = ImageDraw.Draw(made)
    for y in range(10, 690, 14):
        pen.text((10, y), f"line {y}: the quick brown fox, 0.{y}" * 3, fill="black")
    return made


def plot() -> Image.Image:
    figure = matplotlib.figure.Figure(figsize=(8, 6))
    axes = figure.add_subplot()
    x = np.linspace(0, 30, 900)
    for shift in range(9):
        axes.plot(x, np.sin(x + shift) * shift)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return Image.open(buffer).convert("RGB")


def night() -> Image.Image:
    return photo(640, 480).point([value // 8 for value in range(256)] * 3)


def product() -> Image.Image:
    """Return a photograph of something before a white wall."""
    made = Image.new("RGB", (640, 480), "white")
    made.paste(photo(420, 380), (110, 50))
    return made


@pytest.mark.parametrize("make", [drawing, screen, plot])
def test_drawing_is_flat(make: object) -> None:
    assert callable(make)
    assert is_flat(make())
    assert is_flat(make().convert("L"))


@pytest.mark.parametrize("make", [photo, night, product])
def test_photograph_is_not(make: object) -> None:
    assert callable(make)
    assert not is_flat(make())
    assert not is_flat(make().convert("L"))


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (900, 1), (2, 2)])
def test_any_size_has_a_look(size: tuple[int, int]) -> None:
    assert is_flat(Image.new("RGB", size))


def test_kind_of_picture_chooses_the_format() -> None:
    (png,) = to_images(screen(), "x").parts
    (jpeg,) = to_images(photo(), "x").parts
    assert (png.media_type, jpeg.media_type) == ("image/png", "image/jpeg")
    assert difference(decoded(png), screen()) == 0
    assert difference(decoded(jpeg), photo()) < 3


def test_drawing_that_is_too_large_becomes_a_jpeg() -> None:
    dots = Image.effect_noise((64, 64), 300).convert("RGB")
    dotted = dots.resize((512, 512), Image.Resampling.NEAREST)
    (part,) = to_images(dotted, "x").parts
    size = len(part.data or b"")
    assert part.media_type == "image/png"
    (same,) = to_images(dotted, "x", ImageLimits(max_bytes=size)).parts
    assert (same.media_type, same.data) == (part.media_type, part.data)
    (smaller,) = to_images(dotted, "x", ImageLimits(max_bytes=size - 1)).parts
    assert smaller.media_type == "image/jpeg"
    assert len(smaller.data or b"") < size
    assert decoded(smaller).format == "JPEG"


@pytest.mark.parametrize("limit", [30_000, 8_000, 2_000])
def test_bytes_stay_within_the_limit(limit: int) -> None:
    converted = to_images(photo(800, 600), "x", ImageLimits(max_bytes=limit))
    (part,) = converted.parts
    assert len(part.data or b"") <= limit
    (notice,) = converted.notices
    image = decoded(part)
    assert notice.startswith("JPEG of quality ")
    assert f"{image.width} \N{MULTIPLICATION SIGN} {image.height} pixels" in notice
    assert difference(image, photo(800, 600).resize(image.size)) < 9


def test_impossible_limit_is_refused() -> None:
    with pytest.raises(AttachmentError, match=r"`x` takes .* max_bytes=300\. Raise"):
        to_images(photo(), "x", ImageLimits(max_bytes=300))
