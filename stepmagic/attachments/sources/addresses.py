"""Addresses on the web, passed on and never fetched: the server fetches them."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from stepmagic.errors import AttachmentError

_SCHEME = re.compile(r"https?://", re.IGNORECASE)
# RFC 3986, section 2: neither spaces nor control characters stand in a URL.
_UNSAFE = re.compile(r"[\x00-\x20\x7f]")


def is_url(word: str) -> bool:
    """Whether a word is an address that a server may fetch: http or https."""
    return _SCHEME.match(word) is not None


def check_url(url: str, name: str) -> str:
    """Return the host of an address that may be passed on.

    Raises:
        AttachmentError: It is no http address, has no host, or holds a password.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port
    except ValueError as exc:
        message = f"`{_without_user(name)}` is no address: {exc}."
        raise AttachmentError(message) from exc
    if not is_url(url) or not host or _UNSAFE.search(url):
        message = f"`{_without_user(name)}` is no address that starts with https://."
        raise AttachmentError(message)
    if "@" in parts.netloc:
        message = (
            f"`{_without_user(name)}` holds a user name or password, which would be "
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
    """Return an address without what stands before its ``@``, for messages."""
    return re.sub(r"(?<=//)[^/?#]*@", "", url)
