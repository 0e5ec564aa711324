"""Pictures of any mode as opaque eight-bit sRGB, without touching the original."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from PIL.Image import Image

WIDE_MODES = ("I", "I;16", "I;16L", "I;16B", "I;16N", "F")
"""Modes with more than eight bits a colour."""

_SCALABLE = ("L", "LA", "RGB", "RGBA", "CMYK")
_VISIBLE = 16
_OPAQUE = 240
_LIGHT, _DARK = 184, 86
"""Contrast with white, or with the dark ground, is below 2:1 beyond these greys."""

_WHITE, _GREY, _DARK_GREY = (255, 128, 40)
_GROUNDS = {_WHITE: "white", _GREY: "mid grey", _DARK_GREY: "dark grey"}
_FEW = 0.05
_REACH = 2
"""Pixels from a transparent one whose legibility still depends on the ground."""

_PROFILE_NOTICE = "its colour profile could not be used and was left out"


def to_scalable(image: Image) -> Image:
    """Return a picture in a mode whose pixels may be averaged.

    That is L, LA, RGB, RGBA or CMYK. Palettes, bits and hues may not be; modes of more
    than eight bits are no business of this module.
    """
    if has_transparency(image):
        if image.mode in ("LA", "RGBA"):
            return image
        return image.convert("LA" if image.mode == "La" else "RGBA")
    if image.mode in _SCALABLE:
        return image
    return image.convert("L" if image.mode == "1" else "RGB")


def has_transparency(image: Image) -> bool:
    """Whether pixels of a picture may let something through."""
    palette = getattr(image, "palette", None)
    return (
        image.mode in ("LA", "La", "PA", "RGBA", "RGBa")
        or "transparency" in image.info
        or (image.mode == "P" and getattr(palette, "mode", "") == "RGBA")
    )


def to_srgb(image: Image, profile: bytes | None) -> tuple[Image, str]:
    """Return a picture in sRGB and, where its profile was of no use, a notice."""
    from PIL import ImageCms  # noqa: PLC0415 - loads with the first image

    notice = ""
    if profile:
        try:
            image = _through_profile(image, profile)
        except (ImageCms.PyCMSError, ImportError, OSError, TypeError, ValueError):
            notice = _PROFILE_NOTICE
    return (image.convert("RGB") if image.mode == "CMYK" else image), notice


def _through_profile(image: Image, profile: bytes) -> Image:
    from PIL import ImageCms  # noqa: PLC0415 - as above

    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    if "sRGB" in ImageCms.getProfileDescription(source):
        return image
    alpha = image.getchannel("A") if image.mode in ("LA", "RGBA") else None
    opaque = image.convert(image.mode.rstrip("A")) if alpha else image
    target = ImageCms.createProfile("sRGB")
    # Typed as None too, for a conversion in place.
    converted = cast(
        "Image", ImageCms.profileToProfile(opaque, source, target, outputMode="RGB")
    )
    if alpha:
        converted.putalpha(alpha)
    return converted


def on_ground(image: Image) -> tuple[Image, str]:
    """Return a picture on an opaque ground and, where it shows through, a notice.

    The ground is white, unless what borders on transparent parts would be lost there.
    """
    from PIL import Image as pillow  # noqa: N813, PLC0415 - loads with the first image

    if image.mode not in ("LA", "RGBA"):
        return image, ""
    opaque = image.convert(image.mode.removesuffix("A"))
    alpha = image.getchannel("A")
    least, _ = alpha.getextrema()
    if least == 255:  # noqa: PLR2004 - a byte's greatest
        return opaque, ""
    ground = _choose_ground(opaque.convert("L"), alpha)
    colour = ground if opaque.mode == "L" else (ground,) * 3
    made = pillow.new(opaque.mode, image.size, colour)
    made.paste(opaque, mask=alpha)
    return made, f"transparent parts lie on {_GROUNDS[ground]}"


def _choose_ground(shades: Image, alpha: Image) -> int:
    """Return the grey on which pixels that need a ground are legible."""
    from PIL import ImageChops  # noqa: PLC0415 - as above

    nearby = alpha
    for step in (-_REACH, _REACH):
        nearby = ImageChops.darker(nearby, ImageChops.offset(alpha, step, 0))
        nearby = ImageChops.darker(nearby, ImageChops.offset(alpha, 0, step))
    borders = nearby.point([255 * (value < _OPAQUE) for value in range(256)])
    visible = alpha.point([255 * (value >= _VISIBLE) for value in range(256)])
    counts = shades.histogram(mask=ImageChops.darker(borders, visible))
    few = _FEW * sum(counts)
    if sum(counts[_LIGHT:]) <= few:
        return _WHITE
    return _DARK_GREY if sum(counts[:_DARK]) <= few else _GREY
