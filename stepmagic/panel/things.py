"""What in the namespace can be attached: names, kinds, sizes and thumbnails.

Told by types alone, as elsewhere; a thumbnail is drawn only when a page asks for it.
"""

from __future__ import annotations

import base64
import types
from collections.abc import Mapping
from typing import Any

from stepmagic.attachments.frames import is_frame
from stepmagic.attachments.frames.kinds import find_kind
from stepmagic.attachments.images import Limits, is_image, to_images
from stepmagic.attachments.secretive import secretive
from stepmagic.errors import StepError
from stepmagic.transcript import Image

_MOST = 500
_THUMBNAIL = Limits(longest_side=72, frames=1)
_PNG = b"\x89PNG"
_ORDER = ("image", "table", "other")


def list_things(shell: Any) -> list[dict[str, str]]:
    """Return what a user may attach: images and tables first, then by name."""
    names = [
        name
        for name in list(shell.user_ns)
        if not name.startswith("_") and name not in shell.user_ns_hidden
    ]
    found = [_thing(name, shell.user_ns.get(name)) for name in names[:_MOST]]
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
