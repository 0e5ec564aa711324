"""One decoded picture, scaled, turned upright, made opaque and encoded."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from stepmagic.attachments.images.colours import (
    brighten,
    is_scalable,
    on_ground,
    to_scalable,
    to_srgb,
)
from stepmagic.attachments.images.encoding import encode_pixels
from stepmagic.attachments.images.limits import ImageLimits, Size, format_pixels

if TYPE_CHECKING:
    from PIL.Image import Image

_FORM = b"2"
"""Changes when the same pixels would be encoded to other bytes."""

_MOST_BYTES = 256 * 1024 * 1024
_PIXELS_A_BAND = 1 << 22
_NEAREST = 0
"""Pillow's ``Resampling.NEAREST``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """One image as it is sent."""

    data: bytes
    media_type: str
    size: Size
    source: str = ""
    """See ``transcript.Media.source``."""
    label: str = ""
    """Which of several it is: ``frame 3 of 120``."""
    notices: tuple[str, ...] = ()


@dataclass(slots=True)
class Cache:
    """A cache of encoded images that evicts the least recently used first."""

    most_bytes: int = _MOST_BYTES
    _entries: OrderedDict[bytes, tuple[Encoded, ...]] = field(
        default_factory=OrderedDict
    )
    _bytes: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(
        self, key: bytes, encode: Callable[[], tuple[Encoded, ...]]
    ) -> tuple[Encoded, ...]:
        """Return the images cached under a key; encode and cache them if missing."""
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
                return self._entries[key]
        made = encode()
        with self._lock:
            self._bytes += _size(made) - _size(self._entries.get(key, ()))
            self._entries[key] = made
            while self._bytes > self.most_bytes:
                self._bytes -= _size(self._entries.popitem(last=False)[1])
        return made

    def clear(self) -> None:
        """Remove every image."""
        with self._lock:
            self._entries.clear()
            self._bytes = 0


CACHE = Cache()
"""The cache of this kernel."""


def content_key(contents: Iterable[bytes], settings: object) -> bytes:
    """Return the key of some content under settings that have a faithful ``repr``."""
    digest = hashlib.blake2b(_FORM + repr(settings).encode(), digest_size=20)
    for content in contents:
        digest.update(len(content).to_bytes(8, "little"))
        digest.update(content)
    return digest.digest()


def _size(encoded: tuple[Encoded, ...]) -> int:
    return sum(len(image.data) for image in encoded)


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A decoded picture; ``image`` may be the user's own and is only read."""

    image: Image
    size: Size
    """Before ``image`` was decoded at a smaller scale."""
    orientation: int = 1
    """The EXIF orientation: 1 is upright, 6 and 8 are turned to a side."""
    profile: bytes | None = None
    """ICC profile of its colours."""
    label: str = ""
    notices: tuple[str, ...] = ()
    is_labels: bool = False
    """Whether its pixels are labels, which are not averaged."""


def fit(size: Size, longest_side: int) -> Size:
    """Return a size scaled down to a longest side; each side has at least 1 pixel."""
    scale = min(1.0, longest_side / max(size))
    width, height = (max(1, round(side * scale)) for side in size)
    return width, height


