"""Frames that are decoded from a video."""

from __future__ import annotations

import contextlib
import fractions
import functools
import io
import struct
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as pillow  # noqa: N813 - the package has an Image of its own

from footage import (
    HEIGHT,
    WIDTH,
    frame_number,
    make_sound,
    make_video,
    opened,
)
from stepmagic.attachments import images, video
from stepmagic.attachments.files.source import open_source
from stepmagic.attachments.video import decoding
from stepmagic.errors import AttachmentError
from stepmagic.transcript import Video
from video_samples import MP4, images_of, times_of


@pytest.mark.parametrize(
    "data", [MP4[:200], MP4[:8] + b"isom" * 99, b"\x1a\x45\xdf\xa3" + b"webm" * 40]
)
def test_corrupt_video_is_refused(data: bytes) -> None:
    with pytest.raises(AttachmentError, match="`clip` cannot be read as a video"):
        video.attach_video(data, "clip")
    with pytest.raises(AttachmentError, match="`clip` cannot be read as a video"):
        video.frames(data, name="clip")


def test_damage_in_the_middle_is_an_error() -> None:
    begin, end = len(MP4) // 5, len(MP4) // 2
    broken = MP4[:begin] + bytes(end - begin) + MP4[end:]
    assert video.attach_video(broken, "clip").parts  # the header is whole
    with pytest.raises(AttachmentError, match="cannot be read as a video: Invalid"):
        video.frames(broken, 4)


@settings(max_examples=60)
@given(
    st.sampled_from(("mp4", "webm", "mpeg")),
    st.lists(
        st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=40)), max_size=4
    ),
)
def test_any_damage_gives_frames_or_an_attachment_error(
    form: str, patches: list[tuple[float, bytes]]
) -> None:
    data = bytearray(sample(form))
    for place, patch in patches:
        start = int(place * (len(data) - len(patch)))
        data[start : start + len(patch)] = patch
    with contextlib.suppress(AttachmentError):
        parts, _ = video.frames(bytes(data), 3)
        assert 1 <= len(parts) <= 3


@functools.cache
def sample(form: str) -> bytes:
    return make_video(form, count=12, fps=25)


def test_sound_alone_is_refused() -> None:
    with pytest.raises(AttachmentError, match="no pictures"):
        video.attach_video(make_sound(), "clip")


def test_sound_that_is_left_out_is_told() -> None:
    parts, notice = video.frames(make_video(sound=True), 5)
    assert [frame_number(part) for part in images_of(parts)] == [3, 9, 15, 21, 27]
    assert notice.endswith("of 0:03.0; its sound is left out.")


def test_playlist_is_not_followed(tmp_path: Path) -> None:
    """FFmpeg would open what a playlist names: stored files and addresses."""
    (tmp_path / "clip.mp4").write_bytes(MP4)
    playlist = (
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\n"
        f"file://{tmp_path}/clip.mp4\n#EXT-X-ENDLIST\n"
    )
    with pytest.raises(AttachmentError, match="no known format"):
        video.frames(playlist.encode())


@pytest.mark.parametrize("form", ["mp4", "mov", "webm", "matroska"])
@pytest.mark.parametrize("key_every", [1, 12, 250])
def test_frames_are_from_the_middles_of_equal_spans(form: str, key_every: int) -> None:
    data = make_video(form, key_every=key_every)
    parts, notice = video.frames(data, 5, name="clip")
    assert [part.name for part in parts] == [
        f"clip at 0:0{seconds}" for seconds in ("0.3", "0.9", "1.5", "2.1", "2.7")
    ]
    assert [frame_number(part) for part in images_of(parts)] == [3, 9, 15, 21, 27]
    assert notice == ("`clip` is sent as 5 frames, evenly spaced, of 0:03.0.")


@pytest.mark.parametrize("key_every", [1, 12])
def test_frames_of_a_long_video_are_sought(
    monkeypatch: pytest.MonkeyPatch, key_every: int
) -> None:
    monkeypatch.setattr(decoding, "_MOST_DECODED", 29)
    data = make_video(key_every=key_every)
    parts, _ = video.frames(data, 2)
    # Each is decoded from the key frame before it, 14 frames at most.
    assert [frame_number(part) for part in images_of(parts)] == [7, 22]
    assert times_of(parts) == ["0:00.7", "0:02.2"]


def test_decoding_is_bounded_and_the_time_is_the_frame_s_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(decoding, "_MOST_DECODED", 10)
    parts, notice = video.frames(make_video(key_every=250), 2)
    # There is one key frame: five frames after it are decoded for each time.
    assert [frame_number(part) for part in images_of(parts)] == [4]
    assert times_of(parts) == ["0:00.4"]
    assert "1 frame," in notice


def test_video_with_few_frames_gives_each_once() -> None:
    parts, notice = video.frames(make_video(count=3), 8)
    assert [frame_number(part) for part in images_of(parts)] == [0, 1, 2]
    assert "3 frames" in notice


