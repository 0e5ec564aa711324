"""Video formats by their first bytes, and what providers take of them."""

from __future__ import annotations

import re

from stepmagic.errors import AttachmentError
from stepmagic.transcript.usage import format_bytes

HEAD_BYTES = 64
"""Enough to tell the format."""

MOST_BYTES = 128_000_000 - 1
"""StepFun takes videos of less than 128 MB (StepFun docs, Video understanding)."""

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
"""FFmpeg's readers. It is not left to guess: a playlist would open other addresses."""

# Brands of the ISO base media file format (ISO/IEC 14496-12) that are no video:
# HEIF and AVIF pictures, and sound alone.
_NO_VIDEO = re.compile(
    rb".{4}ftyp(hei|hev|mif|msf|avif|avis|M4A |M4B |M4P )", re.DOTALL
)

_SIGNATURES = (
    (4, b"ftypqt  ", "video/mov"),
    (4, b"ftyp", "video/mp4"),
    # First atoms of a QuickTime file from before there were brands.
    *((4, atom, "video/mov") for atom in (b"moov", b"mdat", b"wide", b"pnot")),
    (0, b"\x00\x00\x01\xba", "video/mpeg"),
    (8, b"AVI LIST", "video/x-msvideo"),
    (0, b"FLV\x01", "video/x-flv"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video/x-ms-wmv"),
)
_EBML = b"\x1a\x45\xdf\xa3"
# An Ogg stream of sound begins alike (RFC 3533, 6; Theora specification, 6.2).
_OGG, _THEORA = b"OggS", b"\x80theora"

_PLACE = re.compile(
    rb"loci\0{4}|\xa9xyz.{4}[+-]\d|com\.apple\.quicktime\.location", re.DOTALL
)
"""Where MP4 and MOV keep the place of a recording (3GPP TS 26.244; QuickTime)."""


def media_type_of(head: bytes) -> str | None:
    """Return the media type that a video's first bytes tell; None for anything else."""
    start = head[:HEAD_BYTES]
    if _NO_VIDEO.match(start):
        return None
    if start.startswith(_EBML):
        return "video/webm" if b"webm" in start else "video/x-matroska"
    if start.startswith(_OGG):
        return "video/ogg" if _THEORA in start else None
    for offset, signature, media_type in _SIGNATURES:
        if start.startswith(signature, offset):
            return media_type
    return None


def known_type(head: bytes, name: str) -> str:
    """Return the media type of a video.

    Raises:
        AttachmentError: Its first bytes are those of no video.
    """
    media_type = media_type_of(head)
    if media_type is None:
        message = (
            f"`{name}` is no video: its first bytes are those of no known format. "
            f"Videos are sent as {', '.join(SENDABLE.values())}."
        )
        raise AttachmentError(message)
    return media_type


def way_round(name: str) -> str:
    """Return what to do with a video that cannot be sent whole."""
    return (
        f"Send frames of `{name}` instead, such as `-p frames=8`, or the address of a "
        "shorter or smaller copy."
    )


def check_sendable(data: bytes, name: str) -> str:
    """Return the media type of a video that can be sent whole.

    Raises:
        AttachmentError: It is no video, of a format that is not taken, or too large.
    """
    media_type = known_type(data, name)
    if media_type not in SENDABLE:
        message = (
            f"`{name}` is a video in {_OTHERS[media_type]}; only "
            f"{', '.join(SENDABLE.values())} can be sent. {way_round(name)}"
        )
        raise AttachmentError(message)
    if len(data) > MOST_BYTES:
        message = (
            f"`{name}` is a video of {format_bytes(len(data))}; less than "
            f"{format_bytes(MOST_BYTES + 1)} can be sent. {way_round(name)}"
        )
        raise AttachmentError(message)
    return media_type


def tells_place(data: bytes) -> bool:
    """Whether a video says where it was recorded."""
    return _PLACE.search(data) is not None
