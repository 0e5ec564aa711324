"""Which number is black and which white: by stack, and reported where it is unusual."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from image_samples import decoded, encoded
from stepmagic.attachments.images import from_bytes, to_images, to_stack

LABELS = np.zeros((60, 80), np.uint8)
LABELS[10:30, 10:30], LABELS[30:50, 30:50], LABELS[5:15, 50:75] = 1, 2, 3
RAMP = np.tile(np.linspace(0, 1, 64), (32, 1))


def shades(part: Any) -> Any:
    return np.asarray(decoded(part).convert("L"))


@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64", "uint16"])
def test_labels_are_spread_from_black_to_white(dtype: str) -> None:
    converted = to_images(LABELS.astype(dtype), "x")
    (notice,) = converted.notices
    assert "values 0, 1, 2, 3 are shown as the greys 0, 85, 170, 255" in notice
    assert (shades(converted.parts[0]) == LABELS * 85).all()


def test_file_of_a_mask_is_seen() -> None:
    mask = Image.fromarray((LABELS > 0).astype(np.uint8))
    for value in (encoded(mask, "PNG"), mask):
        converted = to_images(value, "x")
        assert "values 0, 1 are shown as the greys 0, 255" in converted.notices[0]
        assert (shades(converted.parts[0]) == (LABELS > 0) * 255).all()


def test_mask_in_three_colours_is_seen() -> None:
    mask = np.dstack([LABELS] * 3)
    for value in (mask, Image.fromarray(mask), encoded(Image.fromarray(mask), "PNG")):
        converted = to_images(value, "x")
        assert "stretched: 0 is black, 3" in converted.notices[0]
        assert shades(converted.parts[0]).max() == 255


def test_labels_with_a_void_are_spread_too() -> None:
    voc = np.where(LABELS == 3, 255, LABELS * 5).astype(np.uint8)
    converted = to_images(voc, "x")
    assert "values 0, 5, 10, 255 are shown" in converted.notices[0]
    assert set(np.unique(shades(converted.parts[0]))) == {0, 85, 170, 255}


def test_large_label_map_gets_no_labels_between_its_own() -> None:
    large = np.kron(LABELS, np.ones((60, 60), np.uint8))
    (part,) = to_images(large, "x").parts
    assert set(np.unique(shades(part))) == {0, 85, 170, 255}


@pytest.mark.parametrize("dtype", ["bool", "uint8"])
def test_black_and_white_needs_no_notice(dtype: str) -> None:
    value = np.eye(40, dtype=dtype)
    assert to_images(value * 255 if dtype == "uint8" else value, "x").notices == ()


def time_lapse() -> list[Any]:
    return [(RAMP * 1000 * (number + 1)).astype(np.uint16) for number in range(4)]


def test_pages_of_a_file_share_their_range() -> None:
    pages = [Image.fromarray(page) for page in time_lapse()]
    data = encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    opened = Image.open(io.BytesIO(data))
    for converted in (from_bytes(data, "t.tif"), to_images(opened, "t")):
        assert converted.notices == (
            "contrast stretched, the same for all: 0 is black, 4,000 white",
        )
        ends = [shades(part).max() for part in converted.parts]
        assert ends == pytest.approx([64, 128, 191, 255], abs=1)


def test_arrays_of_a_list_share_their_range() -> None:
    for values in (time_lapse(), [Image.fromarray(it) for it in time_lapse()]):
        converted = to_images(values, "x")
        ends = [shades(part).max() for part in converted.parts]
        assert ends == pytest.approx([64, 128, 191, 255], abs=1)
        assert "the same for all" in converted.notices[0]


def test_values_of_several_kinds_have_each_its_own_range() -> None:
    several = to_stack([RAMP, (RAMP * 255).astype("u1")], ["a", "b"])
    assert [made.notices for made in several] == [(), ()]


@pytest.mark.parametrize(
    ("value", "notice"),
    [
        (np.full((20, 20), 7.5), "every value is 7.5, shown as black"),
        (np.full((20, 20), 7, "u1"), "nearly black: every value is 7 of 255"),
        (np.ma.masked_less(LABELS * 80, 1), "masked and count as 0"),
        (RAMP / 100, "contrast stretched: 0 is black, 0.01 white"),
    ],
)
def test_what_cannot_be_seen_is_reported(value: Any, notice: str) -> None:
    assert notice in "; ".join(to_images(value, "x").notices)


def test_large_array_takes_little_memory() -> None:
    import tracemalloc  # noqa: PLC0415 - slows down whatever runs under it

    array = np.broadcast_to(np.uint8(99), (9_000, 9_000, 3))
    tracemalloc.start()
    try:
        (part,) = to_images(array, "x").parts
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert decoded(part).size == (2048, 2048)
    assert peak < 100_000_000  # of 243,000,000 bytes


def are_equal(part: Any, shown: Any) -> bool:
    """Whether a part's pixels are those expected, but for what JPEG changes."""
    sent = np.asarray(decoded(part).convert("RGB")).astype(float)
    if part.media_type == "image/png":
        return bool(abs(sent - shown).max() <= 1)
    return bool(abs(sent - shown).mean() <= 6)


def expected_by_imshow(array: Any) -> Any:
    """Return colours as matplotlib's ``imshow`` clips and scales them."""
    if array.dtype.kind == "f":
        return np.rint(np.clip(array.astype(float), 0, 1) * 255)
    return np.clip(array, 0, 255).astype(float)


SCALES = st.sampled_from([0.01, 0.9, 1.0, 1.004, 1.05, 1.5, 3, 200, 255, 300, 65_535])
TYPES = st.sampled_from(["u1", "u2", "i4", "i8", "f4", "f8", "bool"])


@settings(max_examples=80)
@given(SCALES, st.sampled_from([0, 0.01, -0.05, -2]), TYPES, st.integers(0, 99))
def test_pixels_are_those_of_imshow_or_there_is_a_notice(
    scale: float, shift: float, dtype: str, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    numbers = np.kron(rng.random((2, 3, 3)), np.ones((8, 8, 1))) * scale + shift
    if dtype == "u1":
        numbers = numbers.clip(0, 255)
    elif dtype == "u2":
        numbers = numbers.clip(0, 65_535)
    array = numbers > 0.5 if dtype == "bool" else numbers.astype(dtype)
    converted = to_images(array, "x")
    shown = array * 255.0 if dtype == "bool" else expected_by_imshow(array)
    assert converted.notices or are_equal(converted.parts[0], shown)


@settings(max_examples=60)
@given(
    st.sampled_from(["L", "P", "RGB", "I;16", "I", "F"]),
    st.sampled_from([1, 3, 40, 255]),
    st.integers(0, 99),
)
def test_pixels_are_those_of_pillow_or_there_is_a_notice(
    mode: str, most: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    bands = np.kron(rng.integers(0, most + 1, (4, 5, 3)), np.ones((5, 5, 1)))
    colours = Image.fromarray(bands.astype("u1"))
    if mode == "P":
        image = colours.quantize(16, dither=Image.Dither.NONE)
    else:
        image = colours.convert("L" if mode == "I;16" else mode).convert(mode)
    converted = to_images(image, "x")
    shown = np.asarray(image.convert("RGB")).astype(float)
    assert converted.notices or are_equal(converted.parts[0], shown)
