"""Videos of the notebook, and sequences of pictures, in the form they are sent in."""

from __future__ import annotations

import base64
import binascii
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from stepmagic.attachments import images
from stepmagic.attachments.attachment import Attached
from stepmagic.attachments.files.source import Source, open_source
from stepmagic.attachments.files.urls import check_url, url_notices
from stepmagic.attachments.images.types import is_array, shape_and_type
from stepmagic.attachments.video.containers import (
    ADVISED_S,
    MOST_BYTES,
    SENDABLE,
    alternative,
    check_sendable,
    has_location,
    media_type_of,
)
from stepmagic.attachments.video.decoding import (
    MOST_FRAMES,
    Footage,
    facts,
    format_time,
    frames,
    notices_of,
)
from stepmagic.errors import AttachmentError
from stepmagic.transcript import Video
from stepmagic.transcript.signatures import HEAD_BYTES
from stepmagic.transcript.usage import format_bytes, format_count

SEQUENCE_FRAMES = 16
"""How many frames of an array are sent by default."""

_BYTES = (bytes, bytearray)
_FRAME_AXES = 4


def is_video(value: Any) -> bool:
    """Whether a value is a video or a sequence of pictures.

    A video part, the bytes of a video, an ``IPython.display.Video``, an array of shape
    (T, H, W, C), or a list of at least two pictures.
    """
    kind = type(value)
    if kind is Video or _is_displayed(value):
        return True
    if kind in _BYTES:
        return media_type_of(bytes(value[:HEAD_BYTES])) is not None
    if kind in (list, tuple):
        return len(value) > 1 and all(map(images.is_image, value))
    return _is_clip(value)


def attach_video(
    value: Any,
    name: str,
    limits: images.ImageLimits | None = None,
    *,
    frames: int | None = None,
    fps: float | None = None,
) -> Attached:
    """Return a video as a video part, or as images of some of its frames.

    Args:
        value: What ``is_video`` accepts.
        name: What the user called it.
        limits: How large an image may be.
        frames: Number of frames to send instead of the video.
        fps: Frames a second of an array or a list, which label its frames with times.

    Raises:
        AttachmentError: It cannot be read or sent.
    """
    kind = type(value)
    if kind is Video:
        return _attach_part(value, name, limits, frames)
    if kind in _BYTES:
        return _attach_bytes(bytes(value), name, limits, frames)
    if _is_displayed(value):
        return _attach_displayed(value, name, limits, frames)
    if is_video(value):
        return _attach_sequence(value, name, limits, frames, fps)
    message = f"`{name}` is of type {kind.__name__}, which is not a video."
    raise AttachmentError(message)


def attach_video_file(
    source: Source,
    limits: images.ImageLimits | None = None,
    *,
    frames: int | None = None,
) -> Attached:
    """Return a stored video; with ``frames``, only what they require is read.

    Raises:
        AttachmentError: It cannot be read or sent.
    """
    if frames is not None:
        return _attach_frames(source.file, source.name, limits, frames)
    data = source.read(MOST_BYTES, advice=alternative(source.name))
    return _attach_bytes(data, source.name, limits, None)


def _is_displayed(value: Any) -> bool:
    """Whether a value is an IPython video, without importing IPython."""
    module = sys.modules.get("IPython.core.display")
    return module is not None and issubclass(type(value), module.Video)


def _is_clip(value: Any) -> bool:
    """Whether a value is an array of pictures: (T, H, W, C)."""
    if not is_array(value):
        return False
    shape, _ = shape_and_type(value)
    return len(shape) == _FRAME_AXES and shape[0] > 0 and images.is_image(value[0])


def _attach_part(
    part: Video, name: str, limits: images.ImageLimits | None, count: int | None
) -> Attached:
    if count is not None:
        return _attach_frames(part, name, limits, count)
    size = format_bytes(len(part.data)) if part.data is not None else ""
    return Attached(name=name, kind="video", parts=(part,), size=size)


