"""Frames of a video, chosen evenly and decoded no further than needed, by PyAV."""

from __future__ import annotations

import contextlib
import io
import itertools
import math
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

from stepmagic.attachments import images
from stepmagic.attachments.images.limits import format_pixels
from stepmagic.attachments.video.containers import DEMUXERS, known_type
from stepmagic.errors import AttachmentError
from stepmagic.transcript import Image, Video
from stepmagic.transcript.signatures import HEAD_BYTES

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream
    from PIL.Image import Image as Picture

Footage: TypeAlias = Video | bytes | BinaryIO
"""A video part, its bytes, or an open file."""

DEFAULT_FRAMES = 8
MOST_FRAMES = 60
"""StepFun accepts at most 60 images per request (StepFun docs, Image understanding)."""

_MOST_DECODED = 1800
"""Frames decoded for one video: a minute at 30 a second."""

_MOST_PIXELS = 64_000_000
"""Pixels of one frame; 8K video has 33 million."""

_MICROSECONDS = 1_000_000
"""A second in the unit of a container's duration (FFmpeg, AV_TIME_BASE)."""

_USUAL_RATE = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a container reports about its video."""

    duration_s: float
    width: int
    height: int

    def __str__(self) -> str:
        """Return its length and size as text: ``0:12.0, 640 x 480 pixels``."""
        pixels = format_pixels((self.width, self.height))
        return f"{format_time(self.duration_s)}, {pixels}"


def format_time(seconds: float) -> str:
    """Return a place in a video, to a tenth of a second: ``0:03.2``, ``1:02:03.2``."""
    tenths = round(seconds * 10)
    minutes, tenths = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    front = f"{hours}:{minutes:02d}" if hours else f"{minutes}"
    return f"{front}:{tenths / 10:04.1f}"


def frames(
    footage: Footage,
    count: int = DEFAULT_FRAMES,
    *,
    name: str = "video",
    limits: images.ImageLimits | None = None,
) -> tuple[tuple[Image, ...], str]:
    """Return frames of a video, and a sentence that describes them.

    Each is named by its time: ``video at 0:03.2``. The video is cut into ``count``
    equal spans, and the frame in the middle of each is taken; if it has fewer
    frames, each is taken once. Of a long video, only frames near the middle are
    decoded: one may then be earlier than the middle, and is named by its own time.

    Args:
        footage: A video.
        count: How many frames, from 1 to 60.
        name: What the user called it.
        limits: How large an image may be.

    Raises:
        AttachmentError: PyAV is not installed, ``count`` is out of range, the video is
            at a URL, or it cannot be read.
    """
    if not 1 <= count <= MOST_FRAMES:
        message = f"frames must be a number from 1 to {MOST_FRAMES}, not {count!r}."
        raise AttachmentError(message)
    made: dict[str, images.Converted] = {}
    with _opened(_file(footage, name), name) as (container, stream):
        known = _facts(container, stream, name)
        sound = "; its sound is left out" if container.streams.audio else ""
        for time_s, picture in _chosen(container, stream, known.duration_s, count):
            time = format_time(time_s)
            if time not in made:
                made[time] = labelled(picture, f"{name} at {time}", limits)
    if not made:
        raise _damaged(name, "it has no frame that can be decoded")
    what = "1 frame" if len(made) == 1 else f"{len(made)} frames, evenly spaced"
    length = format_time(known.duration_s)
    notice = f"`{name}` is sent as {what}, of {length}{sound}"
    parts = tuple(part for each in made.values() for part in each.parts)
    return parts, "; ".join((notice, *notices_of(made.values()))) + "."


def labelled(
    picture: Any, label: str, limits: images.ImageLimits | None
) -> images.Converted:
    """Return a picture as a named image."""
    converted = images.to_images(picture, label, limits or images.ImageLimits())
    parts = tuple(replace(part, name=label) for part in converted.parts)
    return replace(converted, parts=parts)


def notices_of(several: Iterable[images.Converted]) -> tuple[str, ...]:
    """Return the notices of pictures, each once."""
    return tuple(dict.fromkeys(it for made in several for it in made.notices))


def facts(footage: Footage, name: str) -> Facts | None:
    """Return what a video reports about itself; None if PyAV is not installed.

    Raises:
        AttachmentError: It cannot be read.
    """
    try:
        import av  # noqa: F401, PLC0415 - an extra, and slow to import
    except ImportError:
        return None
    with _opened(_file(footage, name), name) as (container, stream):
        return _facts(container, stream, name)


def _file(footage: Footage, name: str) -> BinaryIO:
    if isinstance(footage, bytes):
        return io.BytesIO(footage)
    if not isinstance(footage, Video):
        return footage
    if footage.data is None:
        message = (
            f"`{name}` is at {footage.url}, which is not fetched here. Download it "
            "to take frames from the file."
        )
        raise AttachmentError(message)
    return io.BytesIO(footage.data)


@contextlib.contextmanager
def _opened(file: BinaryIO, name: str) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open a video; turn errors, here and in the block, into ``AttachmentError``."""
    try:
        import av  # noqa: PLC0415 - an extra, and slow to import
    except ImportError as exc:
        message = (
            "Frames of a video need PyAV, which is not installed: "
            'pip install "stepmagic[video]".'
        )
        raise AttachmentError(message) from exc
    file.seek(0)
    reader = DEMUXERS[known_type(file.read(HEAD_BYTES), name)]
    file.seek(0)
    try:
        with av.open(
            file, mode="r", format=reader, metadata_errors="replace"
        ) as container:
            # A stream in a codec that FFmpeg does not know has no context.
            known = (it for it in container.streams.video if it.codec_context)
            stream = next(known, None)
            if stream is None:
                raise _damaged(name, "it has no pictures, or none in a known codec")
            stream.thread_type = "AUTO"
            yield container, stream
    except (av.error.FFmpegError, ValueError, EOFError, OSError) as exc:
        raise _damaged(name, getattr(exc, "strerror", None) or str(exc)) from exc


