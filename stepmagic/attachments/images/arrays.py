"""Arrays of numbers as pictures of eight bits a colour.

The shape decides which axis is which; ``numbers`` decides which number is black. Rows
are
converted in bands, so that a large array is never copied at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from stepmagic.attachments.images.limits import ImageLimits
from stepmagic.attachments.images.numbers import Scale, Survey, scale_for, survey
from stepmagic.attachments.images.pictures import Picture, block_size, stacked
from stepmagic.errors import AttachmentError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

_NUMBERS_A_BAND = 1 << 20
"""Bands keep the copies in floats small compared with the array."""


def from_array(
    value: Any, name: str, limits: ImageLimits, scale: Scale | None = None
) -> Picture:
    """Return the picture that an array contains, averaged down towards its limit.

    Args:
        value: An array of numpy, or a tensor of torch, jax, tensorflow or cupy. Height
            by width, with 1, 3 or 4 colours last or first; a leading axis of length 1
            is dropped.
        name: What the user called it, for messages.
        limits: How large the picture will be sent.
        scale: How its numbers become shades; by default, chosen for the best contrast.

    Raises:
        AttachmentError: The shape or the type of the numbers is not that of an image.
    """
    array = _open(value, name)
    if scale is None:
        scale = scale_for([_survey(array)])
    return Picture(
        image=_draw(array, scale, limits),
        size=(array.shape[1], array.shape[0]),
        notices=scale.notices,
        is_labels=bool(scale.labels),
    )


def survey_array(value: Any, name: str) -> Survey:
    """Return what decides how the numbers of an array become shades.

    Raises:
        AttachmentError: The shape or the type of the numbers is not that of an image.
    """
    return _survey(_open(value, name))


def _open(value: Any, name: str) -> NDArray[Any]:
    """Return an array with the axes rows, columns, colours; its items are numbers."""
    array = _colours_last(_to_numpy(value, name), name)
    if array.dtype.kind not in "buif":
        message = (
            f"`{name}` is an array of {array.dtype}, which is not an image. Convert it "
            f"first: `{name}.astype('float32')`."
        )
        raise AttachmentError(message)
    return array


def _to_numpy(value: Any, name: str) -> NDArray[Any]:
    """Return an array of any known library as one of numpy, in main memory."""
    import numpy as np  # noqa: PLC0415 - arrays are there, so numpy is loaded

    try:
        if isinstance(value, np.ma.MaskedArray):
            return value
        if hasattr(value, "detach"):
            value = value.detach().cpu()
            # numpy has no type for bfloat16.
            value = value.float() if "bfloat16" in str(value.dtype) else value
            return np.asarray(value.numpy())
        # cupy copies to main memory only when it is asked to.
        return np.asarray(value.get() if hasattr(value, "get") else value)
    except Exception as exc:  # a library's own errors, of any type
        message = f"`{name}` could not be read as a numpy array: {exc}"
        raise AttachmentError(message) from exc


def _colours_last(array: NDArray[Any], name: str) -> NDArray[Any]:
    """Return an array as rows, columns, colours.

    Raises:
        AttachmentError: It is empty, or its axes cannot be identified.
    """
    if 0 in array.shape:
        message = f"`{name}` has the shape {array.shape}: it contains no pixels."
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


def _survey(array: NDArray[Any]) -> Survey:
    return survey(_bands(array), colours=array.shape[2] >= 3)  # noqa: PLR2004 - RGB


def _draw(array: NDArray[Any], scale: Scale, limits: ImageLimits) -> Image:
    """Return an array as an image, averaged in blocks if far above the limit."""
    import numpy as np  # noqa: PLC0415 - as above
    from PIL import Image as pillow  # noqa: N813, PLC0415 - loads with the first image

    height, width, colours = array.shape
    across, down = block_size((width, height), limits.longest_side)
    pieces = []
    for band in _bands(array, multiple=down):
        if scale.labels:  # the average of two labels would be another label
            band = band[::down, ::across]  # noqa: PLW2901 - the same rows
        shades = scale.apply(band)
        piece = pillow.fromarray(
            np.ascontiguousarray(shades[:, :, 0] if colours == 1 else shades)
        )
        if not scale.labels and max(across, down) > 1:
            piece = piece.reduce((across, down))
        pieces.append(piece)
    return pieces[0] if len(pieces) == 1 else stacked(pieces)


def _bands(array: NDArray[Any], multiple: int = 1) -> Iterator[NDArray[Any]]:
    """Yield an array in horizontal bands, each a multiple of some rows high."""
    rows = max(1, _NUMBERS_A_BAND // (array.shape[1] * array.shape[2]))
    rows = -(-rows // multiple) * multiple
    for top in range(0, array.shape[0], rows):
        yield array[top : top + rows]
