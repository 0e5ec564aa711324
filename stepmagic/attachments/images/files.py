"""Encoded bytes as pictures, opened within limits; damaged files raise our errors."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from stepmagic.attachments.images.arrays import from_array, survey_array
from stepmagic.attachments.images.colours import (
    WIDE_MODES,
    has_transparency,
    response,
)
from stepmagic.attachments.images.limits import ImageLimits, Size, format_pixels
from stepmagic.attachments.images.numbers import Scale, Survey, scale_for
from stepmagic.attachments.images.pictures import Picture, fit, shrink
from stepmagic.attachments.images.types import format_of
from stepmagic.errors import AttachmentError
from stepmagic.transcript.usage import format_count

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

MOVING = {"GIF": "frame", "PNG": "frame", "WEBP": "frame", "AVIF": "frame"}
"""Formats with several pictures in them, and what one is called."""

SEVERAL = {**MOVING, "TIFF": "page"}
COUNTED = ("PNG", "WEBP", "AVIF")
"""Formats whose header says how many pictures there are."""

_ORIENTATION = 0x0112
_PHOTOMETRIC, _MIN_IS_WHITE = 262, 0
"""Tag of a TIFF, and its value if the smallest number is white (TIFF 6.0, 8)."""

_MOST_FRAMES = 60
_FRAME_PIXELS = 48_000_000
"""Pixels of one frame of an animation, of which Pillow makes several copies."""

_WORK = 20
"""All frames together may have this many times ``max_pixels``."""


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Turn any error in reading a picture into an ``AttachmentError``."""
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415 - with the first image

    try:
        # Pillow warns of invalid metadata, which is dropped.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except AttachmentError:
        raise
    except UnidentifiedImageError as exc:
        message = (
            f"`{name}` begins like an image, but its header is damaged or of a kind "
            "that Pillow does not read. A TIFF of floats or of many bands is read by "
            "tifffile: attach the array, `tifffile.imread(...)`."
        )
        raise AttachmentError(message) from exc
    except Image.DecompressionBombError as exc:
        message = (
            f"`{name}` is too large to decode: {exc} Scale it down first, or raise "
            "`PIL.Image.MAX_IMAGE_PIXELS` if you trust it."
        )
        raise AttachmentError(message) from exc
    except Exception as exc:  # Pillow's plugins raise errors of many types
        reason = str(exc) or type(exc).__name__
        message = (
            f"`{name}` could not be read as an image: {reason}. Is the file complete?"
        )
        raise AttachmentError(message) from exc


def read_pictures(data: bytes, name: str, limits: ImageLimits) -> list[Picture]:
    """Return the pictures in encoded bytes; of many, some that are spread evenly.

    They include the first and the last frame. A JPEG is decoded at the smallest of
    its scales that is large enough.

    Args:
        data: A complete file of a known format.
        name: What the user called it, for messages.
        limits: How much is decoded.

    Raises:
        AttachmentError: Its format is unknown, it is damaged, or it is too large to
            decode.
    """
    form = format_of(data)
    if not data:
        message = f"`{name}` is empty: it has 0 bytes."
        raise AttachmentError(message)
    if form is None:
        message = (
            f"`{name}` is not a PNG, JPEG, GIF, WebP, BMP, TIFF or AVIF image. Convert "
            "it to one of them first."
        )
        raise AttachmentError(message)
    from PIL import Image  # noqa: PLC0415 - loads with the first image

    with reading(name), Image.open(io.BytesIO(data), formats=(form,)) as image:
        check_size(image.size, name, limits)
        count = getattr(image, "n_frames", 1) if form in SEVERAL else 1
        if count > 1:
            return read_frames(image, count, name, limits)
        check_pages(limits, count, name)
        size = image.size
        is_drafted = image.draft(None, fit(size, limits.longest_side)) is not None
        image.load()
        picture = shrink(picture_of(image, name, limits), limits)
        # Pillow turns a TIFF upright when it is loaded, which may swap its sides.
        return [replace(picture, size=size) if is_drafted else picture]