@pytest.mark.parametrize("rotation", [90, -90, 180])
def test_rotation_is_respected(rotation: int) -> None:
    """White is above in the file, so left, right or below as it is shown."""
    parts, _ = video.frames(make_video(rotation=rotation), 1)
    (image,) = images_of(parts)
    shown = opened(image)
    assert shown.size == ((WIDTH, HEIGHT) if rotation == 180 else (HEIGHT, WIDTH))
    width, height = shown.size
    middle = {90: (2, height // 2), -90: (width - 3, height // 2)}
    white: Any = shown.getpixel(middle.get(rotation, (width // 2, height - 3)))
    assert min(white) > 240


def test_frames_stay_within_limits() -> None:
    parts, _ = video.frames(MP4, 2, limits=images.ImageLimits(longest_side=32))
    assert [opened(part).size for part in images_of(parts)] == [(32, 24), (32, 24)]


def test_length_is_measured_where_the_container_does_not_say() -> None:
    live = make_video("webm", options={"live": "1"})
    parts, notice = video.frames(live, 3)
    assert [frame_number(part) for part in images_of(parts)] == [4, 14, 24]
    assert "of 0:02.9" in notice


@pytest.mark.parametrize("count", [0, -1, 61])
def test_number_of_frames_is_bounded(count: int) -> None:
    with pytest.raises(AttachmentError, match="from 1 to 60"):
        video.frames(MP4, count)
    with pytest.raises(AttachmentError, match="from 1 to 60"):
        video.attach_video(np.zeros((9, 48, 64, 3), np.uint8), "x", frames=count)


def test_frames_of_a_part_and_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(MP4)
    part = Video(media_type="video/mp4", data=MP4)
    with open_source(path, "clip.mp4") as source:
        source.file.seek(99)
        from_file = video.attach_video_file(source, frames=2)
    assert times_of(from_file.parts) == ["0:00.7", "0:02.2"]
    assert from_file.size == "2 frames"
    assert from_file.kind == "frames of a video"
    from_part = video.attach_video(part, "clip.mp4", frames=2)
    assert from_part == from_file


def test_gigantic_frames_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "_MOST_PIXELS", WIDTH * HEIGHT - 1)
    with pytest.raises(AttachmentError, match=r"its frames are 64 . 48 pixels"):
        video.frames(MP4)


def test_video_without_a_frame_is_refused() -> None:
    data = make_video(count=5, fps=25, key_every=250)
    table = len(data) * 9 // 10  # the end of the header, which says where frames lie
    with pytest.raises(AttachmentError, match="no frame that can be decoded"):
        video.frames(data[:table] + bytes(len(data) - table))


def test_unknown_codec_is_refused() -> None:
    unknown = make_video(count=2).replace(b"avc1", b"zzzz")
    with pytest.raises(AttachmentError, match="none in a known codec"):
        video.frames(unknown)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0:00.0"), (3.2, "0:03.2"), (59.96, "1:00.0"), (3723.25, "1:02:03.2")],
)
def test_times_are_written_as_people_do(seconds: float, words: str) -> None:
    assert decoding.format_time(seconds) == words


def shaped(aspect: tuple[int, int] | None = None) -> bytes:
    """Return a video that is red in its top left corner, of pixels of some shape."""
    image = pillow.new("RGB", (160, 96), "white")
    image.paste("red", (0, 0, 60, 40))
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream: Any = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        if aspect:
            stream.codec_context.sample_aspect_ratio = fractions.Fraction(*aspect)
        for _ in range(4):
            frame: Any = av.VideoFrame
            container.mux(stream.encode(frame.from_image(image)))
        container.mux(stream.encode())
    return buffer.getvalue()


def frame_of(data: bytes) -> pillow.Image:
    parts, _ = video.frames(data, 1)
    return opened(parts[0])


@pytest.mark.parametrize(
    ("aspect", "size"), [((2, 1), (320, 96)), ((1, 2), (160, 192)), (None, (160, 96))]
)
def test_frames_have_the_shape_that_a_player_shows(
    aspect: tuple[int, int] | None, size: tuple[int, int]
) -> None:
    assert frame_of(shaped(aspect)).size == size


@pytest.mark.parametrize(
    ("matrix", "corner"),
    [
        ((1, 0, 0, 1), (5, 5)),
        ((-1, 0, 0, 1), (-5, 5)),
        ((1, 0, 0, -1), (5, -5)),
        ((-1, 0, 0, -1), (-5, -5)),
        ((0, 1, -1, 0), (-5, 5)),
        ((0, -1, 1, 0), (5, -5)),
        ((0, 1, 1, 0), (5, 5)),
    ],
)
def test_frames_are_turned_and_mirrored_as_the_file_says(
    matrix: tuple[int, ...], corner: tuple[int, int]
) -> None:
    data = bytearray(shaped())
    start = data.find(b"tkhd") + 8 + 20 + 16
    a, b, c, d = (value << 16 for value in matrix)
    data[start : start + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    image = frame_of(bytes(data))
    x, y = (place % side for place, side in zip(corner, image.size, strict=True))
    red, green, _ = image.convert("RGB").getpixel((x, y))  # type: ignore[misc]  # RGB
    assert red > 200
    assert green < 90
