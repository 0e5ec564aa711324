"""What may hold secrets and is never sent: modules, the environment, copies of it.

A value is recognized by its type only, and of its items only texts are compared.
"""

from __future__ import annotations

import os
import types
from typing import Any

from stepmagic.attachments.parts import CONTAINERS, MAPPINGS
from stepmagic.errors import AttachmentError

_KINDS = ((types.ModuleType, "a module"), (type(os.environ), "the environment"))
_READERS = (os.getenv, getattr(os, "getenvb", None))
_MOST_ITEMS = 10_000


def secretive(value: Any) -> str:
    """Return what a value is, where it may hold secrets; else an empty string."""
    for kind, what in _KINDS:
        if issubclass(type(value), kind):
            return what
    if type(value) in MAPPINGS and _is_copy(value):
        return "a copy of the environment"
    return ""


def reads_environment(value: Any) -> bool:
    """Whether a value is the environment, or a function that reads it."""
    kind = type(os.environ)
    owner = value.__self__ if type(value) is types.MethodType else None
    is_reader = type(value) is types.FunctionType and value in _READERS
    return is_reader or issubclass(type(value), kind) or issubclass(type(owner), kind)


def refuse_secretive(value: Any, name: str) -> None:
    """Refuse a value that may hold secrets, and lists and dicts with one in them.

    Raises:
        AttachmentError: It is such a value.
    """
    waiting, looked_at = [value], 0
    while waiting and looked_at < _MOST_ITEMS:
        item = waiting.pop()
        looked_at += 1
        if what := secretive(item):
            verb = "is" if item is value else "contains"
            message = (
                f"`{name}` {verb} {what}, which may hold secrets. Name what you need."
            )
            raise AttachmentError(message)
        if type(item) in MAPPINGS:
            waiting += list(item.values())[:_MOST_ITEMS]
        elif type(item) in CONTAINERS:
            waiting += list(item)[:_MOST_ITEMS]


def refuse_environment(text: str, name: str) -> None:
    """Refuse a text in which the entire environment is written.

    Raises:
        AttachmentError: It is; an object may contain it where it is not checked.
    """
    written = repr(dict(os.environ))[1:-1]
    if written and written in text:
        message = f"`{name}` contains the environment, which may hold secrets."
        raise AttachmentError(message)


def _is_copy(held: dict[Any, Any]) -> bool:
    """Whether a dict has most of the environment, as one made for a process does."""
    same = 0
    for name, text in os.environ.items():
        found = dict.get(held, name)
        same += type(found) is str and found == text
    return same * 2 > len(os.environ)
