"""Figures as the pictures that are sent."""

from __future__ import annotations

from typing import Any

from PIL import Image

from image_samples import decoded
from stepmagic.attachments.images import ImageLimits, to_images


def draw(value: Any, longest_side: int = 2048) -> Image.Image:
    (part,) = to_images(value, "fig", ImageLimits(longest_side=longest_side)).parts
    return decoded(part)
