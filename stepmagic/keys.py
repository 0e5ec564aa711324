"""API keys: where one is found, where it may be sent, and how it stays hidden.

Order: ``%step key`` in this kernel > ``OPENROUTER_API_KEY`` > the system keyring >
Colab's secrets. A ``Key`` never shows its value: not in a repr, not in a format string,
not in a traceback's locals.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import ipaddress
import os
import sys
from typing import Any
from urllib.parse import urlsplit

from stepmagic.settings import kernel

VARIABLE = "OPENROUTER_API_KEY"
_SERVICE, _ACCOUNT = "stepmagic", "openrouter"
REDACTED = "[key]"
_SHORTEST = 8
"""Keys below this length are placeholders of local servers, not secrets."""


class Key:
    """An API key that shows only where it was found.

    Args:
        value: The key.
        source: Where it was found, for messages.
    """

    __slots__ = ("_value", "source")

    def __init__(self, value: str, source: str) -> None:
        self._value = value.strip()
        self.source = source

    def reveal(self) -> str:
        """Return the key itself, for the request's header."""
        return self._value

    @property
    def is_sendable(self) -> bool:
        """Whether a header can contain it; HTTP clients quote one that they refuse."""
        return self._value.isascii() and self._value.isprintable()

    def redact(self, text: str) -> str:
        """Return the text with every occurrence of the key replaced."""
        if len(self._value) < _SHORTEST:
            return text
        return text.replace(self._value, REDACTED)

    def is_in(self, data: str | bytes) -> bool:
        """Whether a text or a file contains the key."""
        if isinstance(data, str):
            return self.redact(data) != data
        return len(self._value) >= _SHORTEST and self._value.encode() in data

    def __repr__(self) -> str:
        """Show only the source."""
        return f"Key(from {self.source})"

    def __bool__(self) -> bool:
        """Whether it is not empty."""
        return bool(self._value)

    def __reduce__(self) -> Any:
        """Refuse to be pickled: a key must not travel in a task graph or a file."""
        message = "a key is not pickled; each process finds its own"
        raise TypeError(message)


class Keys:
    """The key that was entered in this kernel, and where else one is looked for."""

    def __init__(self) -> None:
        self._entered: Key | None = None

    def enter(self, value: str, *, remember: bool = False) -> str:
        """Use a key in this kernel; with ``remember``, store it in the system keyring.

        Returns:
            Where it is stored, for a message.
        """
        place = "the system keyring" if remember and _remember(value) else "this kernel"
        self._entered = Key(value, f"%step key, kept in {place}")
        return place

    def forget(self) -> None:
        """Forget the key that was entered in this kernel."""
        self._entered = None

    def find(self) -> Key | None:
        """Return the first key that is found, or None."""
        return self._entered or _find_elsewhere()


def find_key() -> Key | None:
    """Return the first key that this kernel finds, or None."""
    return kernel.get(Keys).find()


def _find_elsewhere() -> Key | None:
    if value := os.environ.get(VARIABLE, "").strip():
        return Key(value, f"environment variable {VARIABLE}")
    if value := _from_keyring():
        return Key(value, "the system keyring")
    if value := _from_colab():
        return Key(value, "Colab secrets")
    return None


@functools.lru_cache(maxsize=8)
def is_loopback(url: str) -> bool:
    """Whether a URL points at this machine."""
    try:
        host = urlsplit(url).hostname or ""
        # Not `*.localhost`: a resolver may ask the network for such names.
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:  # no address, or no URL at all
        return False


def may_carry_key(url: str) -> bool:
    """Whether a key may be sent to a URL: by https, or by plain http on loopback."""
    return url.lower().startswith("https://") or is_loopback(url)


def can_remember() -> bool:
    """Whether there is a system keyring to store a key in."""
    return _keyring() is not None


def _remember(value: str) -> bool:
    """Store a key in the system keyring; returns whether that succeeded."""
    keyring = _keyring()
    if keyring is None:
        return False
    # A locked or broken keyring raises errors of its backend's own, and a traceback
    # with local variables would show the key.
    with contextlib.suppress(Exception):
        keyring.set_password(_SERVICE, _ACCOUNT, value.strip())
        return True
    return False


def _keyring() -> Any:
    """Return the keyring module where it has a real backend, else None."""
    try:
        keyring: Any = importlib.import_module("keyring")
        return keyring if keyring.get_keyring().priority > 0 else None
    except Exception:  # noqa: BLE001 - a broken backend raises anything; go on without
        return None


def _from_keyring() -> str:
    keyring = _keyring()
    if keyring is None:
        return ""
    # A locked or broken keyring raises errors of its backend's own.
    with contextlib.suppress(Exception):
        return (keyring.get_password(_SERVICE, _ACCOUNT) or "").strip()
    return ""


def _from_colab() -> str:
    if "google.colab" not in sys.modules:
        return ""
    # Colab raises SecretNotFoundError and NotebookAccessError, both its own.
    with contextlib.suppress(Exception):
        userdata = importlib.import_module("google.colab.userdata")
        return (userdata.get(VARIABLE) or "").strip()
    return ""
