"""Pictures of any mode as opaque eight-bit sRGB, without touching the original."""

from __future__ import annotations

import functools
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
"""Beyond these greys, contrast with white or dark grey is below 2:1."""

_WHITE, _GREY, _DARK_GREY = (255, 128, 40)
_GROUNDS = {_WHITE: "white", _GREY: "mid grey", _DARK_GREY: "dark grey"}
_FEW = 0.05
_REACH = 2
"""Distance to a transparent pixel within which legibility depends on the background."""

_LINE_SHARE = 51
"""A line that fills this share (of 255) of a row or column is part of a grid."""

_NEARLY_BLACK = 15
_PROBE = 32
"""Side of the sample that shows that most pictures are not nearly black."""

_SAME = 2
"""Levels of 255 by which two curves may differ and still count as equal."""

_PROFILE_NOTICE = "its colour profile could not be used and was left out"


def to_scalable(image: Image) -> Image:
    """Return a picture in a mode whose pixels may be averaged.

    That is L, LA, RGB, RGBA or CMYK. Palette indices, single bits and hues must not be
    averaged; this module does not handle modes with more than eight bits.
    """
    if has_transparency(image):
        if image.mode in ("LA", "RGBA"):
            return image
        return image.convert("LA" if image.mode == "La" else "RGBA")
    if image.mode in _SCALABLE:
        return image
    return image.convert("L" if image.mode == "1" else "RGB")


def is_scalable(image: Image) -> bool:
    """Whether the pixels of a picture may be averaged as they are, without a copy."""
    return image.mode in ("L", "RGB", "CMYK") and not has_transparency(image)


def has_transparency(image: Image) -> bool:
    """Whether a picture may have transparent pixels."""
    palette = getattr(image, "palette", None)
    return (
        image.mode in ("LA", "La", "PA", "RGBA", "RGBa")
        or "transparency" in image.info
        or (image.mode == "P" and getattr(palette, "mode", "") == "RGBA")
    )


def to_srgb(image: Image, profile: bytes | None) -> tuple[Image, str]:
    """Return a picture in sRGB and, where its profile could not be used, a notice."""
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

    alpha = image.getchannel("A") if image.mode in ("LA", "RGBA") else None
    opaque = image.convert(image.mode.rstrip("A")) if alpha else image
    # The name is not reliable: linear profiles are called sRGB too.
    if _is_srgb(profile, opaque.mode):
        return image
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    target = ImageCms.createProfile("sRGB")
    # Typed as None too, for a conversion in place.
    converted = cast(
        "Image", ImageCms.profileToProfile(opaque, source, target, outputMode="RGB")
    )
    if alpha:
        converted.putalpha(alpha)
    return converted


@functools.lru_cache(maxsize=32)
def _is_srgb(profile: bytes, mode: str) -> bool:
    """Whether a profile leaves colours as they are, by a sample of them."""
    from PIL import Image as pillow  # noqa: N813, PLC0415 - as above
    from PIL import ImageChops, ImageCms  # noqa: PLC0415 - as above

    if mode not in ("L", "RGB"):
        return False
    probe = pillow.linear_gradient("L")
    if mode == "RGB":
        across, flat = probe.rotate(90), pillow.radial_gradient("L")
        probe = pillow.merge("RGB", (probe, across, flat))
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    target = ImageCms.createProfile("sRGB")
    made = ImageCms.profileToProfile(probe, source, target, outputMode="RGB")
    if made is None:
        return False
    ends = ImageChops.difference(made, probe.convert("RGB")).getextrema()
    return all(most <= _SAME for _, most in cast("tuple[tuple[int, int], ...]", ends))


def response(profile: bytes) -> tuple[int, ...] | None:
    """Return the sRGB grey of each of 256 even steps under a profile for greys.

    None if the profile is not one for greys, or changes nothing.
    """
    from PIL import Image as pillow  # noqa: N813, PLC0415 - as above
    from PIL import ImageCms  # noqa: PLC0415 - as above

    steps = pillow.frombytes("L", (256, 1), bytes(range(256)))
    try:
        if _is_srgb(profile, "L"):
            return None
        made = _through_profile(steps, profile)
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
        return None
    return tuple(made.convert("L").tobytes())


def brighten(image: Image) -> tuple[Image, str]:
    """Return a picture that is nearly black stretched to white, and a notice.

    Masks and labels in several colours look like this: 0 and 1 of 255 are both black.
    """
    if image.mode != "RGB" or _greatest(_sample(image)) > _NEARLY_BLACK:
        return image, ""
    most = _greatest(image)
    if not 0 < most <= _NEARLY_BLACK or len(image.getcolors(256) or "--") == 1:
        return image, ""
    table = [min(255, round(255 * value / most)) for value in range(256)] * 3
    return image.point(table), f"contrast stretched: 0 is black, {most} of 255 white"


def _sample(image: Image) -> Image:
    return image.resize((_PROBE, _PROBE), 0)


def _greatest(image: Image) -> int:
    ends = cast("tuple[tuple[int, int], ...]", image.getextrema())
    return max(most for _, most in ends)


def on_ground(image: Image) -> tuple[Image, str]:
    """Return a picture on an opaque background and, where it shows, a notice.

    The background is white, unless what borders on transparent parts is invisible on
    white.
    """
    from PIL import Image as pillow  # noqa: N813, PLC0415 - loads with the first image

    if image.mode not in ("LA", "RGBA"):
        return image, ""
    opaque = image.convert(image.mode.removesuffix("A"))
    alpha = image.getchannel("A")
    least, _ = alpha.getextrema()
    if least == 255:  # noqa: PLR2004 - the maximum of a byte
        return opaque, ""
    ground = _choose_ground(opaque.convert("L"), alpha)
    colour = ground if opaque.mode == "L" else (ground,) * 3
    made = pillow.new(opaque.mode, image.size, colour)
    made.paste(opaque, mask=alpha)
    return made, f"transparent parts lie on {_GROUNDS[ground]}"


def _choose_ground(shades: Image, alpha: Image) -> int:
    """Return the grey on which pixels next to transparent ones are legible."""
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
    if sum(counts[:_DARK]) <= few:
        return _DARK_GREY
    # Text and marks are decisive; a chart remains legible without its grid lines.
    inked = ImageChops.darker(borders, visible)
    light, dark = (
        _without_lines(ImageChops.darker(inked, shades.point(table)))
        for table in (
            [255 * (value >= _LIGHT) for value in range(256)],
            [255 * (value < _DARK) for value in range(256)],
        )
    )
    few = _FEW * (light + dark)
    if light <= few < dark:
        return _WHITE
    return _DARK_GREY if dark <= few < light else _GREY


def _without_lines(marks: Image) -> int:
    """Return how many pixels of a mask are outside long straight lines."""
    from PIL import ImageChops  # noqa: PLC0415 - as above
    from PIL.Image import Resampling  # noqa: PLC0415 - as above

    width, height = marks.size
    table = [255 * (share < _LINE_SHARE) for share in range(256)]
    for size in ((1, height), (width, 1)):
        shares = marks.resize(size, Resampling.BOX).point(table)
        marks = ImageChops.darker(marks, shares.resize(marks.size, Resampling.NEAREST))
    return marks.histogram()[255]
