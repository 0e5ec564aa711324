"""Values of every kind as images of a message."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from stepmagic.attachments.images.arrays import from_array, survey_array
from stepmagic.attachments.images.figures import draw
from stepmagic.attachments.images.files import (
    COUNTED,
    SEVERAL,
    check_size,
    picture_of,
    read_frames,
    read_pictures,
    reading,
    survey_image,
)
from stepmagic.attachments.images.limits import (
    DEFAULT_LIMITS,
    Converted,
    Drawn,
    ImageLimits,
    format_pixels,
)
from stepmagic.attachments.images.numbers import Scale, Survey, scale_for
from stepmagic.attachments.images.pictures import (
    CACHE,
    Encoded,
    Picture,
    content_key,
    encode,
    encode_once,
)
from stepmagic.attachments.images.types import is_array, kind_of
from stepmagic.errors import AttachmentError
from stepmagic.transcript import Image
from stepmagic.transcript.usage import format_bytes, format_count

_MOST_IMAGES = 60
"""StepFun's image chat accepts at most this many per request (platform.stepfun.ai)."""

_NAMES_LISTED = 3


def to_images(value: Any, name: str, limits: ImageLimits = DEFAULT_LIMITS) -> Converted:
    """Return a value, or a list of values, as images within limits.

    Metadata is never sent: every image is decoded and encoded again, a JPEG at quality
    88. Of an animated Pillow image at its first frame, several are sent;
    ``image.copy()`` is only that frame. The values are not changed.

    Args:
        value: What ``is_image`` accepts, or an array of another shape or type.
        name: What the user called it.
        limits: How large the images may be.

    Raises:
        AttachmentError: The value contains no picture, or none that fits.
    """
    if type(value) in (list, tuple):
        return _to_several(value, name, limits)
    if is_array(value):
        return _encoded([from_array(value, name, limits)], name, limits)
    kind = kind_of(value)
    if kind is None:
        message = f"`{name}` is of type {type(value).__name__}, which is not an image."
        raise AttachmentError(message)
    if kind == "pillow":
        return _from_pillow(value, name, limits)
    drawn = draw(kind, value, name, longest_side=limits.longest_side)
    if drawn.url:
        part = Image(url=drawn.url, name=name, detail=limits.detail)
        return Converted(parts=(part,), size="a link, passed on")
    return _from_drawn(drawn, name, limits)


def _from_drawn(drawn: Drawn, name: str, limits: ImageLimits) -> Converted:
    labels = [f"{name} ({label})" if label else name for label in drawn.labels]
    made = [
        from_bytes(data, label, limits)
        for data, label in zip(drawn.pictures, labels, strict=True)
    ]
    parts = tuple(part for each in made for part in each.parts)
    notices = dict.fromkeys(notice for each in made for notice in each.notices)
    return Converted(
        parts=parts,
        size=made[0].size if len(made) == 1 else _size_of_several(parts),
        notices=(*drawn.notices, *notices),
        advice=drawn.advice,
    )


def from_bytes(
    data: bytes, name: str, limits: ImageLimits = DEFAULT_LIMITS
) -> Converted:
    """Return the images in an encoded file: one, or frames of an animation.

    Args:
        data: A complete file of a known format.
        name: What the user called it, such as the file's name.
        limits: How large the images may be.

    Raises:
        AttachmentError: Its format is unknown, it is damaged, or it does not fit.
    """

    def read() -> tuple[Encoded, ...]:
        pictures = read_pictures(data, name, limits)
        with reading(name):
            return tuple(encode(picture, name, limits) for picture in pictures)

    key = content_key((data,), replace(limits, detail=None))
    return _converted(CACHE.get(key, read), name, limits)


def thumbnail(part: Image, longest: int = 96) -> bytes:
    """Return a part as a PNG or JPEG of ``longest`` pixels at most a side.

    Raises:
        AttachmentError: It is a link, or its bytes are not an image.
    """
    name = part.name or "the image"
    if part.data is None:
        message = f"`{name}` is a link, which is passed on and not fetched."
        raise AttachmentError(message)
    small = from_bytes(part.data, name, ImageLimits(longest_side=longest, frames=1))
    return small.parts[0].data or b""


def _from_pillow(
    value: Any, name: str, limits: ImageLimits, scale: Scale | None = None
) -> Converted:
    """Return a Pillow image as it is, or its frames if it has several."""
    _load(value, name, limits)
    with reading(name):
        if _has_frames(value):
            pictures = _frames_of(value, name, limits)
        else:
            pictures = [picture_of(value, name, limits, scale)]
    return _encoded(pictures, name, limits)


def _load(value: Any, name: str, limits: ImageLimits) -> None:
    """Decode a Pillow image in place, as any use of it would.

    Raises:
        AttachmentError: It has no pixels, it was closed, or it is too large.
    """
    if 0 in value.size:
        message = f"`{name}` has {format_pixels(value.size)}: it is empty."
        raise AttachmentError(message)
    with reading(name):
        if getattr(value, "tile", None):  # still to be decoded
            if getattr(value, "fp", None) is None:
                message = (
                    f"`{name}` was closed before it was loaded. Open it again without "
                    f"`with`, or call `{name}.load()` inside the block."
                )
                raise AttachmentError(message)
            check_size(value.size, name, limits)
        value.load()


