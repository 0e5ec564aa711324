"""Which values are images, by their type, shape and signature only.

Imports no library and runs no code of the value: a value whose library was never
imported cannot be one of its objects, so the names along its type's bases suffice.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any, Literal, TypeAlias

from stepmagic.transcript.signatures import HEAD_BYTES, detect

Kind: TypeAlias = Literal[
    "pillow",
    "array",
    "matplotlib",
    "plotly",
    "altair",
    "bokeh",
    "ipython",
    "repr",
    "bytes",
]

_TYPES: dict[tuple[str, str], Kind] = {
    ("PIL", "Image"): "pillow",
    ("numpy", "ndarray"): "array",
    ("torch", "Tensor"): "array",
    ("cupy", "ndarray"): "array",
    ("jax", "ArrayImpl"): "array",
    ("jaxlib", "ArrayImpl"): "array",
    ("tensorflow", "EagerTensor"): "array",
    ("matplotlib", "FigureBase"): "matplotlib",
    ("matplotlib", "Artist"): "matplotlib",
    ("seaborn", "_BaseGrid"): "matplotlib",
    ("bokeh", "LayoutDOM"): "bokeh",
    ("plotly", "BaseFigure"): "plotly",
    ("altair", "TopLevelMixin"): "altair",
    ("IPython", "Image"): "ipython",
}
"""By top-level module and name of a class or one of its bases."""

REPR_METHODS = {"image/png": "_repr_png_", "image/jpeg": "_repr_jpeg_"}

_COLOURS = (3, 4)
_LEAST_SIDE = 16
_LEAST_COLOURED = 8
"""Smaller arrays of types that are rarely colours count as numbers."""

_LONGEST = 4
"""Integers in two axes that are more elongated than this count as a table."""

_WRITTEN_OUT = 1000
"""How many numbers numpy prints before it omits those in the middle."""

_MOST_CHANNELS = 64
_COLOUR_TYPES = ("bool", "uint8", "uint16")
_MONOCHROME_TYPES = ("bool", "uint8")


def is_image(value: Any) -> bool:
    """Whether a value is an image, or a list of images, by its type and shape.

    An array is an image if it has an axis of three or four colours, or of one, first or
    last. An array of two axes is an image if it is of bool or uint8 with at least 16
    pixels a side, or of other integers and not long and narrow; of floats, it is a
    table.
    """
    if type(value) in (list, tuple):
        return len(value) > 0 and all(kind_of(item) is not None for item in value)
    return kind_of(value) is not None


def kind_of(value: Any) -> Kind | None:
    """Return how a value is converted to an image; None if it is not one."""
    if is_bytes(value):
        return "bytes" if format_of(bytes(value[:HEAD_BYTES])) else None
    named = _named_kind(value)
    if named == "array":
        return "array" if _has_image_shape(value) else None
    if named is None and any(
        has_method(value, name) or formatter_of(type(value), mime)
        for mime, name in REPR_METHODS.items()
    ):
        return "repr"
    return named


def formatter_of(kind: type, mime: str) -> Callable[[Any], Any] | None:
    """Return what was registered with IPython to show a type; None without one."""
    module = sys.modules.get("IPython.core.interactiveshell")
    if kind.__module__ == "builtins":  # sympy registers lists and numbers too
        return None
    if module is None or not module.InteractiveShell.initialized():
        return None
    shell = module.InteractiveShell.instance()
    try:
        found: Callable[[Any], Any] = shell.display_formatter.formatters[
            mime
        ].lookup_by_type(kind)
    except KeyError:
        return None
    return found


def is_bytes(value: Any) -> bool:
    """Whether a value is bytes by its type, which a value cannot fake."""
    return type(value) in (bytes, bytearray)


def is_array(value: Any) -> bool:
    """Whether a value is an array or tensor of a known library, of any shape."""
    return _named_kind(value) == "array"


def format_of(data: bytes) -> str | None:
    """Return Pillow's name of the format of some bytes; None for an unknown format."""
    found = detect(data)
    is_readable = found is not None and found.family == "image" and found.name != "HEIF"
    return found.name if found is not None and is_readable else None


def shape_and_type(array: Any) -> tuple[tuple[int, ...], str]:
    """Return the shape of an array and the name of its numbers: ``uint8``."""
    numpy: Any = sys.modules.get("numpy")
    if numpy is not None and issubclass(type(array), numpy.ndarray):
        # A subclass may run code here; numpy's own attributes are plain fields.
        shape, dtype = (
            vars(numpy.ndarray)[name].__get__(array) for name in ("shape", "dtype")
        )
    else:
        shape, dtype = array.shape, array.dtype
    name = getattr(dtype, "name", None) or str(dtype).rpartition(".")[2]
    return tuple(shape), name


def _named_kind(value: Any) -> Kind | None:
    for base in type(value).__mro__:
        root = str(base.__module__).partition(".")[0]
        if (root, base.__name__) in _TYPES:
            return _TYPES[root, base.__name__]
    return None


def has_method(value: Any, name: str) -> bool:
    """Whether a type has a method; a property of that name does not count."""
    for base in type(value).__mro__:
        if name in vars(base):
            return callable(vars(base)[name])
    return False


def _has_image_shape(array: Any) -> bool:
    shape, dtype = shape_and_type(array)
    is_shade = dtype in _MONOCHROME_TYPES
    is_whole = is_shade or dtype.startswith(("int", "uint"))
    is_number = is_whole or "float" in dtype
    match shape:
        case (first, _, last) if first in _COLOURS or last in _COLOURS:
            plane = shape[:2] if last in _COLOURS else shape[1:]
            is_large = min(plane) >= _LEAST_COLOURED
            return is_number and (is_large or not is_whole or dtype in _COLOUR_TYPES)
        case (1, height, width) | (height, width, 1):
            return is_number and min(height, width) >= _LEAST_SIDE
        case (height, width):
            sides = sorted((height, width))
            is_compact = is_shade or sides[1] <= _LONGEST * sides[0]
            return is_whole and sides[0] >= _LEAST_SIDE and is_compact
        case _:
            return False


def is_stack(array: Any) -> bool:
    """Whether a value is an array of pictures and not a picture itself, by its shape.

    A small one is printed in full; a larger one would be cut in the middle.
    """
    if not is_array(array):
        return False
    shape, dtype = shape_and_type(array)
    is_number = dtype == "bool" or dtype.startswith(("int", "uint", "float", "bfloat"))
    is_large = math.prod(shape) > _WRITTEN_OUT
    return is_number and is_large and len(shape) > 2 and not _has_image_shape(array)  # noqa: PLR2004


def choose_picture(array: Any, name: str) -> str:
    """Return an expression for one picture of an array that ``is_stack`` takes."""
    shape, dtype = shape_and_type(array)
    if len(shape) == 3 and shape[2] < min(*shape[:2], _MOST_CHANNELS):  # noqa: PLR2004
        return f"{name}[:, :, :1]"
    is_plane = len(shape) == 3 and "float" in dtype  # noqa: PLR2004
    return f"{name}[:1]" if is_plane else f"{name}[0]"
