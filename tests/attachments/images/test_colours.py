"""Every mode of Pillow, colour profiles, and grounds for transparent pictures."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageDraw

from image_samples import decoded, difference, drawing, encoded, icc_profile, photo
from stepmagic.attachments.images import ImageLimits, to_images
from stepmagic.errors import AttachmentError

MODES = [
    *("1", "L", "P", "PA", "LA", "La", "RGB", "RGBA", "RGBa", "RGBX", "CMYK"),
    *("YCbCr", "LAB", "HSV", "I;16", "I;16L", "I;16B", "I;16N", "I", "F"),
]


def sent(image: Image.Image, longest_side: int = 2048) -> Image.Image:
    limits = ImageLimits(longest_side=longest_side)
    (part,) = to_images(image, "x", limits).parts
    return decoded(part)


def notices(image: Image.Image) -> tuple[str, ...]:
    return to_images(image, "x").notices


@pytest.mark.parametrize("longest_side", [2048, 100])
@pytest.mark.parametrize(
    "mode", ["1", "L", "P", "RGB", "RGBX", "CMYK", "YCbCr", "LAB", "HSV", "I", "F"]
)
def test_mode_looks_as_pillow_shows_it(mode: str, longest_side: int) -> None:
    if mode == "LAB":
        srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        found = ImageCms.profileToProfile(drawing(), srgb, lab, outputMode="LAB")
        assert found is not None
        image = found
    elif mode in ("I", "F"):
        image = drawing().convert("L").convert(mode)
    else:
        image = drawing().convert(mode)
    assert image.mode == mode
    before = image.tobytes()
    expected = image.convert("RGB")
    expected.thumbnail((longest_side, longest_side))
    assert difference(sent(image, longest_side), expected) < (2, 5)[longest_side == 100]
    assert (image.tobytes(), image.size) == (before, (320, 240))


@pytest.mark.parametrize("mode", ["LA", "La", "RGBA", "RGBa", "PA"])
def test_opaque_picture_with_alpha_is_as_without(mode: str) -> None:
    image = drawing().convert("LA" if mode in ("LA", "La") else "RGBA")
    expected = image.convert("RGB")
    if mode == "PA":
        image = drawing().convert("P")
    image = image.convert(mode)
    assert notices(image) == ()
    assert difference(sent(image), expected) < 5


PALETTE = Image.new("P", (40, 30), 3)
PALETTE.putpalette(range(24))


@pytest.mark.parametrize(
    "image",
    [
        encoded(PALETTE, "PNG", transparency=3),
        encoded(PALETTE, "PNG", transparency=bytes(8)),
        encoded(Image.new("L", (40, 30), 7), "PNG", transparency=7),
        encoded(Image.new("1", (40, 30), 0), "PNG", transparency=0),
        encoded(Image.new("RGB", (40, 30), "red"), "PNG", transparency=(255, 0, 0)),
        encoded(PALETTE, "GIF", transparency=3),
        encoded(Image.new("LA", (40, 30), (0, 0)), "PNG"),
    ],
)
def test_every_kind_of_transparency_is_seen(image: bytes) -> None:
    for value in (image, Image.open(io.BytesIO(image))):
        converted = to_images(value, "x")
        assert converted.notices == ("transparent parts lie on white",)
        assert decoded(converted.parts[0]).convert("L").getextrema() == (255, 255)


def test_palette_with_alpha_is_transparent() -> None:
    image = Image.new("P", (40, 30), 1)
    image.putpalette([0, 0, 0, 255, 255, 0, 0, 0], "RGBA")
    assert notices(image) == ("transparent parts lie on white",)


def strokes(*colours: str, alpha: int = 255) -> Image.Image:
    """Return thin strokes of some colours on nothing."""
    made = Image.new("RGBA", (300, 200))
    pen = ImageDraw.Draw(made)
    for index, colour in enumerate(colours):
        ink = (*Image.new("RGB", (1, 1), colour).tobytes(), alpha)
        for y in range(10 + 20 * index, 190, 20 * len(colours)):
            pen.line((10, y, 290, y), fill=ink, width=2)
    return made


@pytest.mark.parametrize(
    ("image", "ground", "shade"),
    [
        (strokes("black"), "white", 255),
        (strokes("navy", "red"), "white", 255),
        (strokes("white"), "dark grey", 40),
        (strokes("yellow", "white"), "dark grey", 40),
        (strokes("white", "black"), "mid grey", 128),
        (strokes("white", alpha=90), "dark grey", 40),
        (Image.new("RGBA", (40, 40)), "white", 255),
    ],
)
def test_ground_keeps_the_picture_legible(
    image: Image.Image, ground: str, shade: int
) -> None:
    assert notices(image) == (f"transparent parts lie on {ground}",)
    shown = sent(image).convert("L")
    assert shown.getpixel((0, 0)) == shade
    with_ink = image.getchannel("A").point([0] + [255] * 255)
    if with_ink.getbbox():
        inks = {
            value for value, count in enumerate(shown.histogram(mask=with_ink)) if count
        }
        assert min(abs(value - shade) for value in inks) > 50


def test_light_plot_with_dark_labels_outside_keeps_the_labels() -> None:
    image = strokes("black")
    ImageDraw.Draw(image).rectangle((40, 40, 260, 160), fill="white")
    assert notices(image) in {
        (f"transparent parts lie on {ground}",) for ground in ("white", "mid grey")
    }


def test_transparent_shades_lie_on_a_shade() -> None:
    image = strokes("white").convert("LA")
    assert sent(image).mode == "L"
    assert notices(image) == ("transparent parts lie on dark grey",)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_profile_is_applied(mode: str) -> None:
    image = drawing().convert(mode)
    image.info["icc_profile"] = icc_profile("grb")
    red, green, blue = sent(image).split()
    assert difference(Image.merge("RGB", (green, red, blue)), drawing()) < 9
    assert notices(image) == ()


@pytest.mark.parametrize("mode", ["L", "LA"])
def test_profile_of_shades_is_applied(mode: str) -> None:
    image = Image.new(mode, (40, 40), 128 if mode == "L" else (128, 255))
    image.info["icc_profile"] = icc_profile(gamma=1.0, space=b"GRAY")
    low, high = sent(image).convert("L").getextrema()
    # 128 of 255 in linear light is 188 in sRGB (IEC 61966-2-1).
    assert 186 <= low <= high <= 190  # type: ignore[operator]  # of one band


def test_transparency_survives_a_profile() -> None:
    image = strokes("black")
    image.info["icc_profile"] = icc_profile()
    assert notices(image) == ("transparent parts lie on white",)


def test_srgb_is_left_as_it_is() -> None:
    image = photo()
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    image.info["icc_profile"] = profile.tobytes()
    bare = image.copy()
    del bare.info["icc_profile"]
    assert difference(sent(image), sent(bare)) == 0


@pytest.mark.parametrize(
    ("mode", "profile"),
    [
        ("RGB", b"damaged"),
        ("CMYK", icc_profile()),
        ("RGB", icc_profile(space=b"GRAY")),
    ],
)
def test_profile_of_no_use_is_left_out(mode: str, profile: bytes) -> None:
    image = drawing().convert(mode)
    image.info["icc_profile"] = profile
    assert notices(image) == ("its colour profile could not be used and was left out",)
    assert difference(sent(image), image.convert("RGB")) < 2


@pytest.mark.parametrize("profile", ["text", b"", None])
def test_other_things_in_place_of_a_profile_are_ignored(profile: Any) -> None:
    image = drawing()
    image.info["icc_profile"] = profile
    assert notices(image) == ()


def test_numbers_beyond_black_and_white_are_stretched() -> None:
    wide = Image.fromarray(np.linspace(-4, 900, 1200, dtype="f4").reshape(30, 40))
    assert wide.mode == "F"
    assert notices(wide) == ("contrast stretched: -4 is black, 900 white",)
    low, high = sent(wide).convert("L").getextrema()
    assert (low, high) == (0, 255)


@settings(max_examples=300)
@given(st.sampled_from(MODES), st.integers(0, 9), st.integers(0, 9), st.data())
def test_any_image_of_any_mode_is_sent(
    mode: str, width: int, height: int, data: st.DataObject
) -> None:
    image = Image.new(mode, (width, height))
    length = len(image.tobytes()) if width and height else 0
    pixels = data.draw(st.binary(min_size=length, max_size=length))
    if length:
        image.frombytes(pixels)
    image.info["transparency"] = data.draw(
        st.one_of(st.none(), st.integers(-9, 300), st.binary(max_size=4), st.text())
    )
    if image.info["transparency"] is None:
        del image.info["transparency"]
    try:
        (part,) = to_images(image, "x").parts
    except AttachmentError:
        assert not length or "transparency" in image.info
        return
    assert decoded(part).size == (width, height)


def test_profile_is_known_by_its_curve_not_its_name() -> None:
    profile = bytearray(
        ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    )
    for index in range(struct.unpack(">I", profile[128:132])[0]):
        start = 132 + 12 * index
        name, offset, _ = struct.unpack(">4sII", profile[start : start + 12])
        if name in (b"rTRC", b"gTRC", b"bTRC"):
            profile[offset : offset + 12] = b"curv" + bytes(8)  # linear
    image = Image.new("RGB", (64, 64), (55, 55, 55))
    image.info["icc_profile"] = bytes(profile)
    assert sent(image).convert("RGB").getpixel((9, 9)) == pytest.approx(
        (128,) * 3, abs=1
    )


def test_profile_of_sixteen_bits_is_applied() -> None:
    array = np.tile(np.linspace(0, 65_535, 64).astype("u2"), (64, 1))
    image = Image.fromarray(array)
    image.info["icc_profile"] = icc_profile(gamma=1.0, space=b"GRAY")
    # Half of linear light is 188 in sRGB.
    assert sent(image).convert("L").getpixel((32, 32)) == pytest.approx(188, abs=3)


def test_grid_does_not_decide_on_the_ground() -> None:
    made = Image.new("RGBA", (300, 200))
    pen = ImageDraw.Draw(made)
    for place in range(20, 200, 20):
        pen.line((0, place, 300, place), fill=(221, 221, 221, 255))
        pen.line((place, 0, place, 200), fill=(221, 221, 221, 255))
    pen.text((30, 30), "a label in black", fill="black")
    pen.text((130, 90), "another label", fill="black")
    assert notices(made) == ("transparent parts lie on white",)
