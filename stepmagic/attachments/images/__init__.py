"""Pictures, arrays, figures and image files as small images without metadata.

Owns how an object of the notebook is drawn, scaled and encoded. Every image that is
sent was decoded and encoded once, from its pixels, so it contains nothing but pixels.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stepmagic.attachments.images.convert import (
        from_bytes,
        thumbnail,
        to_images,
        to_stack,
    )
    from stepmagic.attachments.images.limits import Converted, ImageLimits
    from stepmagic.attachments.images.types import is_image

__all__ = [
    "Converted",
    "ImageLimits",
    "from_bytes",
    "is_image",
    "thumbnail",
    "to_images",
    "to_stack",
]

_HOMES = {
    "from_bytes": "convert",
    "thumbnail": "convert",
    "to_images": "convert",
    "to_stack": "convert",
    "Converted": "limits",
    "ImageLimits": "limits",
    "is_image": "types",
}
"""The module of each name, imported when the name is first used."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    found = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = found
    return found
