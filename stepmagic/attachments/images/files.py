"""Encoded bytes as pictures: opened within limits, whatever is wrong with them."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from stepmagic.attachments.images.arrays import from_array
from stepmagic.attachments.images.colours import WIDE_MODES
from stepmagic.attachments.images.limits import ImageLimits, Size, format_pixels
from stepmagic.attachments.images.pictures import Picture, fit
from stepmagic.attachments.images.types import format_of
from stepmagic.errors import AttachmentError

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

MOVING = {"GIF": "frame", "PNG": "frame", "WEBP": "frame", "AVIF": "frame"}
"""Formats with several pictures in them, and what one is called."""

SEVERAL = {**MOVING, "TIFF": "page"}

_ORIENTATION = 0x0112
_WORK = 20
"""How many times ``max_pixels`` all frames together may hold."""


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Turn whatever goes wrong with a picture into an ``AttachmentError``."""
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415 - with the first image

    try:
        # Pillow warns of oddities in metadata, which is thrown away.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except AttachmentError:
        raise
    except UnidentifiedImageError as exc:
        message = (
            f"`{name}` begins like an image, but its header is damaged or of a kind "
            "that Pillow does not read."
        )
        raise AttachmentError(message) from exc
    except Image.DecompressionBombError as exc:
        message = (
            f"`{name}` is too large to decode: {exc} Scale it down first, or raise "
            "`PIL.Image.MAX_IMAGE_PIXELS` if you trust it."
        )
        raise AttachmentError(message) from exc
    except Exception as exc:  # Pillow's plugins raise errors of many types
        message = (
            f"`{name}` could not be read as an image: {exc or type(exc).__name__}. Is "
            "the file whole?"
        )
        raise AttachmentError(message) from exc


def read_pictures(data: bytes, name: str, limits: ImageLimits) -> list[Picture]:
    """Return the picture in encoded bytes; of an animation, frames spread evenly.

    The first and the last frame are among them. A JPEG is decoded at the smallest of
    its scales that is large enough.

    Args:
        data: A whole PNG, JPEG, GIF, WebP, BMP, TIFF or AVIF file.
        name: What the user called it, for messages.
        limits: How much is decoded.

    Raises:
        AttachmentError: It is none of those, damaged, or too large to decode.
    """
    form = format_of(data)
    if form is None:
        message = (
            f"`{name}` is no PNG, JPEG, GIF, WebP, BMP, TIFF or AVIF image. Convert it "
            "to one of them first."
        )
        raise AttachmentError(message)
    from PIL import Image  # noqa: PLC0415 - loads with the first image

    with reading(name), Image.open(io.BytesIO(data), formats=(form,)) as image:
        check_size(image.size, name, limits)
        count = getattr(image, "n_frames", 1) if form in SEVERAL else 1
        if count > 1:
            return read_frames(image, count, name, limits)
        size = image.size
        is_drafted = image.draft(None, fit(size, limits.longest_side)) is not None
        image.load()
        picture = picture_of(image.copy(), name)
        # A TIFF turns itself upright when it is loaded, and is of another size then.
        return [replace(picture, size=size) if is_drafted else picture]


def picture_of(image: Image, name: str) -> Picture:
    """Return a decoded image with what decides how its pixels are to be seen.

    Raises:
        AttachmentError: It has more than 8 bits a colour, and numpy is not there.
    """
    made = Picture(
        image=image,
        size=image.size,
        orientation=_orientation_of(image),
        profile=_profile_of(image),
    )
    if image.mode not in WIDE_MODES:
        return made
    try:
        import numpy as np  # noqa: PLC0415 - an optional library
    except ImportError as exc:
        message = (
            f"`{name}` has more than 8 bits a colour (mode {image.mode}), which takes "
            "numpy to scale. Install numpy, or convert it to 8 bits first."
        )
        raise AttachmentError(message) from exc
    scaled = from_array(np.asarray(image), name)
    return replace(made, image=scaled.image, profile=None, notices=scaled.notices)


def check_size(size: Size, name: str, limits: ImageLimits) -> None:
    """Refuse a picture that would be too large when decoded.

    Raises:
        AttachmentError: It has more than ``limits.max_pixels``.
    """
    if size[0] * size[1] > limits.max_pixels:
        message = (
            f"`{name}` has {format_pixels(size)} and would decode to more than "
            f"max_pixels={limits.max_pixels:,}. Scale it down first, or raise that "
            "limit if you trust it."
        )
        raise AttachmentError(message)


def read_frames(
    image: ImageFile, count: int, name: str, limits: ImageLimits
) -> list[Picture]:
    """Return evenly spread frames of an image that has several.

    Raises:
        AttachmentError: All of them together are too large to decode.
    """
    form = image.format or ""
    word = SEVERAL[form]
    if count * image.width * image.height > _WORK * limits.max_pixels:
        message = (
            f"`{name}` has {count:,} {word}s of {format_pixels(image.size)}, which "
            f"would take long to decode. Send some of its {word}s, each as an image."
        )
        raise AttachmentError(message)
    chosen = choose_frames(count, limits.frames)
    said = f"{len(chosen)} of {count:,} {word}s"
    notice = f"animated: {said}" if form in MOVING else said
    pictures = []
    for index in chosen:
        image.seek(index)
        check_size(image.size, name, limits)
        image.load()
        picture = picture_of(image.copy(), name)
        label = f"{word} {index + 1:,} of {count:,}"
        notices = (notice, *picture.notices)
        pictures.append(replace(picture, label=label, notices=notices))
    return pictures


def choose_frames(count: int, wanted: int) -> list[int]:
    """Return evenly spread indices of ``count`` frames, the first and last included."""
    wanted = min(count, wanted)
    if wanted == 1:
        return [0]
    return [round(step * (count - 1) / (wanted - 1)) for step in range(wanted)]


def _orientation_of(image: Image) -> int:
    """Return how EXIF says a picture lies; 1, upright, where it does not say so."""
    try:
        orientation = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # noqa: BLE001 - damaged metadata, parsed by several plugins
        return 1
    return orientation if isinstance(orientation, int) else 1


def _profile_of(image: Image) -> bytes | None:
    """Return the ICC profile of a picture; None where it has none."""
    profile = image.info.get("icc_profile")
    return profile if isinstance(profile, bytes) and profile else None
