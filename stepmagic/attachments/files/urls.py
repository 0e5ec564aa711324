"""Addresses as parts: what lies there is told by the end of its name."""

from __future__ import annotations

from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from stepmagic.attachments.attached import Attached
from stepmagic.attachments.sources import check_url, url_notices
from stepmagic.errors import AttachmentError
from stepmagic.transcript import File, Image, Video

# OpenRouter docs: Image Inputs, Video Inputs and PDF Inputs list these types.
_KINDS: dict[str, tuple[type[Image | Video | File], str]] = {
    ".gif": (Image, "image/gif"),
    ".jpeg": (Image, "image/jpeg"),
    ".jpg": (Image, "image/jpeg"),
    ".png": (Image, "image/png"),
    ".webp": (Image, "image/webp"),
    ".mov": (Video, "video/mov"),
    ".mp4": (Video, "video/mp4"),
    ".mpeg": (Video, "video/mpeg"),
    ".mpg": (Video, "video/mpeg"),
    ".webm": (Video, "video/webm"),
    ".pdf": (File, "application/pdf"),
}
_WORDS: dict[type, str] = {Image: "image", Video: "video", File: "PDF"}


def attach_url(word: str) -> Attached:
    """Return an address as the part that its last letters tell: ``.png``, ``.mp4``.

    It is passed on as it stands; nothing is fetched here.

    Raises:
        AttachmentError: It is no http address, holds a password, or does not tell what
            lies there.
    """
    host = check_url(word, word)
    last = PurePosixPath(unquote(urlsplit(word).path))
    if last.suffix.casefold() not in _KINDS:
        message = (
            f"`{word}` does not tell whether a picture, a video or a PDF lies there. "
            "Say it: `from stepmagic.transcript import Image, Video, File`, put "
            f"`Image(url={word!r})`, `Video(url=...)` or `File(url=...)` into a "
            "variable, and attach that. A web page is not read: copy its text."
        )
        raise AttachmentError(message)
    kind, media_type = _KINDS[last.suffix.casefold()]
    return Attached(
        name=word,
        kind=_WORDS[kind],
        parts=(kind(url=word, media_type=media_type, name=last.name),),
        size=host,
        notices=url_notices(host),
    )