def _attach_bytes(
    data: bytes, name: str, limits: images.ImageLimits | None, count: int | None
) -> Attached:
    if count is not None:
        return _attach_frames(data, name, limits, count)
    media_type = check_sendable(data, name)
    known = facts(data, name)
    notices = []
    if known is not None and known.duration_s > ADVISED_S:
        notices.append(
            f"`{name}` is {format_time(known.duration_s)} long, and StepFun advises "
            f"less than {ADVISED_S // 60} minutes: it may miss details of a long video."
        )
    if has_location(data):
        notices.append(
            f"`{name}` contains the location of its recording, and a video is sent "
            "unchanged. To leave the location out, send frames: `-p frames=8`."
        )
    size = f"{known}, {format_bytes(len(data))}" if known else format_bytes(len(data))
    return Attached(
        name=name,
        kind=f"{SENDABLE[media_type]} video",
        parts=(Video(media_type=media_type, data=data, name=name),),
        size=size,
        notices=tuple(notices),
    )


def _attach_frames(
    footage: Footage, name: str, limits: images.ImageLimits | None, count: int
) -> Attached:
    parts, notice = frames(footage, count, name=name, limits=limits)
    return Attached(
        name=name,
        kind="frames of a video",
        parts=parts,
        size=format_count(len(parts), "frame"),
        differences=(notice,),
    )


def _attach_displayed(
    value: Any, name: str, limits: images.ImageLimits | None, count: int | None
) -> Attached:
    """Return IPython's video: an address, a file, bytes or their base64."""
    if value.url is not None:
        host = check_url(value.url, name)
        part = Video(url=value.url, name=name)
        attached = _attach_part(part, name, limits, count)
        return Attached(
            name=name,
            kind="video",
            parts=attached.parts,
            size=host,
            notices=url_notices(host),
        )
    if value.filename is not None:
        with open_source(value.filename, name) as source:
            return attach_video_file(source, limits, frames=count)
    data = value.data
    if isinstance(data, str):
        try:
            data = base64.b64decode(data, validate=True)
        except (binascii.Error, ValueError) as exc:
            message = f"`{name}` shows no video: its data is neither bytes nor base64."
            raise AttachmentError(message) from exc
    return _attach_bytes(bytes(data or b""), name, limits, count)


def _attach_sequence(
    value: Any,
    name: str,
    limits: images.ImageLimits | None,
    count: int | None,
    fps: float | None,
) -> Attached:
    """Return an array's or a list's pictures, numbered, or timed where fps is known."""
    length = len(value)
    # The user has chosen the pictures of a list; an array is a recording.
    usual = MOST_FRAMES if isinstance(value, Sequence) else SEQUENCE_FRAMES
    if count is not None and not 1 <= count <= MOST_FRAMES:
        message = f"frames must be a number from 1 to {MOST_FRAMES}, not {count!r}."
        raise AttachmentError(message)
    chosen = _evenly(length, count or usual)
    is_thinned = len(chosen) < length
    labels = [
        f"{name} at {format_time(number / fps)}"
        if fps
        else f"{name}, frame {number + 1} of {length}"
        for number in chosen
    ]
    converted = _converted([value[number] for number in chosen], labels, limits)
    differences = [f"`{name}`: {what}." for what in notices_of(converted)]
    notices = []
    if is_thinned:
        differences.append(
            f"{len(chosen)} of the {length} frames of `{name}` are sent, evenly spaced."
        )
        notices.append(f"`-p frames=N` sends N frames, at most {MOST_FRAMES}.")
    return Attached(
        name=name,
        kind="frames",
        parts=tuple(part for each in converted for part in each.parts),
        size=f"{len(chosen)} of {length} frames" if is_thinned else f"{length} frames",
        differences=tuple(differences),
        notices=tuple(notices),
    )


def _converted(
    several: list[Any], labels: list[str], limits: images.ImageLimits | None
) -> list[images.Converted]:
    """Return pictures as images, each with a name."""
    stack = images.to_stack(several, labels, limits or images.ImageLimits())
    return [
        replace(made, parts=tuple(replace(part, name=label) for part in made.parts))
        for made, label in zip(stack, labels, strict=True)
    ]


def _evenly(length: int, count: int) -> list[int]:
    """Return the numbers of frames from the middles of equal spans."""
    if length <= count:
        return list(range(length))
    return [int((number + 0.5) * length / count) for number in range(count)]
