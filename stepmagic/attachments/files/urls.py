"""URLs as parts: their media type follows from the suffix of the path."""

from __future__ import annotations

import ipaddress
import re
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from stepmagic.attachments.attachment import Attached
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
    """Return a URL as the part that its suffix indicates: ``.png``, ``.mp4``.

    It is passed on unchanged; nothing is fetched here.

    Raises:
        AttachmentError: It is not an http address, contains a password, or its suffix
            does not indicate the media type.
    """
    host = check_url(word, word)
    last = PurePosixPath(unquote(urlsplit(word).path))
    if last.suffix.casefold() not in _KINDS:
        message = (
            f"`{word}` does not show whether it is a picture, a video or a PDF. "
            "State it: `from stepmagic.transcript import Image, Video, File`, put "
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


_SCHEME = re.compile(r"https?://", re.IGNORECASE)
# RFC 3986, section 2: a URL has neither spaces nor control characters.
_UNSAFE = re.compile(r"[\x00-\x20\x7f]")


def is_url(word: str) -> bool:
    """Whether a word is an address that a server may fetch: http or https."""
    return _SCHEME.match(word) is not None


def check_url(url: str, name: str) -> str:
    """Return the host of an address that may be passed on.

    Raises:
        AttachmentError: It is not an http address, has no host, or contains a password.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port
    except ValueError as exc:
        message = f"`{_without_user(name)}` is not an address: {exc}."
        raise AttachmentError(message) from exc
    if not is_url(url) or not host or _UNSAFE.search(url):
        message = (
            f"`{_without_user(name)}` is not an address that starts with https://."
        )
        raise AttachmentError(message)
    if "@" in parts.netloc:
        message = (
            f"`{_without_user(name)}` contains a user name or password, which would be "
            "sent to the model. Use an address without one, or download the file and "
            "attach that."
        )
        raise AttachmentError(message)
    return host


def url_notices(host: str) -> tuple[str, ...]:
    """Return what to know of a host: whether a server elsewhere can reach it."""
    try:
        is_near = ipaddress.ip_address(host).is_private
    except ValueError:
        is_near = host == "localhost" or host.endswith((".localhost", ".local"))
    if not is_near:
        return ()
    return (f"{host} is not on the public web: only a server near it can fetch this.",)


def _without_user(url: str) -> str:
    """Return an address without the part before its ``@``, for messages."""
    return re.sub(r"(?<=//)[^/?#]*@", "", url)