def picture_of(
    image: Image,
    name: str,
    limits: ImageLimits,
    scale: Scale | None = None,
    *,
    origin: Image | None = None,
) -> Picture:
    """Return a decoded image with its profile, orientation and notices.

    Args:
        image: Only read.
        name: What the user called it, for messages.
        limits: How large the picture will be sent.
        scale: How its numbers become shades, if it is one of a stack.
        origin: The opened file, if the image is a copy of one of its frames.

    Raises:
        AttachmentError: It has more than 8 bits a colour, and numpy is not there.
    """
    origin = image if origin is None else origin
    orientation, notice = _orientation_of(origin)
    made = Picture(
        image=image,
        size=image.size,
        orientation=orientation,
        profile=_profile_of(image),
        notices=(notice,) if notice else (),
    )
    if scale is None and (found := survey_image(image, name, origin)):
        scale = scale_for([found])
    if scale is None:
        return made
    if image.mode in WIDE_MODES:
        return _from_numbers(made, name, limits, scale)
    notices = (*made.notices, *scale.notices)
    if not scale.labels:
        return replace(made, notices=notices)
    shades = image.point(scale.shades().tolist())
    return replace(made, image=shades, profile=None, notices=notices, is_labels=True)


def survey_image(image: Image, name: str, origin: Image | None = None) -> Survey | None:
    """Return what decides how an image's numbers become shades; None for colours.

    Raises:
        AttachmentError: It has more than 8 bits a colour, and numpy is not there.
    """
    if image.mode == "L" and not has_transparency(image):
        counts = image.histogram()
        values = [value for value, count in enumerate(counts) if count]
        return Survey(
            kind="u",
            is_byte=True,
            has_colours=False,
            low=values[0],
            high=values[-1],
            values=frozenset(values),
        )
    if image.mode not in WIDE_MODES:
        return None
    found = survey_array(_numbers(image, name), name)
    return replace(found, is_inverted=_is_inverted(origin or image))


def _from_numbers(
    made: Picture, name: str, limits: ImageLimits, scale: Scale
) -> Picture:
    """Return a picture of more than 8 bits a colour in 8 bits."""
    notices = made.notices
    curve = response(made.profile) if made.profile else None
    if curve and {scale.black, scale.white} in _WHOLE_RANGES:
        scale = replace(scale, curve=curve)
    elif curve:
        notices = (*notices, "its colour profile was left out")
    array = _numbers(made.image, name)
    scaled = from_array(array, name, limits, scale)
    if made.image.mode == "F" and scale.white == 1 and not scaled.notices:
        notices = (*notices, "0 is black, 1 white")  # Pillow's own white is 255
    notices = (*notices, *scaled.notices)
    return replace(
        made,
        image=scaled.image,
        profile=None,
        notices=notices,
        is_labels=scaled.is_labels,
    )


_WHOLE_RANGES = ({0.0, 1.0}, {0.0, 255.0}, {0.0, 65_535.0})
"""The black and the white number that a profile for greys assumes."""


def _numbers(image: Image, name: str) -> NDArray[Any]:
    try:
        import numpy as np  # noqa: PLC0415 - an optional library
    except ImportError as exc:
        message = (
            f"`{name}` has more than 8 bits a colour (mode {image.mode}), which takes "
            "numpy to scale. Install numpy, or convert it to 8 bits first."
        )
        raise AttachmentError(message) from exc
    return np.asarray(image)


def _is_inverted(image: Image) -> bool:
    """Whether a TIFF stores its white as 0, which Pillow respects only in 8 bits."""
    tags: Any = getattr(image, "tag_v2", None) or {}
    return bool(tags.get(_PHOTOMETRIC) == _MIN_IS_WHITE)


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


def check_pages(limits: ImageLimits, count: int, name: str, word: str = "page") -> None:
    """Refuse page numbers beyond the last page.

    Raises:
        AttachmentError: ``limits.pages`` contains one.
    """
    if limits.pages and max(limits.pages) > count:
        has = format_count(count, word)
        message = f"`{name}` has {has}: {word} {max(limits.pages)} does not exist."
        raise AttachmentError(message)


