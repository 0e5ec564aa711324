"""How large an image may be, what converting one returns, and formatted sizes."""

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
    """Limits on the images that are sent, and on those that are read."""

    longest_side: int = 2048
    """Pixels; a larger image is scaled down."""
    max_bytes: int = 5_000_000
    """Bytes of one encoded image; in the request, base64 adds a third."""
    max_pixels: int = 178_956_970
    """Pixels of an image that is read; the default is Pillow's limit for bombs.

    Pillow always refuses more than twice ``PIL.Image.MAX_IMAGE_PIXELS``.
    """
    frames: int = 4
    """How many frames of an animation are sent."""
    pages: tuple[int, ...] = ()
    """Which pages or frames of a file are sent, from 1; empty sends ``frames``."""
    detail: Literal["low", "high", "auto"] | None = None
    """Passed on with every image."""

    def __post_init__(self) -> None:
        """Refuse limits that are not positive.

        Raises:
            SettingError: A limit is below 1.
        """
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, int) and value < 1:
                message = f"{field.name} must be at least 1, not {value!r}."
                raise SettingError(message)


_PAGES = re.compile(r"([1-9][0-9]{0,4})(?:-([1-9][0-9]{0,4}))?")
_MOST_PAGES = 1000


def parse_pages(value: object) -> tuple[int, ...]:
    """Return the page numbers in ``3``, ``"2,4-7"`` or a list of numbers.

    Raises:
        SettingError: It does not have one of these forms.
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
    """A value as images, and messages about them."""

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
    """Return a size as text, with a multiplication sign between its numbers."""
    width, height = size
    return f"{width:,} \N{MULTIPLICATION SIGN} {height:,} pixels"
