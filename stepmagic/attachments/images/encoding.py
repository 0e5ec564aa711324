"""Encoding of opaque pixels as PNG or JPEG, within a limit on the bytes."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from stepmagic.attachments.images.limits import (
    ImageLimits,
    Size,
    format_pixels,
)
from stepmagic.errors import AttachmentError
from stepmagic.transcript.usage import format_bytes

if TYPE_CHECKING:
    from PIL.Image import Image

_QUALITIES = (88, 75, 60, 45)
_SHRINK = 0.75
_SMALLEST = 64
"""The longest side, in pixels, below which a picture is not scaled down further."""

_PATCH, _PATCHES_A_SIDE = 48, 5
_FLAT, _SOFT = 0.5, 0.25
_SOFT_STEP = 12


def encode_pixels(
    image: Image, name: str, limits: ImageLimits
) -> tuple[bytes, str, Size, str]:
    """Return the bytes, media type and size of a picture, and a notice or nothing.

    Args:
        image: In the mode L or RGB.
        name: What the user called it, for messages.
        limits: ``max_bytes`` is met by more compression, then by fewer pixels.

    Raises:
        AttachmentError: Even a tiny picture would be too large.
    """
    from PIL.Image import Resampling  # noqa: PLC0415 - loads with the first image

    image = image.copy()
    # Pillow's encoders write what they find here: comments, text, profiles, EXIF.
    image.info = {}
    if is_flat(image):
        data = _save(image, "PNG")
        if len(data) <= limits.max_bytes:
            return data, "image/png", image.size, ""
    made = image
    while True:
        for quality in _QUALITIES:
            data = _save(made, "JPEG", quality=quality)
            if len(data) <= limits.max_bytes:
                notice = (
                    f"JPEG of quality {quality} and {format_pixels(made.size)}, "
                    f"to stay below {format_bytes(limits.max_bytes)}"
                )
                is_usual = quality == _QUALITIES[0] and made is image
                return data, "image/jpeg", made.size, "" if is_usual else notice
        if max(made.size) <= _SMALLEST:
            break
        width, height = (max(1, int(side * _SHRINK)) for side in made.size)
        made = image.resize((width, height), Resampling.LANCZOS)
    message = (
        f"`{name}` takes {format_bytes(len(data))} even at {format_pixels(made.size)}: "
        f"more than max_bytes={limits.max_bytes:,}. Raise that limit."
    )
    raise AttachmentError(message)


def is_flat(image: Image) -> bool:
    """Whether a picture is drawn rather than photographed, by patches of it.

    Neighbours in a drawing are mostly equal and otherwise far apart; in a photograph
    they mostly differ by a little.
    """
    from PIL import ImageChops  # noqa: PLC0415 - loads with the first image

    sample = _sample(image)
    width, height = sample.size
    if width == 1:
        return True
    steps = ImageChops.difference(
        sample.crop((0, 0, width - 1, height)), sample.crop((1, 0, width, height))
    )
    greatest, *others = steps.split()
    for other in others:
        greatest = ImageChops.lighter(greatest, other)
    counts = greatest.histogram()
    total = sum(counts)
    return (
        counts[0] >= _FLAT * total and sum(counts[1 : _SOFT_STEP + 1]) <= _SOFT * total
    )


def _sample(image: Image) -> Image:
    """Return patches of a picture from an even grid over it, or all of a small one."""
    from PIL import Image as pillow  # noqa: N813, PLC0415 - as above

    side = _PATCH * _PATCHES_A_SIDE
    if min(image.size) <= side:
        return image
    made = pillow.new(image.mode, (side, side))
    last = [length - _PATCH for length in image.size]
    for row in range(_PATCHES_A_SIDE):
        for column in range(_PATCHES_A_SIDE):
            left = last[0] * column // (_PATCHES_A_SIDE - 1)
            top = last[1] * row // (_PATCHES_A_SIDE - 1)
            patch = image.crop((left, top, left + _PATCH, top + _PATCH))
            made.paste(patch, (column * _PATCH, row * _PATCH))
    return made


def _save(image: Image, form: str, **options: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()
