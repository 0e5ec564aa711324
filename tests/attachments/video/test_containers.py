"""Formats of videos, told by their first bytes."""

from __future__ import annotations

import pytest

from footage import (
    make_video,
)
from stepmagic.attachments import video
from stepmagic.attachments.video import containers
from stepmagic.errors import AttachmentError
from video_samples import MP4


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
