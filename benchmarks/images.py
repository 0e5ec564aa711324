"""A 24-megapixel photograph beside bare Pillow doing the same resize and encode."""

from __future__ import annotations

import io
import statistics
import time
from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image

from stepmagic.attachments.images import to_images
from stepmagic.attachments.images.pictures import CACHE
from table import Row

_WIDTH, _HEIGHT = 6000, 4000
_SENT = (2048, 1365)
_QUALITY = 88
_RUNS = 5
_LIMIT = 1.3


def measure() -> Iterator[Row]:
    """Yield the time from pixels and from a JPEG file, first and once more."""
    image = _photo()
    file = _jpeg(image)
    yield from _compare("24-megapixel photo in memory", image, lambda: _bare(image))
    yield from _compare("24-megapixel JPEG file", file, lambda: _bare_file(file))


def _compare(what: str, value: object, bare: Callable[[], bytes]) -> Iterator[Row]:
    pairs, again = [], []
    for _ in range(_RUNS):
        bare_s = _seconds(bare)
        CACHE.clear()
        pairs.append((_seconds(lambda: to_images(value, "photo")), bare_s))
        again.append(_seconds(lambda: to_images(value, "photo")))
    ours_s = statistics.median(ours for ours, _ in pairs)
    bare_s = statistics.median(bare for _, bare in pairs)
    again_s = statistics.median(again)
    ratio = statistics.median(ours / bare for ours, bare in pairs)
    beside = f"{1000 * bare_s:.0f} ms bare Pillow"
    yield Row(
        what=what,
        measured=f"{1000 * ours_s:.0f} ms",
        beside=beside,
        ratio=f"{ratio:.2f}",
        limit=f"{_LIMIT}",
        good=ratio <= _LIMIT,
    )
    yield Row(
        what=f"{what}, again",
        measured=f"{1000 * again_s:.0f} ms",
        beside=beside,
        ratio=f"{again_s / bare_s:.2f}",
    )


def _photo() -> Image.Image:
    """Return soft colours with a sensor's noise."""
    noise = np.random.default_rng(7).normal(0, 5, (_HEIGHT, _WIDTH, 1))
    across = np.linspace(20, 220, _WIDTH)[None, :, None]
    down = np.linspace(0.4, 1, _HEIGHT)[:, None, None]
    pixels = across * down * np.array([1.0, 0.8, 0.6]) + noise
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def _bare(image: Image.Image) -> bytes:
    return _jpeg(image.resize(_SENT, Image.Resampling.LANCZOS))


def _bare_file(file: bytes) -> bytes:
    with Image.open(io.BytesIO(file)) as image:
        image.thumbnail(_SENT, Image.Resampling.LANCZOS)
        return _jpeg(image)


def _jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()


def _seconds(run: Callable[[], object]) -> float:
    begun = time.perf_counter()
    run()
    return time.perf_counter() - begun
