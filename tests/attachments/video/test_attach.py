"""Videos whole and as frames, made by PyAV and looked at again by Pillow."""

from __future__ import annotations

import base64
import io
import sys
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from IPython import display
from PIL import Image as pillow  # noqa: N813 - the package has an Image of its own

from alarms import ALARMS
from footage import (
    WIDTH,
    frame_number,
    make_video,
    picture,
)
from openrouter_server import STEPFUN
from openrouter_server.strictness import body_faults
from stepmagic.attachments import images, video
from stepmagic.attachments.files.source import open_source
from stepmagic.errors import AttachmentError, UnsupportedOption
from stepmagic.transcript import Protocol, Video, user
from stepmagic.wire import PROTOCOLS, Request, codec
from video_samples import MP4, images_of, times_of

Displayed: Any = display.Video  # without types of its own


# What a video is


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
        (Displayed(url="clip.mp4"), "is not an address"),
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