def block_size(size: Size, longest_side: int) -> Size:
    """Return how many pixels may be averaged to one, across and down."""
    target = fit(size, longest_side)
    across, down = (side // wanted for side, wanted in zip(size, target, strict=True))
    return across, down


def encode(picture: Picture, name: str, limits: ImageLimits) -> Encoded:
    """Return a picture as a PNG or JPEG within limits.

    Raises:
        AttachmentError: It does not fit into ``limits.max_bytes``.
    """
    shrunk = shrink(picture, limits)
    return _finish(shrunk, _pixels(shrunk), name, limits)


def encode_once(picture: Picture, name: str, limits: ImageLimits) -> Encoded:
    """Return a picture as ``encode`` does, from the cache if possible.

    The key is computed after the picture was averaged down by an integer factor: the
    later steps depend on nothing else, and there are fewer pixels to hash.
    """
    shrunk = shrink(picture, limits)
    pixels = _pixels(shrunk)
    key = content_key(
        (pixels,), (replace(limits, detail=None), shrunk.label, shrunk.notices)
    )
    (encoded,) = CACHE.get(key, lambda: (_finish(shrunk, pixels, name, limits),))
    return encoded


def _pixels(shrunk: Picture) -> bytes:
    """Return a hash of everything that is visible in a picture."""
    image = shrunk.image
    seen = image.mode, image.size, shrunk.size, shrunk.orientation
    return content_key((image.tobytes(), shrunk.profile or b""), seen)


def shrink(picture: Picture, limits: ImageLimits) -> Picture:
    """Average blocks of pixels by integer factors, which is fast.

    Pictures of other modes are converted in bands, which takes little memory.
    """
    image = picture.image
    across, down = block_size(image.size, limits.longest_side)
    if max(across, down) == 1:
        return replace(picture, image=to_scalable(image))
    if picture.is_labels:
        small = image.resize(
            (-(-image.width // across), -(-image.height // down)), _NEAREST
        )
        return replace(picture, image=small)
    if is_scalable(image):
        return replace(picture, image=image.reduce((across, down)))
    pieces = []
    step = max(1, _PIXELS_A_BAND // (image.width * down)) * down
    for top in range(0, image.height, step):
        band = image.crop((0, top, image.width, min(image.height, top + step)))
        pieces.append(to_scalable(band).reduce((across, down)))
    return replace(picture, image=stacked(pieces))


def stacked(pieces: list[Image]) -> Image:
    """Return images of one width, one below the other, as one."""
    from PIL import Image as pillow  # noqa: N813, PLC0415 - loads with the first image

    height = sum(piece.height for piece in pieces)
    image = pillow.new(pieces[0].mode, (pieces[0].width, height))
    top = 0
    for piece in pieces:
        image.paste(piece, (0, top))
        top += piece.height
    return image


def _finish(picture: Picture, pixels: bytes, name: str, limits: ImageLimits) -> Encoded:
    """Scale, turn, convert and encode what ``shrink`` left."""
    from PIL.Image import Resampling  # noqa: PLC0415 - loads with the first image

    image = picture.image
    target = fit(picture.size, limits.longest_side)
    if image.size != target:
        how = Resampling.NEAREST if picture.is_labels else Resampling.LANCZOS
        image = image.resize(target, how)
    image, profile_notice = to_srgb(image, picture.profile)
    image = _turn_upright(image, picture.orientation)
    image, ground_notice = on_ground(image)
    image, dark_notice = brighten(image)
    data, media_type, size, notice = encode_pixels(image, name, limits)
    changes = (
        *_changes(picture, target),
        dark_notice,
        profile_notice,
        ground_notice,
        notice,
    )
    return Encoded(
        data=data,
        media_type=media_type,
        size=size,
        source=content_key((pixels,), (limits.longest_side, limits.max_bytes)).hex(),
        label=picture.label,
        notices=tuple(filter(None, changes)),
    )


def _changes(picture: Picture, target: Size) -> Iterator[str]:
    yield from picture.notices
    is_on_its_side = picture.orientation in _ON_THEIR_SIDE
    if target != picture.size:
        size = picture.size[::-1] if is_on_its_side else picture.size
        yield f"scaled down from {format_pixels(size)}"
    if picture.orientation in _TURNS:
        yield "turned upright, as its EXIF data says"


_TURNS = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}
"""Pillow's names by EXIF orientation (CIPA DC-008, tag 0x0112)."""

_ON_THEIR_SIDE = (5, 6, 7, 8)


def _turn_upright(image: Image, orientation: int) -> Image:
    from PIL.Image import Transpose  # noqa: PLC0415 - loads with the first image

    turn = _TURNS.get(orientation)
    return image.transpose(Transpose[turn]) if turn else image
