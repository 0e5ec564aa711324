"""Answers put into work: what of a reply can be bound to a name, and as what."""

from __future__ import annotations

import base64
import keyword
import types
from collections.abc import Mapping
from typing import Any

from stepmagic.attachments.frames import is_frame
from stepmagic.attachments.frames.types import find_kind
from stepmagic.attachments.images import ImageLimits, is_image, to_images
from stepmagic.attachments.notebook.host import Host
from stepmagic.attachments.secrets import secretive
from stepmagic.conversation.reply import Reply
from stepmagic.errors import CommandError, StepError
from stepmagic.transcript import Image, Turn


def result(turn: Turn, what: str, number: int) -> Any:
    """Return a part of an answer.

    Args:
        turn: What was answered.
        what: ``reply``, ``text``, ``code`` or ``table``.
        number: Which of its code blocks or tables, from 0.

    Raises:
        CommandError: It has none.
    """
    reply = Reply(turn)
    match what:
        case "reply":
            return reply
        case "text":
            return reply.text
        case "code" if 0 <= number < len(reply.code):
            return reply.code[number]
        case "table":
            tables = reply.tables
            if 0 <= number < len(tables):
                return tables[number]
    message = f"the answer has no {what} {number + 1}."
    raise CommandError(message)


def check_name(name: str, namespace: Mapping[str, Any], *, replace: bool) -> None:
    """Refuse what is no name, and one that is taken unless it is to be replaced.

    Raises:
        CommandError: It is refused.
    """
    if not name.isidentifier() or keyword.iskeyword(name):
        message = f"{name!r} is no name for a variable: letters, digits and _ make one."
        raise CommandError(message)
    if name in namespace and not replace:
        kind = type(namespace[name]).__name__
        message = f"{name} is taken, by a {kind}. Bind once more to replace it."
        raise CommandError(message)


_MOST = 500
_THUMBNAIL = ImageLimits(longest_side=72, frames=1)
_PNG = b"\x89PNG"
_ORDER = ("image", "table", "other")


def list_things(host: Host) -> list[dict[str, str]]:
    """Return what a user may attach: images and tables first, then by name."""
    namespace = host.namespace
    found = [_thing(name, namespace.get(name)) for name in host.names[:_MOST]]
    things = [thing for thing in found if thing is not None]
    return sorted(things, key=lambda each: (_ORDER.index(each["kind"]), each["name"]))


def thumbnail(name: str, namespace: Mapping[str, Any]) -> str:
    """Return a small picture of an image as a ``data:`` URL; else an empty text."""
    value = namespace.get(name)
    if value is None or not is_image(value):
        return ""
    try:
        parts = to_images(value, name, _THUMBNAIL).parts
    except StepError:
        return ""
    data = next((part.data for part in parts if isinstance(part, Image)), None) or b""
    kind = "png" if data.startswith(_PNG) else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"


def _thing(name: str, value: Any) -> dict[str, str] | None:
    kind = type(value)
    if issubclass(kind, types.ModuleType) or secretive(value):
        return None
    if is_image(value):
        return {"name": name, "kind": "image", "about": _size(value) or kind.__name__}
    if is_frame(value):
        found = find_kind(value)
        said = [found.name if found else "", _size(value)]
        return {"name": name, "kind": "table", "about": ", ".join(filter(None, said))}
    if callable(value) and getattr(value, "__module__", "") != "__main__":
        return None
    return {"name": name, "kind": "other", "about": kind.__name__}


def _size(value: Any) -> str:
    """Return the shape of a table or picture, where it is known without work."""
    if type(value) is list:
        return f"{len(value):,} rows"
    for attribute in ("shape", "size"):
        found = getattr(value, attribute, None)
        if type(found) is tuple and all(type(side) is int for side in found):
            return " × ".join(f"{side:,}" for side in found)
    return ""
