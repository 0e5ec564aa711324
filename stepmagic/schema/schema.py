"""A type to be answered with: its JSON Schema, its columns, its values read."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Self, get_args, get_origin

from stepmagic.errors import SchemaError, ValueMisfit
from stepmagic.schema.columns import Column, Records, columns_of, plain, row_of
from stepmagic.schema.json_schema import make_raw_reader
from stepmagic.schema.pydantic_types import describe, make_adapter, make_reader, quoted
from stepmagic.schema.strict import VALUE, is_strict, resolved, rooted, tidied

_FENCED = re.compile(r"^ {0,3}```[^\n`]*\n(.*?)^ {0,3}```", re.MULTILINE | re.DOTALL)

_LONGEST_NAME = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """A type as JSON Schema, and what reads its values.

    >>> schema = Schema.of(list[int])
    >>> schema.json_schema["properties"]
    {'value': {'items': {'type': 'integer'}, 'type': 'array'}}
    >>> schema.read('{"value": [1, 2]}')
    [1, 2]
    """

    kind: Any
    """The type, or the JSON Schema, as it was given."""
    title: str
    """How the type is written, such as ``list[Invoice]``."""
    name: str
    """Its name for a server: at most 64 ASCII letters, digits, ``_`` and ``-``."""
    json_schema: Mapping[str, Any]
    """The JSON Schema that a server enforces; its root is always an object."""
    is_wrapped: bool
    """Whether the value is wrapped in an object: ``{"value": ...}``."""
    is_strict: bool
    """Whether OpenAI's ``strict`` takes it: closed objects, every property required."""
    _check: Callable[[Any], Any] = field(repr=False, compare=False)

    @classmethod
    def of(cls, kind: Any, name: str | None = None) -> Self:
        """Return the schema of a type.

        Args:
            kind: A pydantic model, dataclass, TypedDict, enum, ``list[T]``, union,
                ``Literal``, plain type, a JSON Schema as a mapping, or a ``Schema``.
            name: What it is called; by default as the type is.

        Raises:
            SchemaError: It has no form in JSON.
        """
        if isinstance(kind, cls):
            return kind
        called = name or spelled(kind)
        if isinstance(kind, Mapping):
            described, check = kind, make_raw_reader(kind)
        elif _is_value(kind):
            message = (
                f"{quoted(kind)} is not a type to answer with. Take a type, such as "
                "str or list[int], a dataclass or a pydantic model."
            )
            raise SchemaError(message)
        else:
            adapter = make_adapter(kind, called)
            described, check = describe(adapter, called), make_reader(adapter)
        json_schema, is_wrapped = rooted(tidied(described))
        return cls(
            kind=kind,
            title=called,
            name=_sendable(called),
            json_schema=json_schema,
            is_wrapped=is_wrapped,
            is_strict=is_strict(json_schema),
            _check=check,
        )

    @property
    def response_format(self) -> dict[str, Any]:
        """The ``response_format`` of ``/chat/completions`` that asks for it."""
        return {
            "type": "json_schema",
            "json_schema": {
                "name": self.name,
                "strict": self.is_strict,
                "schema": self.json_schema,
            },
        }

    @property
    def columns(self) -> tuple[Column, ...]:
        """The fields of a record; one ``value`` for anything else."""
        return columns_of(self.json_schema)

    @property
    def record_columns(self) -> tuple[Column, ...]:
        """The fields of each record, if it is a list of records; else empty."""
        held = self.json_schema.get("properties", {}).get(VALUE, {})
        if not self.is_wrapped or held.get("type") != "array":
            return ()
        items = held.get("items")
        items = resolved(items, self.json_schema) if isinstance(items, dict) else {}
        return columns_of({**self.json_schema, "properties": {}, **items})

    def row(self, value: Any) -> dict[str, Any]:
        """Return a value as one row of a frame: a value for each column.

        A key beyond the columns, which an open mapping may have, stays.
        """
        if self.is_wrapped:
            return {VALUE: plain(value)}
        missing = dict.fromkeys(column.name for column in self.columns)
        return missing | row_of(value)

    def read(self, text: str) -> Any:
        """Return the value that a model wrote as JSON, fenced or not.

        Raises:
            ValueMisfit: It is not JSON, or not of this type; the message says where.
        """
        try:
            return self.check(parse_json(text))
        except ValueError as exc:
            message = f"the answer is not of type {self.title}: {exc}"
            raise ValueMisfit(message, text=text, problem=str(exc)) from exc

    def check(self, value: Any) -> Any:
        """Return the value of a parsed JSON document.

        Raises:
            ValueError: It is not of this type; the message says what is wrong where.
        """
        if self.is_wrapped and isinstance(value, dict) and value.keys() == {VALUE}:
            value = value[VALUE]
        found = self._check(value)
        if isinstance(found, list):
            return Records(found, [column.name for column in self.record_columns])
        return found


def spelled(kind: Any) -> str:
    """Return how a type is written: ``Invoice``, ``list[int]``, ``str | None``."""
    if isinstance(kind, Mapping):
        return str(kind.get("title", "answer"))
    if get_origin(kind) is Annotated:
        return spelled(get_args(kind)[0])
    if isinstance(kind, type) and get_origin(kind) is None:
        return kind.__name__
    # Without the modules: `list[shop.Invoice]`, `typing.Literal['a']`.
    return re.sub(r"\b(?:\w+\.)+(?=\w)", "", repr(kind))


def _sendable(name: str) -> str:
    """Return a name as OpenAI takes it."""
    usable = re.sub(r"[^A-Za-z0-9_-]+", "_", name).strip("_")
    return usable[:_LONGEST_NAME] or "answer"


def _is_value(kind: Any) -> bool:
    """Whether it is a value that pydantic would take for a type by mistake."""
    return inspect.isroutine(kind) or isinstance(kind, str | int | float | list | tuple)


def parse_json(text: str) -> Any:
    """Return the JSON of a text, or of its only fenced block.

    Raises:
        ValueError: Neither is JSON.
    """
    blocks = _FENCED.findall(text)
    for candidate in (text, *(blocks if len(blocks) == 1 else ())):
        try:
            return json.loads(candidate)
        except (ValueError, RecursionError) as exc:
            problem = getattr(exc, "msg", "it is nested too deeply")
    message = f"it is not JSON: {problem} in {quoted(text)}"
    raise ValueError(message)
