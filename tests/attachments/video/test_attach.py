"""Videos whole and as frames, made by PyAV and looked at again by Pillow."""

from __future__ import annotations

import base64
import contextlib
import fractions
import functools
import io
import struct
import sys
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from IPython import display
from PIL import Image as pillow  # noqa: N813 - the package has an Image of its own

from alarms import ALARMS
from footage import (
    HEIGHT,
    WIDTH,
    frame_number,
    make_sound,
    make_video,
    opened,
    picture,
)
from openrouter_server import STEPFUN
from openrouter_server.strictness import body_faults
from stepmagic.attachments import images, video
from stepmagic.attachments.files.source import open_source
from stepmagic.attachments.video import containers, decoding
from stepmagic.errors import AttachmentError, UnsupportedOption
from stepmagic.transcript import Image, Protocol, Video, user
from stepmagic.wire import PROTOCOLS, Request, codec

MP4 = make_video()
Displayed: Any = display.Video  # without types of its own


def images_of(parts: Any) -> list[Image]:
    found = [part for part in parts if isinstance(part, Image)]
    assert len(found) == len(parts)
    return found


def times_of(parts: Any) -> list[str]:
    return [part.name.rpartition(" ")[2] for part in parts]


# What a video is


@pytest.mark.parametrize(
    ("form", "media_type"),
    [
        ("mp4", "video/mp4"),
        ("mov", "video/mov"),
        ("webm", "video/webm"),
        ("mpeg", "video/mpeg"),
        ("avi", "video/x-msvideo"),
        ("matroska", "video/x-matroska"),
        ("flv", "video/x-flv"),
    ],
)
def test_format_is_told_by_the_first_bytes(form: str, media_type: str) -> None:
    data = make_video(form, count=2, fps=25)
    assert video.media_type_of(data) == media_type
    assert video.is_video(data)
    assert video.is_video(bytearray(data))


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"text",
        b"\x00\x00\x00\x1cftypheic",
        b"\x00\x00\x00\x1cftypavif",
        b"\x00\x00\x00\x1cftypM4A ",
        b"OggS\x00\x02" + b"\x00" * 22 + b"\x01vorbis",
        b"RIFF\x00\x00\x00\x00WAVE",
        b"\x89PNG\r\n\x1a\n",
    ],
)
def test_pictures_sound_and_text_are_no_video(head: bytes) -> None:
    assert video.media_type_of(head) is None
    assert not video.is_video(head)


def test_theora_and_old_quicktime_are_video() -> None:
    theora = b"OggS\x00\x02" + b"\x00" * 22 + b"\x80theora"
    assert video.media_type_of(theora) == "video/ogg"
    assert video.media_type_of(b"\x00\x00\x00\x08wide\x00\x00") == "video/mov"


@pytest.mark.parametrize(
    ("value", "yes"),
    [
        (Video(url="https://example.org/a.mp4"), True),
        (Displayed(url="https://example.org/a.mp4"), True),
        (np.zeros((5, 48, 64, 3), np.uint8), True),
        ([pillow.new("RGB", (8, 8))] * 2, True),
        ((picture(0), picture(1)), True),
        ([pillow.new("RGB", (8, 8))], False),
        ([], False),
        ([1, 2], False),
        (np.zeros((0, 48, 64, 3), np.uint8), False),
        (np.zeros((48, 64, 3), np.uint8), False),
        (np.zeros((5, 48, 64, 7), np.uint8), False),
        ("clip.mp4", False),
        (7, False),
    ],
)
def test_video_is_told_from_other_values(value: Any, *, yes: bool) -> None:
    assert video.is_video(value) is yes


@pytest.mark.parametrize("name", ALARMS)
def test_looking_at_a_value_runs_none_of_its_code(name: str) -> None:
    assert not video.is_video(ALARMS[name])


def test_displayed_video_needs_no_import(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "IPython.core.display")
    assert not video.is_video(object())


# A video as a whole


