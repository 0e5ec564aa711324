"""Small videos with a colour for each moment, so that a frame says which it is."""

from __future__ import annotations

import io
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image as pillow  # noqa: N813 - the package has an Image of its own

from stepmagic.transcript import Image

WIDTH, HEIGHT = 64, 48
STEP = 8
"""How much redder each frame is than the one before."""

_SAMPLES_A_SECOND = 44_100

CODECS = {
    "mp4": "libx264",
    "mov": "libx264",
    "webm": "libvpx-vp9",
    "mpeg": "mpeg2video",
    "avi": "mpeg4",
    "matroska": "libx264",
    "flv": "libx264",
}


def make_video(
    form: str = "mp4",
    *,
    count: int = 30,
    fps: int = 10,
    rotation: int = 0,
    key_every: int = 12,
    sound: bool = False,
    metadata: dict[str, str] | None = None,
    options: dict[str, str] | None = None,
) -> bytes:
    """Return a video whose frame ``n`` is of the colour ``colour(n)``.

    Args:
        form: FFmpeg's name of the container.
        count: Number of frames.
        fps: Frames a second; MPEG-2 takes 25.
        rotation: Degrees a player turns it, against the clock.
        key_every: Frames from one key frame to the next.
        sound: Whether it has a track of silence.
        metadata: Fields of the container.
        options: Options of the container's writer.
    """
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=form, options=options or {}) as container:
        stream: Any = container.add_stream(CODECS[form], rate=fps)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.gop_size = key_every
        track = container.add_stream("aac", rate=_SAMPLES_A_SECOND) if sound else None
        container.metadata.update(metadata or {})
        if rotation:
            stream.set_display_rotation(rotation)
        for number in range(count):
            frame = av.VideoFrame.from_ndarray(picture(number), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if track is not None:
            _mux_silence(container, track)
    return buffer.getvalue()


def make_sound() -> bytes:
    """Return an MP4 file without pictures."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        _mux_silence(container, container.add_stream("aac", rate=_SAMPLES_A_SECOND))
    return buffer.getvalue()


def _mux_silence(container: Any, track: Any) -> None:
    samples = np.zeros((1, 4096), np.float32)
    frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
    frame.sample_rate = _SAMPLES_A_SECOND
    container.mux(track.encode(frame))
    container.mux(track.encode())


def colour(number: int) -> tuple[int, int, int]:
    red = number * STEP % 256
    return red, 0, 255 - red


def picture(number: int) -> NDArray[np.uint8]:
    """Return a frame: its colour, and white above."""
    array = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    array[:] = colour(number)
    array[: HEIGHT // 4] = 255
    return array


def opened(image: Image) -> pillow.Image:
    """Return the pixels of a part."""
    return pillow.open(io.BytesIO(image.data or b"")).convert("RGB")


def frame_number(image: Image) -> int:
    """Return which frame of the first 32 an upright image shows."""
    pixel: Any = opened(image).getpixel((WIDTH // 2, HEIGHT * 3 // 4))
    red: int = pixel[0]
    return round(red / STEP)