def _facts(container: InputContainer, stream: VideoStream, name: str) -> Facts:
    width, height = stream.codec_context.width, stream.codec_context.height
    if not 0 < width * height <= _MOST_PIXELS:
        raise _damaged(name, f"its frames are {format_pixels((width, height))}")
    duration_s = _duration_s(container, stream)
    return Facts(duration_s=duration_s, width=width, height=height)


def _duration_s(container: InputContainer, stream: VideoStream) -> float:
    """Return the length of a video, measured if its header does not contain it."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    if container.duration:
        return container.duration / _MICROSECONDS
    # A browser's recording has no length in its header. Packets are not decoded.
    times = [
        float(packet.pts * packet.time_base) - _start_s(stream)
        for packet in container.demux(stream)
        if packet.pts is not None
    ]
    container.seek(0)
    return max(times, default=0.0)


def _start_s(stream: VideoStream) -> float:
    return float((stream.start_time or 0) * (stream.time_base or 0))


def _chosen(
    container: InputContainer, stream: VideoStream, duration_s: float, count: int
) -> Iterator[tuple[float, Picture]]:
    """Yield pictures from the middles of equal spans, with their times in seconds."""
    times = [(number + 0.5) * duration_s / count for number in range(count)]
    start_s = _start_s(stream)
    rate = float(stream.average_rate or _USUAL_RATE)
    if (stream.frames or duration_s * rate) <= _MOST_DECODED:
        shown = _shown(container.decode(stream), times, start_s)
    else:
        shown = _sought(container, stream, times, start_s)
    for frame in shown:
        yield _time_s(frame, start_s), _picture(frame, _pixel_aspect(stream))


def _sought(
    container: InputContainer, stream: VideoStream, times: list[float], start_s: float
) -> Iterator[VideoFrame]:
    """Yield the frame of each time, decoded from the key frame before it."""
    each = max(1, _MOST_DECODED // len(times))
    for time_s in times:
        offset = int((time_s + start_s) / float(stream.time_base or 1))
        container.seek(offset, stream=stream)
        decoded = itertools.islice(container.decode(stream), each)
        yield from _shown(decoded, [time_s], start_s)


def _shown(
    decoded: Iterable[VideoFrame], times: list[float], start_s: float
) -> Iterator[VideoFrame]:
    """Yield the frame on the screen at each time; the last one for times after it."""
    waiting = list(times)
    held: VideoFrame | None = None
    for frame in decoded:
        while waiting and held is not None and _time_s(frame, start_s) > waiting[0]:
            waiting.pop(0)
            yield held
        if not waiting:
            return
        held = frame
    if held is not None:
        yield held


def _time_s(frame: VideoFrame, start_s: float) -> float:
    return max(0.0, (frame.time or 0.0) - start_s)


def _pixel_aspect(stream: VideoStream) -> float:
    """Return how many times as wide as high the pixels of a video are shown."""
    aspect = stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio
    return float(aspect) if aspect else 1.0


def _picture(frame: VideoFrame, aspect: float) -> Picture:
    """Return a frame as a player shows it: its pixels square, turned, mirrored."""
    from PIL.Image import Transpose  # noqa: PLC0415 - loads with the first image

    picture: Picture = frame.to_image()  # type: ignore[no-untyped-call] # PyAV's stub
    if not math.isclose(aspect, 1, rel_tol=0.01):
        width, height = picture.size
        wide, high = round(width * max(1, aspect)), round(height / min(1, aspect))
        picture = picture.resize((wide, high))
    turn = _TURNS.get(_matrix(frame))
    if turn is not None:
        return picture.transpose(Transpose[turn]) if turn else picture
    turned = getattr(frame, "rotation", 0)  # known to PyAV since version 14
    return picture.rotate(turned, expand=True) if turned else picture


_TURNS: dict[tuple[int, ...], str] = {
    (1, 0, 0, 1): "",
    (-1, 0, 0, 1): "FLIP_LEFT_RIGHT",
    (1, 0, 0, -1): "FLIP_TOP_BOTTOM",
    (-1, 0, 0, -1): "ROTATE_180",
    (0, 1, -1, 0): "ROTATE_270",
    (0, -1, 1, 0): "ROTATE_90",
    (0, 1, 1, 0): "TRANSPOSE",
    (0, -1, -1, 0): "TRANSVERSE",
}
"""Pillow's names by the signs of a display matrix (ISO/IEC 14496-12, 8.3.2)."""


def _matrix(frame: VideoFrame) -> tuple[int, ...]:
    """Return the signs of how a frame is turned and mirrored; empty where not known."""
    try:
        data = bytes(frame.side_data.get("DISPLAYMATRIX") or b"")  # type: ignore[call-overload] # PyAV's stub
        a, b, _, c, d, *_ = struct.unpack("=9i", data)
    except (AttributeError, KeyError, TypeError, struct.error):
        return ()
    most = max(map(abs, (a, b, c, d)))
    return tuple(round(value / most) for value in (a, b, c, d)) if most else ()


def _damaged(name: str, reason: str) -> AttachmentError:
    message = f"`{name}` cannot be read as a video: {reason}."
    return AttachmentError(message)
