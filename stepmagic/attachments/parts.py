"""One value as one part.

Only what is plain through and through becomes text: its ``str`` then runs no code but
Python's own, numpy's or pandas'.
"""

from __future__ import annotations

import collections
import datetime as dt
import decimal
import fractions
import sys
import uuid
from typing import Any

from stepmagic.attachments.attachment import UserPart
from stepmagic.attachments.reprs import library_of
from stepmagic.errors import AttachmentError
from stepmagic.transcript import File, Image, Text, Video

MAPPINGS = (
    dict,
    collections.OrderedDict,
    collections.defaultdict,
    collections.Counter,
)
"""Types whose items are read; a subclass may do anything when it is read."""

SEQUENCES = (list, tuple)

PARTS = (Text, Image, Video, File)

CONTAINERS = (*SEQUENCES, set, frozenset)

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
    dt.datetime,
    dt.time,
    dt.timedelta,
    uuid.UUID,
)
_SCALAR_LIBRARIES = ("numpy", "pandas")
_MOST_CHARACTERS = 100_000


def to_part(value: Any, name: str) -> UserPart:
    """Return a value as a part: plain values by ``str``, parts as they are.

    Args:
        value: Text, a number, a date, a list or dict of them, a ``Reply``, or a part.
        name: What the user called it, for messages.

    Raises:
        AttachmentError: The value has no form that could be sent.
    """
    kind = type(value)
    if kind in PARTS:
        part: UserPart = value
        return part
    if is_reply(value):
        return Text(text=value.text)
    if issubclass(kind, str) and _is_scalar(value):
        return Text(text=str.__str__(value))
    stranger = _stranger(value, name)
    if stranger is not None:
        what = "is" if stranger is value else "contains a value"
        message = (
            f"`{name}` {what} of type {type(stranger).__name__}, which cannot be sent "
            "as it is. Make a text of what the model should see, such as `str()` "
            "does, and send that."
        )
        raise AttachmentError(message)
    try:
        text = str(value)
    except (ValueError, RecursionError) as exc:
        message = f"`{name}` cannot be written as text: {exc}"
        raise AttachmentError(message) from exc
    if len(text) > _MOST_CHARACTERS:
        raise _too_long(name)
    return Text(text=text)


def is_reply(value: Any) -> bool:
    """Whether a value is a ``Reply``, which lives in a layer above."""
    module = sys.modules.get("stepmagic.conversation.reply")
    return module is not None and type(value) is module.Reply


def is_inline(value: Any) -> bool:
    """Whether a value is written in its place in a text: words, numbers, dates."""
    if type(value) in (*MAPPINGS, *CONTAINERS):
        return _stranger(value, "") is None
    return is_reply(value) or _is_scalar(value)


def is_plain(value: Any, name: str) -> bool:
    """Whether a value is text or numbers, or a list or dict of nothing else.

    Raises:
        AttachmentError: It is too long to be looked through.
    """
    return value is None or _stranger(value, name) is None


def _stranger(value: Any, name: str) -> Any:
    """Return the first value in a value, or itself, that is not plain; else None."""
    waiting, looked_at = [value], 0
    while waiting:
        item = waiting.pop()
        looked_at += 1
        if (
            looked_at > _MOST_CHARACTERS
        ):  # every item is written as a character at least
            raise _too_long(name)
        if type(item) in MAPPINGS:
            waiting += [*item.keys(), *item.values()]
        elif type(item) in CONTAINERS:
            waiting += item
        elif not _is_scalar(item):
            return item
    return None


def _is_scalar(value: Any) -> bool:
    """Whether a value is text, a number or a date that says itself what it is.

    Asks its type alone: ``isinstance`` would read an attribute of the value.
    """
    kind: Any = type(value)
    if kind in _PLAIN:
        return True
    if library_of(kind) in _SCALAR_LIBRARIES:
        is_number = getattr(value, "ndim", None) == 0 and kind.__name__ != "ndarray"
        return is_number or issubclass(kind, _PLAIN)
    # Text with more to it, such as a Reply's code block, as long as it reads as text.
    reads_as_text = kind.__str__ is str.__str__ and kind.__repr__ is str.__repr__
    return reads_as_text and issubclass(kind, str)


def _too_long(name: str) -> AttachmentError:
    message = (
        f"`{name}` is longer than {_MOST_CHARACTERS:,} characters when written out. "
        "Choose a part of it, or make the text yourself: a text may be of any length."
    )
    return AttachmentError(message)
