"""Functions and classes by their source, other objects by a bounded ``repr``."""

from __future__ import annotations

import inspect
import types
from typing import Any

from stepmagic.attachments.attached import Attached
from stepmagic.attachments.files.text import fence
from stepmagic.errors import AttachmentError
from stepmagic.transcript import Text
from stepmagic.usage import format_count

_MOST_LETTERS = 4000
"""Of a ``repr``, which nobody wrote for a model."""

_CODE = (types.FunctionType, types.MethodType, type)


def is_code(value: Any) -> bool:
    """Whether a value is a function, a method or a class."""
    return issubclass(type(value), _CODE)


def attach_code(value: Any, name: str) -> Attached:
    """Return the source of a function, a method or a class.

    Raises:
        AttachmentError: It has none that can be found, such as one written in C.
    """
    kind = "class" if isinstance(value, type) else "function"
    try:
        source = inspect.getsource(value)
    except (OSError, TypeError) as exc:
        message = (
            f"the source of `{name}` cannot be found: it is not written in Python, or "
            "its file or cell is gone. Attach its documentation: put "
            f"`inspect.getdoc({name})` into a variable."
        )
        raise AttachmentError(message) from exc
    lines = format_count(len(source.splitlines()), "line")
    text = Text(text=fence(source, "python"))
    return Attached(name=name, kind=kind, parts=(text,), size=lines)


def attach_repr(value: Any, name: str) -> Attached:
    """Return what an object says of itself, at most 4,000 letters of it.

    Raises:
        AttachmentError: It says nothing but its type and address, or cannot.
    """
    kind: Any = type(value)
    if kind.__repr__ is object.__repr__:
        message = (
            f"`{name}` is of type {kind.__name__}, which says nothing of itself. Make "
            "a text of what the model should see, and attach that."
        )
        raise AttachmentError(message)
    try:
        said = repr(value)
    except Exception as exc:
        message = f"`{name}` cannot be written as text: {type(exc).__name__}."
        raise AttachmentError(message) from exc
    notices = []
    if len(said) > _MOST_LETTERS:
        sent = f"{_MOST_LETTERS:,} of {len(said):,} letters"
        notices.append(f"`{name}`: the first {sent} are sent.")
    return Attached(
        name=name,
        kind=kind.__name__,
        parts=(Text(text=said[:_MOST_LETTERS]),),
        notices=tuple(notices),
    )