def read_frames(
    image: Image, count: int, name: str, limits: ImageLimits, first: Image | None = None
) -> list[Picture]:
    """Return the chosen frames of an image that has several, or evenly spread ones.

    Args:
        image: At any of its frames.
        count: How many it has.
        name: What the user called it, for messages.
        limits: Which are chosen, and how large they are sent.
        first: What to take in place of the first.

    Raises:
        AttachmentError: All of them together are too large to decode.
    """
    form = image.format or ""
    word = SEVERAL[form]
    _check_frames(image, count, name, limits, word)
    chosen = _chosen(count, limits)

    def frame(index: int) -> Image:
        if index == 0 and first is not None:
            return first
        image.seek(index)
        check_size(image.size, name, limits)
        image.load()
        return image

    scale = None
    if form == "TIFF" and image.mode in ("L", *WIDE_MODES):
        found = [survey_image(frame(index), name, image) for index in chosen]
        known = [each for each in found if each is not None]
        scale = scale_for(known) if len(known) == len(found) else None
    shown = _describe_choice(chosen, count, limits, word)
    notice = f"animated: {shown}" if form in MOVING else shown
    pictures = []
    for index in chosen:
        opened = frame(index)
        made = picture_of(opened, name, limits, scale, origin=image)
        picture = shrink(made, limits)
        if picture.image is image:  # the next frame is decoded into it
            picture = replace(picture, image=image.copy())
        label = f"{word} {index + 1:,} of {count:,}"
        is_complete = form == "TIFF" and len(chosen) == count
        notices = picture.notices if is_complete else (notice, *picture.notices)
        pictures.append(replace(picture, label=label, notices=notices))
    return pictures


def _check_frames(
    image: Image, count: int, name: str, limits: ImageLimits, word: str
) -> None:
    check_pages(limits, count, name, word)
    pixels = image.width * image.height
    if word == "frame" and pixels > _FRAME_PIXELS:
        message = (
            f"`{name}` has {count:,} frames of {format_pixels(image.size)}, which "
            "would take gigabytes of memory to decode. Scale it down first, or send "
            "one frame as an image: `PIL.Image.open(...).copy()`."
        )
        raise AttachmentError(message)
    last = 1 + (max(_chosen(count, limits)) if word == "page" else count - 1)
    if last * pixels > _WORK * limits.max_pixels and word == "frame":
        message = (
            f"`{name}` has {count:,} {word}s of {format_pixels(image.size)}, which "
            f"would take long to decode. Send some of its {word}s, each as an image."
        )
        raise AttachmentError(message)


def _chosen(count: int, limits: ImageLimits) -> list[int]:
    if limits.pages:
        return [number - 1 for number in limits.pages]
    return choose_frames(count, min(limits.frames, _MOST_FRAMES))


def _describe_choice(
    chosen: list[int], count: int, limits: ImageLimits, word: str
) -> str:
    """Return a description of the frames that are sent."""
    if limits.pages:
        numbers = ", ".join(str(index + 1) for index in chosen)
        return f"{word}{'s' * (len(chosen) > 1)} {numbers} of {count:,}"
    return f"{len(chosen)} of {count:,} {word}s"


def choose_frames(count: int, wanted: int) -> list[int]:
    """Return evenly spread indices of ``count`` frames, the first and last included."""
    wanted = min(count, wanted)
    if wanted == 1:
        return [0]
    return [round(step * (count - 1) / (wanted - 1)) for step in range(wanted)]


def _orientation_of(image: Image) -> tuple[int, str]:
    """Return the EXIF orientation of a picture, and a notice if it is not used.

    It is 1 for an upright one. The EXIF data is valid only for the file's own pixels:
    Pillow copies it to images derived from them, even to rotated ones.
    """
    from PIL import ImageFile  # noqa: PLC0415 - loads with the first image

    try:
        orientation = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # noqa: BLE001 - damaged metadata, parsed by several plugins
        return 1, ""
    if orientation not in range(2, 9):
        return 1, ""
    if isinstance(image, ImageFile.ImageFile):
        return orientation, ""
    return 1, "sent as it is shown, not turned again as its EXIF data says"


def _profile_of(image: Image) -> bytes | None:
    """Return the ICC profile of a picture; None if it has none."""
    profile = image.info.get("icc_profile")
    return profile if isinstance(profile, bytes) and profile else None
