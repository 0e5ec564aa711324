"""How large an image may be, what converting one returns, and sizes in words."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import Literal, TypeAlias

from stepmagic.errors import SettingError
from stepmagic.transcript import Image

Size: TypeAlias = tuple[int, int]
"""Width and height, in pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageLimits:
    """What an image may measure when it is sent, and when it is read."""

    longest_side: int = 2048
    """Pixels; a larger image is scaled down."""
    max_bytes: int = 5_000_000
    """Of one encoded image; base64 adds a third to that in the request."""
    max_pixels: int = 178_956_970
    """Of an encoded image that is read: Pillow's own limit for decompression bombs.

    Pillow refuses more than twice ``PIL.Image.MAX_IMAGE_PIXELS`` whatever this says.
    """
    frames: int = 4
    """How many frames of an animation are sent."""
    pages: tuple[int, ...] = ()
    """Which pages or frames of a file are sent, from 1; empty sends ``frames``."""
    detail: Literal["low", "high", "auto"] | None = None
    """Passed on with every image."""

    def __post_init__(self) -> None:
        """Refuse what is not a positive number.

        Raises:
            SettingError: A limit is below 1.
        """
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, int) and value < 1:
                message = f"{field.name} is at least 1, not {value!r}."
                raise SettingError(message)


_PAGES = re.compile(r"([1-9][0-9]{0,4})(?:-([1-9][0-9]{0,4}))?")
_MOST_PAGES = 1000


def parse_pages(value: object) -> tuple[int, ...]:
    """Return the numbers of pages: of ``3``, ``"2,4-7"`` or a list of numbers.

    Raises:
        SettingError: It is none of those.
    """
    words = value if isinstance(value, list | tuple) else str(value).split(",")
    found: list[int] = []
    for word in words:
        match = _PAGES.fullmatch(str(word).strip())
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if not first <= last < first + _MOST_PAGES:
            message = f"pages takes numbers from 1, such as 2,4-7, not {value!r}"
            raise SettingError(message)
        found += range(first, last + 1)
    return tuple(dict.fromkeys(found))


DEFAULT_LIMITS = ImageLimits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """A value as images, and what to say of them."""

    parts: tuple[Image, ...]
    size: str
    notices: tuple[str, ...] = ()
    """What was changed, a phrase each: ``scaled down from 6,000 x 4,000 pixels``."""
    advice: tuple[str, ...] = ()
    """What the user may do about it, a sentence each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A figure, chart or other value as encoded pictures, or the address of one."""

    pictures: tuple[bytes, ...] = ()
    labels: tuple[str, ...] = ("",)
    """Which part of the value each is."""
    url: str = ""
    notices: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()


def format_pixels(size: Size) -> str:
    """Return a size in words, with a multiplication sign between its numbers."""
    width, height = size
    return f"{width:,} \N{MULTIPLICATION SIGN} {height:,} pixels"
