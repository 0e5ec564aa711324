"""JSON Schemas in the form that servers can hold a model to.

Sources: OpenAI's guide to structured outputs (every object closed, every property
required, the root an object, ``anyOf`` for ``oneOf``, nothing next to a ``$ref``), and
Anthropic's, which closes objects too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

VALUE = "value"
"""The one property of the object that wraps what is not an object."""

_NOISE = frozenset({"$schema", "$id", "title", "default", "examples", "discriminator"})
"""Keywords that mean nothing to a model, or are refused with ``strict``."""

_NAMED = frozenset({"properties", "$defs", "definitions", "patternProperties"})
"""Keywords whose object contains schemas by names that the user chose."""

_SHARED = ("$defs", "definitions")
"""Keys under which definitions are, to which other schemas refer."""

_VALUES = frozenset({"const", "enum", "required"})
"""Keywords that hold values, which are left as they are."""

_LOOSE = frozenset({
    "allOf",
    "dependentRequired",
    "dependentSchemas",
    "if",
    "not",
    "patternProperties",
    "prefixItems",
    "propertyNames",
    "uniqueItems",
})  # fmt: skip
"""Keywords that strict mode has no form for."""

_FORMATS = frozenset({
    "date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "time",
    "uuid",
})  # fmt: skip
"""Formats that OpenAI takes; any other is only checked here."""


def tidied(schema: Any) -> Any:
    """Return a schema with its objects closed and without what no server reads."""
    if isinstance(schema, list):
        return [tidied(each) for each in schema]
    if not isinstance(schema, Mapping):
        return schema
    made: dict[str, Any] = {}
    for keyword, held in schema.items():
        if keyword in _NOISE or (keyword == "format" and held not in _FORMATS):
            continue
        if keyword in _NAMED and isinstance(held, Mapping):
            made[keyword] = {name: tidied(each) for name, each in held.items()}
        elif keyword in _VALUES:
            made[keyword] = held
        else:
            made["anyOf" if keyword == "oneOf" else keyword] = tidied(held)
    if "properties" in made:
        made.setdefault("additionalProperties", False)
    if "$ref" in made and made.keys() - {"$ref", *_SHARED}:
        made = {"anyOf": [{"$ref": made.pop("$ref")}], **made}
    return made


def rooted(schema: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """Return a tidied schema whose root is an object, and whether that was put around.

    A root that refers to one of its definitions becomes that definition.
    """
    shared = {name: schema[name] for name in _SHARED if name in schema}
    inner = {name: held for name, held in schema.items() if name not in shared}
    if inner.keys() == {"$ref"}:
        inner = dict(resolved(inner, shared))
    if inner.get("type") == "object":
        return {**inner, **shared}, False
    root = {
        "type": "object",
        "properties": {VALUE: inner},
        "required": [VALUE],
        "additionalProperties": False,
    }
    return {**root, **shared}, True


def resolved(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the definition that a schema refers to, or the schema as it is."""
    group, _, name = str(schema.get("$ref", "")).removeprefix("#/").partition("/")
    definitions = root.get(group)
    held = definitions.get(name) if isinstance(definitions, Mapping) else None
    return held if isinstance(held, Mapping) else schema


def is_strict(schema: Mapping[str, Any]) -> bool:
    """Whether a tidied schema is one that OpenAI's ``strict`` takes."""
    return all(map(_is_strict_alone, _schemas(schema)))


def _is_strict_alone(schema: Mapping[str, Any]) -> bool:
    if not schema or schema.keys() & _LOOSE:
        return False
    if schema.get("type") != "object":
        return True
    names = schema.get("properties", {}).keys()
    is_closed = schema.get("additionalProperties") is False
    return is_closed and names == set(schema.get("required", ()))


def _schemas(schema: Any) -> Iterator[Mapping[str, Any]]:
    """Yield a schema and every one in it."""
    if isinstance(schema, list):
        for each in schema:
            yield from _schemas(each)
    if not isinstance(schema, Mapping):
        return
    yield schema
    for keyword, held in schema.items():
        if keyword in _NAMED and isinstance(held, Mapping):
            for each in held.values():
                yield from _schemas(each)
        elif keyword not in _VALUES:
            yield from _schemas(held)
