"""JSON values that several codecs share: read safely, and options normalized.

A server may send anything: a reader here returns the empty value of its type for what
is not of that type, so that a decoder needs no error handling for it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeAlias

from stepmagic.errors import SettingError
from stepmagic.schema import FunctionSchema
from stepmagic.transcript import (
    File,
    Image,
    Part,
    Text,
    TokenLogprob,
    ToolResult,
    Video,
)

_FORMATS = ("text", "json_object")

ToolMode: TypeAlias = Literal["auto", "none", "required", "tool"]

_MODES: dict[str, ToolMode] = {
    "auto": "auto",
    "none": "none",
    "required": "required",
    "any": "required",
}


def mapping(value: Any) -> Mapping[str, Any]:
    """Return an object, or an empty one."""
    return value if isinstance(value, Mapping) else {}


def objects(value: Any) -> list[Mapping[str, Any]]:
    """Return the objects of a list, without what else is in it."""
    items = value if isinstance(value, list) else []
    return [item for item in items if isinstance(item, Mapping)]


def word(value: Any) -> str:
    """Return a text, or an empty one."""
    return value if isinstance(value, str) else ""


def count(value: Any) -> int:
    """Return a number of tokens, or 0."""
    return int(amount(value) or 0)


def amount(value: Any) -> float | None:
    """Return a sum of money, or None; ``1e999`` is JSON, and no sum."""
    try:
        number = float(value) if isinstance(value, int | float) else math.inf
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def logprobs(value: Any) -> tuple[TokenLogprob, ...]:
    """Return token log-probabilities; ``/chat`` and ``/responses`` share the form."""
    return tuple(
        TokenLogprob(
            token=word(form.get("token")),
            logprob=float(form["logprob"]),
            utf8=_utf8(form.get("bytes")),
            alternatives=logprobs(form.get("top_logprobs")),
        )
        for form in objects(value)
        if isinstance(form.get("logprob"), int | float)
    )


def _utf8(value: Any) -> tuple[int, ...] | None:
    known = isinstance(value, list) and all(isinstance(byte, int) for byte in value)
    return tuple(value) if known else None


def tool_choice(value: str | Mapping[str, Any]) -> tuple[ToolMode, str]:
    """Return how tools are chosen, and the name if it is one tool.

    Args:
        value: A mode, the name of a tool, or the object that one of the three
            protocols has for either.

    Raises:
        SettingError: An object of another kind.
    """
    if isinstance(value, str):
        return (_MODES[value], "") if value in _MODES else ("tool", value)
    function = mapping(value.get("function")) or value
    if name := word(function.get("name")):
        return "tool", name
    mode = _MODES.get(word(value.get("type")))
    if mode is None:
        message = f"tool_choice takes {', '.join(_MODES)} or a tool, not {value!r}"
        raise SettingError(message)
    return mode, ""


def response_format(value: str | Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Return the type of a response format, and the fields of its schema object.

    Args:
        value: A type, or the object of ``/chat/completions``; its ``json_schema`` may
            also be flat, as in ``/responses``.

    Raises:
        SettingError: A word that is not a format by itself.
    """
    if isinstance(value, str):
        if value not in _FORMATS:
            message = (
                f"response_format: the words are text and json_object, not {value!r}. "
                'A schema is an object: {"type": "json_schema", "json_schema": '
                '{"name": ..., "schema": {...}}}.'
            )
            raise SettingError(message)
        return value, {}
    inner = mapping(value.get("json_schema")) or value
    return word(value.get("type")), {
        name: value for name, value in inner.items() if name != "type"
    }


def tool_schema(tool: FunctionSchema) -> dict[str, Any]:
    """Return the JSON Schema of a tool's arguments; it must be that of an object."""
    return dict(tool.parameters) or {"type": "object", "properties": {}}


def content_parts(parts: Iterable[Part]) -> list[Part]:
    """Return the parts without empty texts, which some servers refuse."""
    return [part for part in parts if not (isinstance(part, Text) and not part.text)]


def result_parts(result: ToolResult) -> tuple[Text | Image | Video | File, ...]:
    """Return a result's parts for a protocol that has no flag for a failure."""
    if not result.is_error:
        return result.parts
    first, *rest = result.parts or (Text(text=""),)
    if isinstance(first, Text):
        return (Text(text=f"Error: {first.text}"), *rest)
    return (Text(text="Error:"), first, *rest)
