"""Encoded images by content, for the life of the kernel.

The key is a hash of the pixels or bytes and of all that decides the result, so a
changed object is another entry and nothing needs to be invalidated.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from stepmagic.attachments.images.limits import Size

_FORM = b"1"
"""Changes when the same pixels would be encoded to other bytes."""

_MOST_BYTES = 256 * 1024 * 1024


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
    """Encoded images, the least recently used forgotten first."""

    most_bytes: int = _MOST_BYTES
    _entries: OrderedDict[bytes, tuple[Encoded, ...]] = field(
        default_factory=OrderedDict
    )
    _bytes: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(
        self, key: bytes, encode: Callable[[], tuple[Encoded, ...]]
    ) -> tuple[Encoded, ...]:
        """Return what is kept under a key; encode and keep it where nothing is."""
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
        """Forget every image."""
        with self._lock:
            self._entries.clear()
            self._bytes = 0


CACHE = Cache()
"""The kernel's."""


def content_key(contents: Iterable[bytes], settings: object) -> bytes:
    """Return the key of some content under settings that have a faithful ``repr``."""
    digest = hashlib.blake2b(_FORM + repr(settings).encode(), digest_size=20)
    for content in contents:
        digest.update(len(content).to_bytes(8, "little"))
        digest.update(content)
    return digest.digest()


def _size(encoded: tuple[Encoded, ...]) -> int:
    return sum(len(image.data) for image in encoded)