def _has_frames(value: Any) -> bool:
    return getattr(value, "format", None) in SEVERAL and not value.tell()


def _frames_of(value: Any, name: str, limits: ImageLimits) -> list[Picture]:
    """Return the frames of a Pillow image, and leave it at the first as it was."""
    if value.format in COUNTED and getattr(value, "n_frames", 1) == 1:
        return [picture_of(value, name, limits)]
    first = value.copy()  # to count the frames, Pillow may go through them
    try:
        count = value.n_frames
        value.seek(min(1, count - 1))
    except Exception:  # noqa: BLE001 - plugins differ: a closed file
        count = 1
    if count == 1:
        return [picture_of(first, name, limits, origin=value)]
    try:
        pictures = read_frames(value, count, name, limits, first)
    finally:
        # Seeking discards what the user drew on the frame.
        value.seek(0)
        value.load()
        value.paste(first)
    return pictures


def _to_several(values: Any, name: str, limits: ImageLimits) -> Converted:
    """Return a list of values as images, each named by its index."""
    if not values:
        message = f"`{name}` is empty: it contains no image."
        raise AttachmentError(message)
    if any(type(value) in (list, tuple) for value in values):
        message = f"`{name}` contains lists. Send one of them, such as `{name}[0]`."
        raise AttachmentError(message)
    _check_count(len(values), name)
    names = [f"{name}[{index}]" for index in range(len(values))]
    several = to_stack(values, names, limits)
    parts = tuple(part for converted in several for part in converted.parts)
    _check_count(len(parts), name)
    by_notice: dict[str, list[str]] = {}
    for each, converted in zip(names, several, strict=True):
        for notice in converted.notices:
            by_notice.setdefault(notice, []).append(each)
    return Converted(
        parts=parts,
        size=_size_of_several(parts),
        notices=tuple(
            f"{_list_names(names)}: {notice}" for notice, names in by_notice.items()
        ),
        advice=tuple(dict.fromkeys(it for made in several for it in made.advice)),
    )


def to_stack(
    values: Sequence[Any], names: Sequence[str], limits: ImageLimits = DEFAULT_LIMITS
) -> list[Converted]:
    """Return several values as images; numbers of one kind share their scale.

    Raises:
        AttachmentError: One of them contains no picture, or none that fits.
    """
    scale = _shared_scale(values, names, limits)
    if scale is None:
        return [
            to_images(value, name, limits)
            for value, name in zip(values, names, strict=True)
        ]
    return [
        _encoded([from_array(value, name, limits, scale)], name, limits)
        if is_array(value)
        else _from_pillow(value, name, limits, scale)
        for value, name in zip(values, names, strict=True)
    ]


def _shared_scale(
    values: Sequence[Any], names: Sequence[str], limits: ImageLimits
) -> Scale | None:
    """Return the scale of arrays, or of images, of one kind; None for all others."""
    surveys: list[Survey] = []
    for value, name in zip(values, names, strict=True):
        if is_array(value):
            found: Survey | None = survey_array(value, name)
        elif kind_of(value) == "pillow":
            _load(value, name, limits)
            found = None if _has_frames(value) else survey_image(value, name)
        else:
            return None
        if found is None:
            return None
        surveys.append(found)
    kinds = {(it.kind, it.is_byte, it.has_colours, it.is_inverted) for it in surveys}
    return scale_for(surveys) if len(surveys) > 1 and len(kinds) == 1 else None


def _encoded(pictures: list[Picture], name: str, limits: ImageLimits) -> Converted:
    with reading(name):
        encoded = tuple(encode_once(picture, name, limits) for picture in pictures)
    return _converted(encoded, name, limits)


def _check_count(count: int, name: str) -> None:
    if count > _MOST_IMAGES:
        message = (
            f"`{name}` contains {count:,} images, and at most {_MOST_IMAGES} can be "
            f"sent. Choose some, such as `{name}[::{-(-count // _MOST_IMAGES)}]`."
        )
        raise AttachmentError(message)


def _list_names(names: list[str]) -> str:
    listed = ", ".join(names[:_NAMES_LISTED])
    more = len(names) - _NAMES_LISTED
    return f"{listed} and {more:,} more" if more > 0 else listed


def _converted(
    encoded: tuple[Encoded, ...], name: str, limits: ImageLimits
) -> Converted:
    """Return encoded images under a name."""
    parts = tuple(
        Image(
            media_type=image.media_type,
            data=image.data,
            name=f"{name} ({image.label})" if image.label else name,
            detail=limits.detail,
            source=image.source,
        )
        for image in encoded
    )
    notices = dict.fromkeys(notice for image in encoded for notice in image.notices)
    if len(encoded) > 1:
        return Converted(
            parts=parts, size=_size_of_several(parts), notices=tuple(notices)
        )
    form = encoded[0].media_type.partition("/")[2].upper()
    size = (
        f"{format_pixels(encoded[0].size)}, {format_bytes(len(encoded[0].data))} {form}"
    )
    return Converted(parts=parts, size=size, notices=tuple(notices))


def _size_of_several(parts: Iterable[Image]) -> str:
    parts = tuple(parts)
    size = format_bytes(sum(len(part.data or b"") for part in parts))
    return f"{format_count(len(parts), 'image')}, {size}"
