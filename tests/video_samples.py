"""A short video, and what the parts of an attached one are."""

from __future__ import annotations

from typing import Any

from footage import (
    make_video,
)
from stepmagic.transcript import Image

MP4 = make_video()


def images_of(parts: Any) -> list[Image]:
    found = [part for part in parts if isinstance(part, Image)]
    assert len(found) == len(parts)
    return found


def times_of(parts: Any) -> list[str]:
    return [part.name.rpartition(" ")[2] for part in parts]
