"""The saved form of a transcript: versioned JSON, ``from_dict(to_dict(x)) == x``.

The one form of every saved file and of the journal. Each part is an object with a
``type``; defaults are left out; bytes are base64. What cannot be read raises
``TranscriptError`` and names the place.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields
from typing import Any, NotRequired, TypedDict

from stepmagic.errors import TranscriptError
from stepmagic.transcript.parts import (
    File,
    Image,
    Message,
    Opaque,
    Origin,
    Part,
    Reasoning,
    Text,
    TokenLogprob,
    ToolCall,
    ToolResult,
    Video,
)
from stepmagic.transcript.turns import Cell, Turn, TurnTree, Usage

VERSION = 1
"""Version of the form; a file of a newer one is refused, never guessed at."""

_PARTS: dict[str, type[Part]] = {
    "text": Text,
    "reasoning": Reasoning,
    "image": Image,
    "video": Video,
    "file": File,
    "tool_call": ToolCall,
    "tool_result": ToolResult,
    "opaque": Opaque,
}
_TYPES = {kind: name for name, kind in _PARTS.items()}


class TreeDict(TypedDict):
    """A saved conversation: every turn, and the heads of its branches."""

    version: int
    turns: list[dict[str, Any]]
    heads: dict[str, str | None]
    branch: str
    settings: NotRequired[dict[str, Any]]


def part_to_dict(part: Part) -> dict[str, Any]:
    """Return the saved form of a part."""
    return {"type": _TYPES[type(part)], **_plain(part)}


def part_from_dict(form: Mapping[str, Any]) -> Part:
    """Return the part that ``part_to_dict`` saved."""
    kind = _PARTS.get(str(form.get("type")))
    if kind is None:
        message = f"unknown part type {form.get('type')!r} in a saved conversation"
        raise TranscriptError(message)
    rest = {name: value for name, value in form.items() if name != "type"}
    part: Part = _made(kind, rest)
    return part


def turn_to_dict(turn: Turn) -> dict[str, Any]:
    """Return the saved form of a turn."""
    return _plain(turn)


def turn_from_dict(form: Mapping[str, Any]) -> Turn:
    """Return the turn that ``turn_to_dict`` saved."""
    turn: Turn = _made(Turn, form)
    return turn


def tree_to_dict(tree: TurnTree) -> TreeDict:
    """Return the saved form of a tree."""
    return {
        "version": VERSION,
        "turns": [turn_to_dict(turn) for turn in tree.turns.values()],
        "heads": dict(tree.heads),
        "branch": tree.branch,
    }


def tree_from_dict(form: Mapping[str, Any]) -> TurnTree:
    """Return the tree that ``tree_to_dict`` saved.

    Raises:
        TranscriptError: The form is of a newer version, incomplete or contradictory.
    """
    version = form.get("version")
    if version != VERSION:
        message = (
            f"this conversation was saved in form {version!r}; this stepmagic reads "
            f"form {VERSION}. Install a newer stepmagic to load it."
        )
        raise TranscriptError(message)
    tree = TurnTree()
    try:
        for turn in form["turns"]:
            tree.add(turn_from_dict(turn))
        heads, branch = form["heads"], form["branch"]
        tree.heads = {branch: None}
        for name, head in heads.items():
            tree.move(head, name)
        tree.branch = branch
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        message = f"the saved conversation is damaged: {exc!r}"
        raise TranscriptError(message) from exc
    return tree


def _plain(value: Any) -> dict[str, Any]:
    """Return a dataclass as JSON, leaving out the fields at their defaults."""
    form: dict[str, Any] = {}
    for spec in fields(value):
        held = getattr(value, spec.name)
        if spec.name == "parent" or held != _default(spec):
            form[spec.name] = _plain_value(held)
    return form


def _default(spec: Field[Any]) -> Any:
    if spec.default is not MISSING:
        return spec.default
    return {} if spec.default_factory is dict else MISSING


def _plain_value(value: Any) -> Any:
    match value:
        case bytes():
            return base64.b64encode(value).decode("ascii")
        case tuple():
            return [_plain_value(item) for item in value]
        case _ if type(value) in _TYPES:
            return part_to_dict(value)
        case Message() | Origin() | Usage() | Cell() | TokenLogprob():
            return _plain(value)
        case Mapping():
            return dict(value)
        case _:
            return value


def _many(read: Callable[[Any], Any]) -> Callable[[Any], tuple[Any, ...]]:
    return lambda forms: tuple(read(form) for form in forms)


def _reader(kind: type) -> Callable[[Any], Any]:
    return lambda form: None if form is None else _made(kind, form)


def _bytes(form: str | None) -> bytes | None:
    return None if form is None else base64.b64decode(form, validate=True)


_READERS: dict[str, Callable[[Any], Any]] = {
    "data": _bytes,
    "parts": _many(part_from_dict),
    "logprobs": _many(_reader(TokenLogprob)),
    "alternatives": _many(_reader(TokenLogprob)),
    "utf8": lambda form: None if form is None else tuple(form),
    "prompt": _reader(Message),
    "replies": _many(_reader(Message)),
    "origin": _reader(Origin),
    "usage": _reader(Usage),
    "cell": _reader(Cell),
}
"""How a field of that name, in any of the types, is read; others are taken as is."""


def _made(kind: type[Any], form: Mapping[str, Any]) -> Any:
    """Return an instance of a dataclass from its saved form."""
    try:
        known = {spec.name for spec in fields(kind)}
        if unknown := sorted(form.keys() - known):
            message = f"{kind.__name__} has no field {unknown[0]!r}"
            raise TranscriptError(message)
        return kind(
            **{
                name: _READERS[name](value) if name in _READERS else value
                for name, value in form.items()
            }
        )
    except (TypeError, ValueError, AttributeError, binascii.Error) as exc:
        message = f"a saved {kind.__name__} cannot be read: {exc}"
        raise TranscriptError(message) from exc
