"""The notebook's variables: which can be attached, and what can be bound to them."""

from __future__ import annotations

import base64
import keyword
from collections.abc import Mapping
from typing import Any

from stepmagic.attachments.frames import is_frame
from stepmagic.attachments.frames.types import find_kind
from stepmagic.attachments.images import ImageLimits, is_image, to_images
from stepmagic.attachments.names import attachable_names
from stepmagic.attachments.notebook.host import Host
from stepmagic.conversation.reply import Reply
from stepmagic.errors import CommandError, StepError
from stepmagic.transcript import Image, Turn
from stepmagic.transcript.signatures import media_type


def result(turn: Turn, what: str, number: int) -> Any:
    """Return a part of an answer, to be bound to a name.

    Args:
        turn: The turn with the answer.
        what: ``reply``, ``text``, ``code`` or ``table``.
        number: Which of its code blocks or tables, from 0.

    Raises:
        CommandError: The answer does not have it.
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
    message = f"the answer does not have a {what} {number + 1}."
    raise CommandError(message)


def check_name(name: str, namespace: Mapping[str, Any], *, replace: bool) -> None:
    """Refuse what is not a name, and a name that is taken unless it may be replaced.

    Raises:
        CommandError: It is refused.
    """
    if not name.isidentifier() or keyword.iskeyword(name):
        message = (
            f"{name!r} is not a name for a variable: use letters, digits and _, "
            "and no digit first."
        )
        raise CommandError(message)
    if name in namespace and not replace:
        kind = type(namespace[name]).__name__
        message = f"{name} is already a {kind}. Choose Bind again to replace it."
        raise CommandError(message)


_MOST_LISTED = 500
_THUMBNAIL = ImageLimits(longest_side=72, frames=1)
_ORDER = ("image", "table", "other")


def list_variables(host: Host) -> list[dict[str, str]]:
    """Return what a user may attach: images and tables first, then by name."""
    namespace = host.namespace
    names = attachable_names(host.names, namespace)[:_MOST_LISTED]
    listed = [_variable(name, namespace.get(name)) for name in names]
    return sorted(listed, key=lambda each: (_ORDER.index(each["kind"]), each["name"]))


def thumbnail(name: str, namespace: Mapping[str, Any]) -> str:
    """Return an image as a small picture in a ``data:`` URL; empty for other values."""
    value = namespace.get(name)
    if value is None or not is_image(value):
        return ""
    try:
        parts = to_images(value, name, _THUMBNAIL).parts
    except StepError:
        return ""
    data = next((part.data for part in parts if isinstance(part, Image)), None) or b""
    kind = media_type(data, "image")
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"


def _variable(name: str, value: Any) -> dict[str, str]:
    kind = type(value).__name__
    if is_image(value):
        return {"name": name, "kind": "image", "about": _size(value) or kind}
    if is_frame(value):
        found = find_kind(value)
        about = [found.name if found else "", _size(value)]
        return {"name": name, "kind": "table", "about": ", ".join(filter(None, about))}
    return {"name": name, "kind": "other", "about": kind}


def _size(value: Any) -> str:
    """Return the shape of a table or picture, if it is known without computing it."""
    if type(value) is list:
        return f"{len(value):,} rows"
    for attribute in ("shape", "size"):
        found = getattr(value, attribute, None)
        if type(found) is tuple and all(type(side) is int for side in found):
            return " × ".join(f"{side:,}" for side in found)
    return ""
