"""Pictures, arrays, figures and image files as small images without metadata.

Owns how an object of the notebook is drawn, scaled and encoded. Every image that is
sent was decoded and encoded once, from its pixels, so it contains nothing but pixels.
"""

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
