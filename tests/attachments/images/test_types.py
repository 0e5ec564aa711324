"""What counts as an image: by type and shape, without running or importing anything."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import altair as alt
import IPython.display
import matplotlib.figure
import numpy as np
import plotly.graph_objects  # type: ignore[import-untyped]  # has no stubs
import pytest
from PIL import Image

from alarms import ALARMS, Alarm
from image_samples import drawing, encoded
from stepmagic.attachments.images import is_image
from stepmagic.attachments.images.types import format_of


def test_import_loads_no_library() -> None:
    code = (
        "import sys; from stepmagic.attachments import images;"
        "images.is_image(b'GIF89a'); images.is_image([1]); images.is_image(object());"
        "print([name for name in ('PIL', 'numpy', 'matplotlib', 'altair', 'plotly')"
        " if name in sys.modules])"
    )
    ran = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    assert ran.stdout == "[]\n"


IPYTHON: Any = IPython.display
NUMPY: Any = np
FIGURE = matplotlib.figure.Figure()
PNG = encoded(drawing(8, 8), "PNG")


class Drawn:
    """A value with a picture of itself, which nobody may ask for yet."""

    def _repr_png_(self) -> bytes:
        pytest.fail("code of the value was run")


class Undrawn(Drawn):
    """A value that inherits a picture and says it has none, as sympy's do."""

    _repr_png_: Any = property(lambda _: None)


@pytest.mark.parametrize(
    "value",
    [
        Image.new("F", (1, 1)),
        FIGURE,
        FIGURE.add_subplot(),
        FIGURE.subfigures(),
        plotly.graph_objects.Figure(),
        alt.Chart(),
        alt.layer(alt.Chart()),
        IPYTHON.Image(data=PNG),
        Drawn(),
        PNG,
        bytearray(PNG),
        [PNG, Drawn()],
        (Image.new("1", (1, 1)),),
    ],
    ids=lambda value: type(value).__name__,
)
def test_images_are_known(value: Any) -> None:
    assert is_image(value)


@pytest.mark.parametrize(
    "value",
    [
        [PNG, 1],
        [[PNG]],
        [],
        Undrawn(),
        Drawn,
        IPYTHON.HTML("<b>"),
        b"plain",
        b"BM is how BMP begins, and some words",
        "image.png",
        7,
        np.float64(1),
    ],
    ids=lambda value: type(value).__name__,
)
def test_other_values_are_not(value: Any) -> None:
    assert not is_image(value)


@pytest.mark.parametrize("name", ALARMS)
def test_nothing_looks_into_a_value(name: str) -> None:
    assert not is_image(ALARMS[name])
    assert not is_image([ALARMS[name]])


@pytest.mark.parametrize("dtype", ["bool", "uint8", "uint16", "float16", "float64"])
@pytest.mark.parametrize("shape", [(5, 6, 3), (5, 6, 4), (3, 5, 6), (4, 5, 6)])
def test_array_with_colours_is_an_image(shape: tuple[int, ...], dtype: str) -> None:
    assert is_image(np.zeros(shape, dtype))


@pytest.mark.parametrize(
    ("shape", "dtype", "expected"),
    [
        ((16, 16), "uint8", True),
        ((16, 16), "bool", True),
        ((16, 16, 1), "uint8", True),
        ((1, 16, 16), "uint8", True),
        ((15, 99), "uint8", False),
        ((99, 99), "float32", False),
        ((99, 99), "int64", True),
        ((99, 24), "int64", False),
        ((99, 99, 3), "int64", True),
        ((9, 7, 3), "int64", False),
        ((99, 99, 1), "float32", True),
        ((1, 28, 28), "float32", True),
        ((99, 99, 3), "complex64", False),
        ((99, 99, 2), "uint8", False),
        ((99,), "uint8", False),
        ((), "uint8", False),
        ((2, 9, 9, 3), "uint8", False),
    ],
)
def test_array_without_colours_may_be_a_table(
    shape: tuple[int, ...], dtype: str, *, expected: bool
) -> None:
    assert is_image(np.zeros(shape, dtype)) is expected


def test_shape_of_a_subclass_is_numpys() -> None:
    class Sly(Alarm, NUMPY.ndarray):  # type: ignore[misc]  # a base is Any
        shape = dtype = property(lambda _: pytest.fail("code of the value was run"))

    assert is_image(np.zeros((20, 20), "uint8").view(Sly))


def test_masked_and_mapped_arrays_are_arrays() -> None:
    assert is_image(NUMPY.ma.masked_all((20, 20), "uint8"))


class Tensor:
    """Stands in for torch's, which is too large to install for a test."""

    __module__ = "torch"

    def __init__(self, array: Any) -> None:
        self.shape = array.shape
        self.dtype = f"torch.{array.dtype}"


class Parameter(Tensor):
    """Stands in for torch's tensor with a gradient, of another module."""

    __module__ = "torch.nn.parameter"


@pytest.mark.parametrize("kind", [Tensor, Parameter])
def test_tensor_is_told_by_its_shape(kind: type[Tensor]) -> None:
    assert is_image(kind(np.zeros((3, 20, 20), "float32")))
    assert not is_image(kind(np.zeros((20, 20), "float32")))


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "AVIF"])
def test_format_is_told_by_signature(form: str) -> None:
    assert format_of(encoded(drawing(16, 16), form)) == form