@pytest.mark.parametrize(
    ("form", "kind"),
    [("mp4", "MP4"), ("mov", "MOV"), ("webm", "WebM"), ("mpeg", "MPEG")],
)
def test_bytes_are_sent_as_they_are(form: str, kind: str) -> None:
    data = make_video(form, fps=25)
    attached = video.attach_video(data, "clip")
    (part,) = attached.parts
    assert isinstance(part, Video)
    assert (part.data, part.name) == (data, "clip")
    assert attached.kind == f"{kind} video"
    assert "64 \N{MULTIPLICATION SIGN} 48" in attached.size
    assert attached.all_notices == ()
    with av.open(io.BytesIO(part.data or b"")) as container:
        assert container.streams.video[0].width == WIDTH


def test_size_tells_length_pixels_and_bytes() -> None:
    size = video.attach_video(MP4, "clip").size
    assert (
        size
        == f"0:03.0, 64 \N{MULTIPLICATION SIGN} 48 pixels, {len(MP4) / 1000:.1f} KB"
    )


def test_without_pyav_a_video_is_sent_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    attached = video.attach_video(MP4, "clip")
    assert attached.size == f"{len(MP4) / 1000:.1f} KB"
    with pytest.raises(AttachmentError, match=r'pip install "stepmagic\[video\]"'):
        video.attach_video(MP4, "clip", frames=2)


def test_part_is_sent_as_it_is() -> None:
    part = Video(url="https://example.org/a.mp4")
    assert video.attach_video(part, "clip").parts == (part,)
    whole = Video(media_type="video/mp4", data=MP4)
    assert video.attach_video(whole, "clip").size == f"{len(MP4) / 1000:.1f} KB"


@pytest.mark.parametrize("form", ["avi", "matroska", "flv"])
def test_other_format_is_refused_with_frames_as_the_alternative(form: str) -> None:
    data = make_video(form, count=4)
    with pytest.raises(AttachmentError, match="only MP4, MOV, MPEG, WebM can") as error:
        video.attach_video(data, "clip")
    assert "`-p frames=8`" in str(error.value)
    assert len(video.attach_video(data, "clip", frames=2).parts) == 2


def test_too_large_a_video_is_refused_with_its_size_and_the_alternative() -> None:
    data = MP4 + bytes(128_000_000 - len(MP4))
    with pytest.raises(AttachmentError, match="128 MB; less than 128 MB") as error:
        video.attach_video(data, "clip")
    assert "-p frames=8" in str(error.value)
    assert "address" in str(error.value)
    containers.check_sendable(data[:-1], "clip")


def test_large_file_is_refused_without_being_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(MP4)
    with path.open("r+b") as file:
        file.truncate(214_000_000)  # a hole: nothing is written
    with (
        open_source(path, "clip.mp4") as source,
        pytest.raises(AttachmentError, match="is 214 MB; at most 128 MB"),
    ):
        video.attach_video_file(source)


def test_long_video_is_sent_with_a_notice() -> None:
    attached = video.attach_video(make_video(count=302, fps=1), "clip")
    (notice,) = attached.notices
    assert "5:02.0 long" in notice
    assert "less than 5 minutes" in notice


@pytest.mark.parametrize(
    ("form", "field", "options"),
    [
        ("mp4", "location", {}),
        ("mov", "location", {}),
        (
            "mov",
            "com.apple.quicktime.location.ISO6709",
            {"movflags": "use_metadata_tags"},
        ),
    ],
)
def test_place_of_recording_is_told(
    form: str, field: str, options: dict[str, str]
) -> None:
    place = {field: "+48.2082+016.3738/"}
    data = make_video(form, count=2, metadata=place, options=options)
    (notice,) = video.attach_video(data, "clip").notices
    assert "contains the location of its recording" in notice
    assert not containers.has_location(make_video(form, count=2))


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


def test_value_of_another_kind_is_refused() -> None:
    with pytest.raises(
        AttachmentError, match="`x` is of type int, which is not a video"
    ):
        video.attach_video(7, "x")
    with pytest.raises(AttachmentError, match="no known format"):
        video.attach_video(b"text", "x")


# IPython.display.Video


