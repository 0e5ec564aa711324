"""Video formats by their first bytes, and which of them providers accept."""

from __future__ import annotations

import re

from stepmagic.errors import AttachmentError
from stepmagic.transcript.signatures import media_type
from stepmagic.transcript.usage import format_bytes

MOST_BYTES = 128_000_000 - 1
"""StepFun accepts videos of less than 128 MB (StepFun docs, Video understanding)."""

ADVISED_S = 300
"""StepFun advises videos of under 5 minutes (StepFun docs, Video understanding)."""

# OpenRouter docs, Video inputs: the types it lists, QuickTime by this name.
SENDABLE = {
    "video/mp4": "MP4",
    "video/mov": "MOV",
    "video/mpeg": "MPEG",
    "video/webm": "WebM",
}
_OTHERS = {
    "video/x-matroska": "Matroska",
    "video/x-msvideo": "AVI",
    "video/x-flv": "FLV",
    "video/ogg": "Ogg",
    "video/x-ms-wmv": "Windows Media",
}

DEMUXERS = {
    "video/mp4": "mp4",
    "video/mov": "mov",
    "video/mpeg": "mpeg",
    "video/webm": "webm",
    "video/x-matroska": "matroska",
    "video/x-msvideo": "avi",
    "video/x-flv": "flv",
    "video/ogg": "ogg",
    "video/x-ms-wmv": "asf",
}
"""FFmpeg's demuxers. FFmpeg must not guess: a playlist would open other addresses."""

_PLACE = re.compile(
    rb"loci\0{4}|\xa9xyz.{4}[+-]\d|com\.apple\.quicktime\.location", re.DOTALL
)
"""Where MP4 and MOV store the location of a recording (3GPP TS 26.244; QuickTime)."""


def media_type_of(head: bytes) -> str | None:
    """Return the media type that a video's first bytes show; None for anything else."""
    return media_type(head, "video")


def known_type(head: bytes, name: str) -> str:
    """Return the media type of a video.

    Raises:
        AttachmentError: Its first bytes are not those of a video.
    """
    found = media_type_of(head)
    if found is None:
        message = (
            f"`{name}` is not a video: its first bytes match no known format. "
            f"Videos are sent as {', '.join(SENDABLE.values())}."
        )
        raise AttachmentError(message)
    return found


def alternative(name: str) -> str:
    """Return what to do with a video that cannot be sent as it is."""
    return (
        f"Send frames of `{name}` instead, such as `-p frames=8`, or the address of a "
        "shorter or smaller copy."
    )


def check_sendable(data: bytes, name: str) -> str:
    """Return the media type of a video that can be sent as it is.

    Raises:
        AttachmentError: It is not a video that can be sent, or too large.
    """
    found = known_type(data, name)
    if found not in SENDABLE:
        message = (
            f"`{name}` is a video in {_OTHERS[found]}; only "
            f"{', '.join(SENDABLE.values())} can be sent. {alternative(name)}"
        )
        raise AttachmentError(message)
    if len(data) > MOST_BYTES:
        message = (
            f"`{name}` is a video of {format_bytes(len(data))}; less than "
            f"{format_bytes(MOST_BYTES + 1)} can be sent. {alternative(name)}"
        )
        raise AttachmentError(message)
    return found


def has_location(data: bytes) -> bool:
    """Whether a video contains the location of its recording."""
    return _PLACE.search(data) is not None
