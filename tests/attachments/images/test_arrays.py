"""Arrays as pictures: which axis is which, and what number is white."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from image_samples import decoded, difference, drawing
from stepmagic.attachments.images import Converted, to_images
from stepmagic.errors import AttachmentError

DRAWING = np.asarray(drawing())
GREY = np.array(drawing().convert("L"))
GREY[:9, :9] = 0


def pixels(value: Any) -> np.ndarray[Any, Any]:
    (part,) = to_images(value, "x").parts
    return np.asarray(decoded(part))


def only_notice(converted: Converted) -> str:
    (notice,) = converted.notices
    return notice


@pytest.mark.parametrize(
    "array",
    [
        DRAWING,
        DRAWING.transpose(2, 0, 1),
        DRAWING[None],
        DRAWING[::-1][::-1],
        np.asfortranarray(DRAWING),
        DRAWING / 255,
        (DRAWING / 255).astype(np.float32),
        (DRAWING / 255).astype(np.longdouble),
        DRAWING.astype(np.int64),
        DRAWING.astype(">u2"),
        np.dstack([DRAWING, np.full(GREY.shape, 255, np.uint8)]),
        np.dstack([DRAWING / 255, np.ones(GREY.shape)]),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_colours_come_through(array: Any) -> None:
    converted = to_images(array, "x")
    assert converted.notices == ()
    assert (np.asarray(decoded(converted.parts[0])) == DRAWING).all()


@pytest.mark.parametrize(
    ("array", "notice"),
    [
        (DRAWING.astype(np.float64), "0 is black, 255 white"),
        (DRAWING.astype(np.uint16) * 257, "0 is black, 65,535 white"),
        (DRAWING.astype(np.uint32) * 257, "0 is black, 65,535 white"),
        (
            np.dstack([DRAWING.astype("u2") * 257, np.full(GREY.shape, 65535, "u2")]),
            "0 is black, 65,535 white",
        ),
    ],
)
def test_colours_of_another_range_come_through_and_are_reported(
    array: Any, notice: str
) -> None:
    converted = to_images(array, "x")
    assert only_notice(converted) == notice
    assert (np.asarray(decoded(converted.parts[0])) == DRAWING).all()


@pytest.mark.parametrize(
    "array", [GREY, GREY[:, :, None], GREY[None], GREY / np.float32(255)]
)
def test_shades_come_through(array: Any) -> None:
    assert (pixels(array) == GREY).all()


def test_bool_is_black_and_white() -> None:
    assert (pixels(GREY > 99) == (GREY > 99) * 255).all()


@pytest.mark.parametrize(
    ("low", "high", "notice"),
    [
        (-0.001, 1.001, None),
        (
            -0.002,
            1.002,
            "values below 0 and above 1 are cut off: they reach from -0.002 to 1.002",
        ),
        (
            0,
            1.09,
            "values below 0 and above 1 are cut off: they reach from 0 to 1.09",
        ),
        (0, 1.2, "contrast stretched: 0 is black, 1.2 white"),
        (-0.2, 1, "contrast stretched: -0.2 is black, 1 white"),
    ],
)
def test_overshoot_is_cut_and_reported(
    low: float, high: float, notice: str | None
) -> None:
    array = GREY / 255 * (high - low) + low
    assert to_images(array, "x").notices == ((notice,) if notice else ())
    assert set(np.unique(pixels(array))) >= {0, 255}


@pytest.mark.parametrize(
    ("array", "notice"),
    [
        (GREY / 127.5 - 1, "contrast stretched: -1 is black, 1 white"),
        (GREY * 3.0, "contrast stretched: 0 is black, 765 white"),
        (GREY.astype("u2") * 16, "contrast stretched: 0 is black, 4,080 white"),
        (GREY.astype("i4") - 100, "contrast stretched: -100 is black, 155 white"),
    ],
)
def test_other_ranges_are_stretched(array: Any, notice: str) -> None:
    converted = to_images(array, "x")
    assert only_notice(converted) == notice
    shades = np.asarray(decoded(converted.parts[0])).astype(int)
    low, high = float(GREY.min()), float(GREY.max())
    assert abs(shades - (GREY - low) / (high - low) * 255).max() <= 1


def test_the_largest_numbers_are_stretched() -> None:
    array = np.where(GREY > 127, 1.7e308, -1.7e308)
    assert (pixels(array) == (GREY > 127) * 255).all()


def test_alpha_is_not_stretched_with_the_colours() -> None:
    clear = np.zeros((40, 40, 4))
    clear[:, :, :3] = np.linspace(-1, 1, 40)[:, None, None]
    clear[:20, :, 3] = 1
    converted = to_images(clear, "x")
    assert converted.notices[1:] == ("transparent parts lie on white",)
    image = decoded(converted.parts[0])
    assert max(image.crop((0, 24, 40, 40)).convert("L").getextrema()) == 255
    wide = (clear * 1000).astype("i4")
    wide[:, :, 3] = (clear[:, :, 3] * 4095).astype("i4")
    assert difference(decoded(to_images(wide, "x").parts[0]), image) < 2


def test_missing_numbers_are_black_and_said() -> None:
    array = np.ones((30, 30))
    array[3, 4:7] = np.nan, np.inf, -np.inf
    converted = to_images(array, "x")
    assert only_notice(converted) == "3 values are NaN or infinite and count as 0"
    shades = np.asarray(decoded(converted.parts[0]))
    assert (shades[3, 4:7] == 0).all()
    assert shades.sum() == 255 * 897


@pytest.mark.parametrize("fill", [np.nan, 7e5, -3])
def test_constant_array_is_one_shade(fill: float) -> None:
    converted = to_images(np.full((20, 20), fill), "x")
    assert len(converted.notices) == 1
    assert len(decoded(converted.parts[0]).getcolors() or ()) == 1


def test_masked_values_are_black() -> None:
    array = np.ma.masked_array(np.full((20, 20), 255, np.uint8))
    array[5, 5] = np.ma.masked
    assert pixels(array)[5, 5] == 0


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.zeros((3, 50, 3), "u1"), "colours may be first or last"),
        (np.zeros((4, 50, 3), "u1"), r"transpose\(1, 2, 0\)"),
        (np.zeros((8, 50, 50, 3), "u1"), "one image of a batch"),
        (np.zeros((50, 50, 2), "u1"), "3 or 4 colours"),
        (np.zeros(50), "height by width"),
        (np.zeros(()), "height by width"),
        (np.zeros((0, 50), "u1"), "contains no pixels"),
        (np.zeros((20, 20), complex), r"astype\('float32'\)"),
        (np.zeros((20, 20), object), "array of object"),
        (np.zeros((20, 20), "datetime64[s]"), "array of datetime64"),
    ],
)
def test_others_are_refused_with_the_way_round(array: Any, said: str) -> None:
    with pytest.raises(AttachmentError, match=f"`frame`.*{said}"):
        to_images(array, "frame")


def test_way_round_an_ambiguous_shape_works() -> None:
    array = np.zeros((3, 50, 4), "u1")
    assert to_images(array.transpose(1, 2, 0)[:, :, :3], "x").size.startswith("4 ")
    assert to_images(Image.fromarray(array), "x").size.startswith("50 ")


class Tensor:
    """Stands in for torch's: on a device, tracked, without numpy's bfloat16."""

    __module__ = "torch"

    def __init__(self, array: Any, dtype: str = "", hidden: int = 2) -> None:
        self.array, self.hidden = array, hidden
        self.shape, self.dtype = array.shape, f"torch.{dtype or array.dtype}"

    def detach(self) -> Tensor:
        return Tensor(self.array, self.dtype[6:], self.hidden - 1)

    cpu = detach

    def float(self) -> Tensor:
        return Tensor(self.array, "float32", self.hidden)

    def numpy(self) -> Any:
        if self.hidden or "bfloat16" in self.dtype:
            message = "Can't call numpy() on Tensor that requires grad."
            raise RuntimeError(message)
        return self.array


class Remote:
    """Stands in for cupy's array: numpy must not fetch it by itself."""

    __module__ = "cupy"

    def __init__(self) -> None:
        self.shape, self.dtype = DRAWING.shape, DRAWING.dtype

    def __array__(self, *_: Any, **__: Any) -> Any:
        message = "Implicit conversion to a NumPy array is not allowed."
        raise TypeError(message)

    def get(self) -> Any:
        return DRAWING