def test_displayed_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(MP4)
    for shown in (Displayed(str(path)), Displayed(filename=str(path), embed=True)):
        (part,) = video.attach_video(shown, "v").parts
        assert isinstance(part, Video)
        assert part.data == MP4
    frames = video.attach_video(Displayed(str(path)), "v", frames=3)
    assert times_of(frames.parts) == ["0:00.5", "0:01.5", "0:02.5"]


@pytest.mark.parametrize("data", [MP4, base64.b64encode(MP4).decode()])
def test_displayed_data_is_read(data: Any) -> None:
    (part,) = video.attach_video(Displayed(data=data, embed=True), "v").parts
    assert isinstance(part, Video)
    assert part.data == MP4


def test_displayed_address_is_passed_on() -> None:
    url = "https://example.org/clip.mp4"
    attached = video.attach_video(Displayed(url), "v")
    assert attached.parts == (Video(url=url, name="v"),)
    assert attached.size == "example.org"
    with pytest.raises(AttachmentError, match="is not fetched here"):
        video.attach_video(Displayed(url), "v", frames=2)


@pytest.mark.parametrize(
    ("shown", "says"),
    [
        (Displayed(url="clip.mp4"), "no address"),
        (Displayed(url="https://me:secret@example.org/a.mp4"), "user name or password"),
        (Displayed(data="no base64!", embed=True), "neither bytes nor base64"),
        (Displayed(data=b"text", embed=True), "no known format"),
        (Displayed(filename="missing.mp4"), "cannot be read: No such file"),
    ],
)
def test_displayed_video_that_cannot_be_sent(shown: Any, says: str) -> None:
    with pytest.raises(AttachmentError, match=says) as error:
        video.attach_video(shown, "v")
    assert "secret" not in str(error.value)


# Frames


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


# Pictures in a row


def test_array_is_thinned_and_labelled_with_times() -> None:
    clip = np.stack([picture(number) for number in range(30)])
    attached = video.attach_video(clip, "clip", frames=3, fps=10)
    parts = images_of(attached.parts)
    assert times_of(parts) == ["0:00.5", "0:01.5", "0:02.5"]
    assert [frame_number(part) for part in parts] == [5, 15, 25]
    assert attached.size == "3 of 30 frames"
    (difference,) = attached.differences
    assert "3 of the 30 frames of `clip`" in difference
    (notice,) = attached.notices
    assert "-p frames=N" in notice
    assert len(video.attach_video(clip, "clip").parts) == 16


def test_list_is_sent_whole_and_numbered() -> None:
    pictures = [pillow.fromarray(picture(number)) for number in range(20)]
    attached = video.attach_video(pictures, "steps")
    parts = images_of(attached.parts)
    assert [frame_number(part) for part in parts] == list(range(20))
    assert parts[2].name == "steps, frame 3 of 20"
    assert (attached.size, attached.all_notices) == ("20 frames", ())


def test_notice_of_a_picture_is_kept() -> None:
    clip = np.stack([picture(0), picture(1)])
    small = images.ImageLimits(longest_side=32)
    (notice,) = video.attach_video(clip, "x", small).differences
    assert notice.startswith("`x`: scaled down")
    _, notice = video.frames(MP4, 2, limits=small)
    assert "of 0:03.0; scaled down" in notice


# Requests


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_videos_survive_the_sdks_where_a_protocol_has_them(protocol: Protocol) -> None:
    for value in (MP4, Displayed("https://example.org/a.mp4")):
        parts = video.attach_video(value, "clip").parts
        request = Request(model=STEPFUN, messages=(user(*parts, "What is this?"),))
        if protocol == "messages":
            with pytest.raises(UnsupportedOption, match="video: the 'messages'"):
                codec(protocol).encode(request)
            continue
        body = codec(protocol).encode(request)
        assert body_faults(protocol, body) == []


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_frames_survive_the_sdks_on_every_protocol(protocol: Protocol) -> None:
    parts = video.attach_video(MP4, "clip", frames=2).parts
    request = Request(model=STEPFUN, messages=(user(*parts, "What is this?"),))
    assert body_faults(protocol, codec(protocol).encode(request)) == []


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
