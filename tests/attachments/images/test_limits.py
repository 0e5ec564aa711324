"""How large pictures may be, and which pages are sent."""

from __future__ import annotations

from typing import Any

import pytest

from image_samples import (
    animation,
)
from stepmagic.attachments.images import ImageLimits, from_bytes
from stepmagic.attachments.images.limits import parse_pages
from stepmagic.errors import AttachmentError, SettingError


def test_chosen_frames_and_pages_are_sent() -> None:
    for form, word in (("GIF", "frame"), ("TIFF", "page")):
        data = animation(form, 8)
        assert len(from_bytes(data, "x", ImageLimits(frames=8)).parts) == 8
        converted = from_bytes(data, "x", ImageLimits(pages=parse_pages("2,4-5")))
        assert [part.name for part in converted.parts] == [
            f"x ({word} {number} of 8)" for number in (2, 4, 5)
        ]
        assert f"{word}s 2, 4, 5 of 8" in converted.notices[0]
        with pytest.raises(AttachmentError, match=f"{word} 9 does not exist"):
            from_bytes(data, "x", ImageLimits(pages=(9,)))


@pytest.mark.parametrize("value", ["", "0", "a", "3-2", "1-", -1, 1.5, [0]])
def test_pages_are_numbers(value: object) -> None:
    with pytest.raises(SettingError, match="pages takes numbers from 1"):
        parse_pages(value)


@pytest.mark.parametrize("name", ["longest_side", "max_bytes", "max_pixels", "frames"])
def test_limit_is_a_positive_number(name: str) -> None:
    options: dict[str, Any] = {name: 0}
    with pytest.raises(SettingError, match=f"{name} must be at least 1, not 0"):
        ImageLimits(**options)