class Other:
    """Stands in for an array of jax."""

    __module__ = "jaxlib._jax"

    def __init__(self) -> None:
        self.shape, self.dtype = DRAWING.shape, DRAWING.dtype

    def __array__(self, *_: Any, **__: Any) -> Any:
        return DRAWING


Remote.__name__, Other.__name__ = "ndarray", "ArrayImpl"


@pytest.mark.parametrize(
    "value",
    [
        Tensor((DRAWING / np.float32(255)).transpose(2, 0, 1)),
        Tensor((DRAWING / np.float32(255)).transpose(2, 0, 1), "bfloat16"),
        Remote(),
        Other(),
    ],
)
def test_tensors_come_to_main_memory(value: Any) -> None:
    assert (pixels(value) == DRAWING).all()


def test_tensor_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(AttachmentError, match=r"`x` could not be read.*grad"):
        to_images(Tensor(DRAWING, hidden=3), "x")


def test_array_is_not_changed() -> None:
    array = GREY / 255
    array.flags.writeable = False
    to_images(array, "x")
    assert (array == GREY / 255).all()


ANY_ARRAY = arrays.arrays(
    dtype=st.one_of(
        arrays.scalar_dtypes(), arrays.array_dtypes(), st.just(np.dtype("g"))
    ),
    shape=arrays.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=5),
)


@settings(max_examples=300)
@given(ANY_ARRAY)
def test_any_array_is_an_image_or_refused(array: Any) -> None:
    try:
        (part,) = to_images(array, "x").parts
    except AttachmentError:
        return
    assert min(decoded(part).size) >= 1
    assert Image.open(io.BytesIO(part.data or b"")).size[0] in array.shape


IMAGE_ARRAY = arrays.arrays(
    dtype=st.one_of(
        arrays.boolean_dtypes(),
        arrays.integer_dtypes(),
        arrays.unsigned_integer_dtypes(),
        arrays.floating_dtypes(),
    ),
    shape=st.sampled_from([(5, 6), (6, 5, 3), (6, 5, 4), (3, 6, 5), (1, 6, 5)]),
)


@settings(max_examples=300)
@given(IMAGE_ARRAY)
def test_any_numbers_make_an_image(array: Any) -> None:
    (part,) = to_images(array, "x").parts
    assert sorted(decoded(part).size) == [5, 6]
