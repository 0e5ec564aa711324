"""Addresses that are passed on or refused."""

from __future__ import annotations

from typing import Any

import pytest

from openrouter_server import STEPFUN
from openrouter_server.strictness import body_faults
from stepmagic.attachments import files
from stepmagic.errors import AttachmentError
from stepmagic.transcript import File, Image, Protocol, Video, user
from stepmagic.wire import PROTOCOLS, Request, codec


@pytest.mark.parametrize(
    ("url", "kind", "media_type"),
    [
        ("https://example.org/a.PNG", Image, "image/png"),
        ("https://example.org/a%20b.jpg?size=2#x", Image, "image/jpeg"),
        ("https://example.org/v/clip.mp4", Video, "video/mp4"),
        ("https://example.org/clip.mov", Video, "video/mov"),
        ("https://example.org/paper.pdf", File, "application/pdf"),
    ],
)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_address_is_passed_on(
    protocol: Protocol, url: str, kind: Any, media_type: str
) -> None:
    attached = files.attach_url(url)
    part: Any
    (part,) = attached.parts
    assert type(part) is kind
    assert (part.url, part.media_type) == (url, media_type)
    assert (attached.name, attached.size) == (url, "example.org")
    if (protocol, kind) != ("messages", Video):
        request = Request(model=STEPFUN, messages=(user(part),))
        assert body_faults(protocol, codec(protocol).encode(request)) == []


def test_address_that_tells_nothing_says_how_to_tell() -> None:
    with pytest.raises(AttachmentError, match="does not show whether") as error:
        files.attach_url("https://example.org/watch?v=a.mp4")
    assert "`Image(url='https://example.org/watch?v=a.mp4')`" in str(error.value)
    assert "from stepmagic.transcript import" in str(error.value)


def test_address_with_a_password_is_refused() -> None:
    with pytest.raises(AttachmentError, match="user name or password"):
        files.attach_url("https://me:secret@example.org/a.png")
    assert files.is_url("https://example.org")


def test_address_near_by_has_a_notice() -> None:
    (notice,) = files.attach_url("http://localhost:8888/files/a.png").notices
    assert "localhost is not on the public web" in notice
