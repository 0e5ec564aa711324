"""The saved form of a transcript: versioned JSON, ``from_dict(to_dict(x)) == x``.

The one form of every saved file and of the journal. Each part is an object with a
``type``; fields at their defaults are left out; bytes are base64. A form is read by the
types of the fields it fills: whatever does not fit raises ``TranscriptError`` and names
the place, such as ``turns[3].prompt.parts[0].text``.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import reprlib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from types import NoneType, UnionType
from typing import (
    Any,
    Literal,
    NoReturn,
    TypedDict,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from stepmagic.errors import TranscriptError
from stepmagic.transcript.parts import (
    File,
    Image,
    Opaque,
    Part,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    Video,
)
from stepmagic.transcript.turns import Turn, TurnTree

Kind = TypeVar("Kind")

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
_NAMES = {kind: name for name, kind in _PARTS.items()}

_TREE_FIELDS: dict[str, Any] = {
    "version": int,
    "turns": tuple[Turn, ...],
    "heads": Mapping[str, str | None],
    "branch": str,
}


class TreeDict(TypedDict):
    """A saved conversation: every turn, and the heads of its branches."""

    version: int
    turns: list[dict[str, Any]]
    """Each after its parent."""
    heads: dict[str, str | None]
    branch: str


def part_to_dict(part: Part) -> dict[str, Any]:
    """Return the saved form of a part."""
    return {"type": _NAMES[type(part)], **_plain(part)}


def part_from_dict(form: Any) -> Part:
    """Return the part that ``part_to_dict`` saved.

    Raises:
        TranscriptError: The form is damaged.
    """
    part: Part = _read_whole(Part, form, "part")
    return part


def turn_to_dict(turn: Turn) -> dict[str, Any]:
    """Return the saved form of a turn."""
    return _plain(turn)


def turn_from_dict(form: Any) -> Turn:
    """Return the turn that ``turn_to_dict`` saved.

    Raises:
        TranscriptError: The form is damaged.
    """
    turn: Turn = _read_whole(Turn, form, "turn")
    return turn


def to_form(value: Any) -> dict[str, Any]:
    """Return the saved form of a dataclass of plain values."""
    return _plain(value)


def from_form(kind: type[Kind], form: Any, place: str) -> Kind:
    """Return the dataclass that ``to_form`` saved.

    Args:
        kind: Which.
        form: What was saved.
        place: What an error calls it.

    Raises:
        TranscriptError: The form is damaged.
    """
    value: Kind = _read_whole(kind, form, place)
    return value


def tree_to_dict(tree: TurnTree) -> TreeDict:
    """Return the saved form of a tree."""
    return {
        "version": VERSION,
        "turns": [turn_to_dict(turn) for turn in tree.turns.values()],
        "heads": dict(tree.heads),
        "branch": tree.branch,
    }


def tree_from_dict(form: Any) -> TurnTree:
    """Return the tree that ``tree_to_dict`` saved.

    Raises:
        TranscriptError: The form is of another version, or damaged.
    """
    _check_version(form)
    saved = {
        name: _read_whole(hint, form.get(name), name)
        for name, hint in _TREE_FIELDS.items()
    }
    _refuse_unknown(form, _TREE_FIELDS, "it")
    tree = TurnTree()
    for number, turn in enumerate(saved["turns"]):
        try:
            tree.add(turn)
        except ValueError as exc:
            _refuse(f"turns[{number}]: {exc}")
    for name, head in saved["heads"].items():
        if head is not None and head not in tree.turns:
            _refuse_form(f"heads[{name!r}]", "the id of a turn", head)
    if saved["branch"] not in saved["heads"]:
        _refuse_form("branch", "the name of a head", saved["branch"])
    tree.heads, tree.branch = saved["heads"], saved["branch"]
    return tree


def _check_version(form: Any) -> None:
    version = form.get("version") if isinstance(form, Mapping) else None
    if not isinstance(version, int):
        message = "this is not a saved conversation: it has no version of its form"
        raise TranscriptError(message)
    if version != VERSION:
        message = (
            f"this conversation was saved in form {version}; this stepmagic reads form "
            f"{VERSION}. Install a newer stepmagic to load it."
        )
        raise TranscriptError(message)


def _plain(value: Any) -> dict[str, Any]:
    """Return a dataclass as JSON, leaving out the fields at their defaults."""
    held = {spec: getattr(value, spec.name) for spec in fields(value)}
    return {
        spec.name: _plain_value(item)
        for spec, item in held.items()
        if item != _default(spec)
    }


def _default(spec: Field[Any]) -> Any:
    """Return the value of a field that was left out; MISSING for a new id."""
    if spec.default is not MISSING:
        return spec.default
    return {} if spec.default_factory is dict else MISSING


def _plain_value(value: Any) -> Any:
    match value:
        case bytes():
            return base64.b64encode(value).decode("ascii")
        case tuple():
            return [_plain_value(item) for item in value]
        case Mapping():
            return dict(value)
        case _ if type(value) in _NAMES:
            return part_to_dict(value)
        case _ if is_dataclass(value):
            return _plain(value)
        case _:
            return value


def _refuse(what: str) -> NoReturn:
    message = f"the saved conversation is damaged: {what}"
    raise TranscriptError(message)


def _refuse_form(place: str, wanted: str, form: Any) -> NoReturn:
    _refuse(f"{place} should be {wanted}, not {reprlib.repr(form)}")


def _refuse_unknown(form: Mapping[str, Any], known: Mapping[str, Any], at: str) -> None:
    if unknown := sorted(map(str, form.keys() - known.keys())):
        _refuse(f"{at} has an unknown field {unknown[0]!r}")


def _read_whole(hint: Any, form: Any, place: str) -> Any:
    try:
        return _read(hint, form, place)
    except RecursionError:
        _refuse(f"{place} is nested too deeply")


def _read(hint: Any, form: Any, place: str) -> Any:
    """Return a value of a type from its saved form."""
    if hint is Any:
        return form
    if is_dataclass(hint):
        return _read_fields(hint, form, place)
    origin = get_origin(hint)
    if origin is None:
        return _read_scalar(hint, form, place)
    return _READERS[origin](get_args(hint), form, place)


def _decode(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _read_scalar(kind: Any, form: Any, place: str) -> Any:
    accepted, wanted = _SCALARS[kind]
    # True is an int to Python, and no number in JSON.
    if isinstance(form, accepted) and isinstance(form, bool) == (kind is bool):
        with contextlib.suppress(ValueError, OverflowError):
            return _decode(form) if kind is bytes else kind(form)
    _refuse_form(place, wanted, form)


_SCALARS: dict[Any, tuple[Any, str]] = {
    str: ((str,), "a text"),
    bool: ((bool,), "true or false"),
    int: ((int,), "a whole number"),
    float: ((int, float), "a number"),
    bytes: ((str,), "bytes in base64"),
}
"""What JSON has for a type, and its words."""


def _read_choice(choices: tuple[str, ...], form: Any, place: str) -> Any:
    if form not in choices:
        _refuse_form(place, f"one of {', '.join(choices)}", form)
    return form


def _read_tuple(kinds: tuple[Any, ...], form: Any, place: str) -> tuple[Any, ...]:
    if not isinstance(form, list):
        _refuse_form(place, "a list", form)
    return tuple(
        _read(kinds[0], item, f"{place}[{number}]") for number, item in enumerate(form)
    )


def _read_mapping(kinds: tuple[Any, ...], form: Any, place: str) -> dict[str, Any]:
    if not isinstance(form, Mapping):
        _refuse_form(place, "an object", form)
    return {
        name: _read(kinds[1], item, f"{place}[{name!r}]") for name, item in form.items()
    }


def _read_union(kinds: tuple[Any, ...], form: Any, place: str) -> Any:
    """Return None, the one thing it may be besides, or one of several parts."""
    if form is None and NoneType in kinds:
        return None
    others = [kind for kind in kinds if kind is not NoneType]
    if len(others) == 1:
        return _read(others[0], form, place)
    if not isinstance(form, Mapping):
        _refuse_form(place, "an object", form)
    names = {_NAMES[kind]: kind for kind in others}
    name = _read_choice(tuple(names), form.get("type"), f"{place}.type")
    rest = {field: held for field, held in form.items() if field != "type"}
    return _read_fields(names[name], rest, place)


_READERS: dict[Any, Callable[[tuple[Any, ...], Any, str], Any]] = {
    Literal: _read_choice,
    tuple: _read_tuple,
    Mapping: _read_mapping,
    Union: _read_union,
    UnionType: _read_union,
}
"""By what a generic type is made of; a reader gets the types in its brackets."""


def _read_fields(kind: Any, form: Any, place: str) -> Any:
    """Return an instance of a dataclass."""
    if not isinstance(form, Mapping):
        _refuse_form(place, "an object", form)
    hints = _hints(kind)
    _refuse_unknown(form, hints, place)
    for spec in fields(kind):
        if spec.name not in form and _default(spec) is MISSING:
            _refuse(f"{place}.{spec.name} is missing")
    values = {
        name: _read(hints[name], item, f"{place}.{name}") for name, item in form.items()
    }
    try:
        return kind(**values)
    except ValueError as exc:
        _refuse(f"{place}: {exc}")


@functools.cache
def _hints(kind: type) -> Mapping[str, Any]:
    """Return the types of a dataclass's fields; evaluating them takes a while."""
    return get_type_hints(kind)
