"""Arrays of numbers as pictures of eight bits a colour.

Numbers are read as the libraries write them: bool, 0 to 255, 0 to 65,535 or, in floats,
0 to 1. Other ranges are stretched between black and white, and that is said.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from stepmagic.attachments.images.pictures import Picture
from stepmagic.errors import AttachmentError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_BYTE, _WORD = 255, 65_535
_OVERSHOOT = 0.01
"""How far beyond 0 and 1 a resampled picture may reach before it counts as data."""

_NUMBERS_A_BAND = 1 << 20
"""Bands keep the copies in floats small beside the array."""


def from_array(value: Any, name: str) -> Picture:
    """Return the picture that an array holds.

    Args:
        value: Of numpy, or a tensor of torch, jax, tensorflow or cupy. Height by width,
            with 1, 3 or 4 colours last or first; a leading axis of one is left out.
        name: What the user called it, for messages.

    Raises:
        AttachmentError: The shape or the type of the numbers is not that of an image.
    """
    import numpy as np  # noqa: PLC0415 - arrays are there, so numpy is loaded
    from PIL import Image  # noqa: PLC0415 - loads with the first image

    array = _colours_last(_to_numpy(value, name), name)
    if array.dtype.kind not in "buif":
        message = (
            f"`{name}` is an array of {array.dtype}, which is no image. Convert it "
            f"first: `{name}.astype('float32')`."
        )
        raise AttachmentError(message)
    notices: list[str] = []
    if array.dtype != np.uint8:
        array = _to_bytes(array, notices)
    if array.shape[2] == 1:
        array = array[:, :, 0]
    image = Image.fromarray(np.ascontiguousarray(array))
    return Picture(image=image, size=image.size, notices=tuple(notices))


def _to_numpy(value: Any, name: str) -> NDArray[Any]:
    """Return an array of any known library as one of numpy, in main memory."""
    import numpy as np  # noqa: PLC0415 - as above

    try:
        if isinstance(value, np.ma.MaskedArray):
            return np.asarray(value.filled(0))
        if hasattr(value, "detach"):
            value = value.detach().cpu()
            # numpy has no bfloat16.
            value = value.float() if "bfloat16" in str(value.dtype) else value
            return np.asarray(value.numpy())
        # cupy does not copy to main memory unless it is told to.
        return np.asarray(value.get() if hasattr(value, "get") else value)
    except Exception as exc:  # a library's own errors, of any type
        message = f"`{name}` could not be read as a numpy array: {exc}"
        raise AttachmentError(message) from exc


def _colours_last(array: NDArray[Any], name: str) -> NDArray[Any]:
    """Return an array as rows, columns, colours.

    Raises:
        AttachmentError: It is empty, or its axes cannot be told apart.
    """
    if 0 in array.shape:
        message = f"`{name}` has the shape {array.shape}: there is no pixel in it."
        raise AttachmentError(message)
    if array.ndim == 4 and array.shape[0] == 1:  # noqa: PLR2004 - a batch of one
        array = array[0]
    match array.shape:
        case (_, _):
            return array[:, :, None]
        case (first, _, last) if {first, last} <= {3, 4}:
            message = (
                f"`{name}` has the shape {array.shape}: its colours may be first or "
                f"last. If they are first, send `{name}.transpose(1, 2, 0)`; if they "
                f"are last, `PIL.Image.fromarray({name})` (of bytes)."
            )
            raise AttachmentError(message)
        case (_, _, 3 | 4):
            return array
        case (3 | 4 | 1, _, _):
            return array.transpose(1, 2, 0)
        case (_, _, 1):
            return array
        case _:
            message = (
                f"`{name}` has the shape {array.shape}. An image is height by width, "
                "or that with 3 or 4 colours. Send one image of a batch, such as "
                f"`{name}[0]`, or a list of them."
            )
            raise AttachmentError(message)


def _to_bytes(array: NDArray[Any], notices: list[str]) -> NDArray[np.uint8]:
    """Return numbers as 0 to 255, and add what was done to them to the notices."""
    import numpy as np  # noqa: PLC0415 - as above

    if array.dtype.itemsize > 8:  # noqa: PLR2004 - more than a float64, in bytes
        with np.errstate(over="ignore"):
            array = array.astype(np.float64)
    lost = sum(int(np.size(band) - np.isfinite(band).sum()) for band in _bands(array))
    if lost:
        notices.append(f"{lost:,} values are NaN or infinite and count as 0")
    colours, alpha = array[:, :, :3], array[:, :, 3:]
    low, high = _range(colours)
    white = _usual_white(array.dtype, low, high)
    if white is None:
        notices.append(f"contrast stretched: {low:,.6g} is black, {high:,.6g} white")
    made = np.empty(array.shape, np.uint8)
    black, white = (low, high) if white is None else (0.0, white)
    _scale(colours, black, white, made[:, :, :3])
    if alpha.size:
        _, most = _range(alpha)
        opaque = _usual_white(array.dtype, 0.0, most) or most
        _scale(alpha, 0.0, opaque, made[:, :, 3:])
    return made


def _usual_white(dtype: np.dtype[Any], low: float, high: float) -> float | None:
    """Return the number that is white where 0 is black; None for an unusual range."""
    if dtype.kind == "b":
        return 1.0
    if dtype.kind == "f" and low >= -_OVERSHOOT and high <= 1 + _OVERSHOOT:
        return 1.0
    if low >= 0 and high <= _BYTE:
        return float(_BYTE)
    # Where half the range is not in use, it may be a camera's 10, 12 or 14 bits.
    if dtype.kind in "ui" and low >= 0 and _WORD // 2 < high <= _WORD:
        return float(_WORD)
    return None


def _range(array: NDArray[Any]) -> tuple[float, float]:
    """Return the least and the greatest number that is finite; 0 and 0 without one."""
    import numpy as np  # noqa: PLC0415 - as above

    ends = [
        (float(finite.min()), float(finite.max()))
        for band in _bands(array)
        if (finite := band[np.isfinite(band)]).size
    ]
    return (
        min((low for low, _ in ends), default=0.0),
        max((high for _, high in ends), default=0.0),
    )


def _scale(
    array: NDArray[Any], black: float, white: float, out: NDArray[np.uint8]
) -> None:
    """Write an array to bytes, from 0 at ``black`` to 255 at ``white``."""
    import numpy as np  # noqa: PLC0415 - as above

    # Halved, so that the span of the largest floats stays finite.
    span = white / 2 - black / 2
    for source, target in zip(_bands(array), _bands(out), strict=True):
        numbers = np.where(np.isfinite(source), source, 0).astype(np.float64)
        shares = (numbers / 2 - black / 2) / (span or 1.0)
        target[...] = np.rint(shares.clip(0, 1) * _BYTE)


def _bands(array: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Yield an array in horizontal bands."""
    rows = max(1, _NUMBERS_A_BAND // (array.shape[1] * array.shape[2]))
    for top in range(0, array.shape[0], rows):
        yield array[top : top + rows]
