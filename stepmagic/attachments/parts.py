"""One value as one part."""

from __future__ import annotations

import datetime as dt
import decimal
import fractions
import uuid
from typing import Any, TypeAlias

from stepmagic.errors import AttachmentError
from stepmagic.transcript import File, Image, Text, Video

UserPart: TypeAlias = Text | Image | Video | File

_PLAIN = (
    str,
    int,
    float,
    complex,
    bool,
    type(None),
    decimal.Decimal,
    fractions.Fraction,
    dt.date,
    dt.time,
    dt.timedelta,
    uuid.UUID,
)
_CONTAINERS = (list, tuple, set, frozenset, dict)
_MOST_LETTERS = 100_000
_DEEPEST = 50


def to_part(value: Any, name: str) -> UserPart:
    """Return a value as a part: plain values by ``str``, parts as they are.

    Args:
        value: Text, a number, a date, a list or dict of them, a ``Reply``, or a part.
        name: What the user called it, for messages.

    Raises:
        AttachmentError: The value has no form that could be sent.
    """
    if isinstance(value, Text | Image | Video | File):
        return value
    if is_reply(value):
        return Text(text=value.text)
    if not _is_plain(value):
        message = (
            f"{{{{ {name} }}}} is a {type(value).__name__}, which cannot be sent as it "
            f"is. Put what the model should see into a text: `text = str({name})`, "
            "then {{ text }}."
        )
        raise AttachmentError(message)
    text = str(value)
    if len(text) > _MOST_LETTERS and not isinstance(value, str):
        message = (
            f"{{{{ {name} }}}} is {len(text):,} letters long; up to {_MOST_LETTERS:,} "
            "are sent. Choose a part of it."
        )
        raise AttachmentError(message)
    return Text(text=text)


def is_reply(value: Any) -> bool:
    """Whether a value is a ``Reply``; by name, since it lives in a layer above."""
    kind = type(value)
    return (kind.__module__, kind.__qualname__) == ("stepmagic.reply", "Reply")


def _is_plain(value: Any, depth: int = 0) -> bool:
    """Whether ``str`` of a value says what it is; numbers of numpy are plain too."""
    if depth > _DEEPEST:
        return False
    kind = type(value)
    if isinstance(value, dict) and kind is dict:
        items = [*value.keys(), *value.values()]
        return all(_is_plain(item, depth + 1) for item in items)
    if kind in _CONTAINERS:
        return all(_is_plain(item, depth + 1) for item in value)
    is_scalar = kind.__module__ == "numpy" and getattr(value, "ndim", None) == 0
    return isinstance(value, _PLAIN) or is_scalar
