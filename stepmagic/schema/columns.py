"""A schema as the columns of a frame, and values as its rows."""

from __future__ import annotations

import dataclasses
import enum
import importlib
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypeVar

from stepmagic.schema.strict import VALUE, resolved

ColumnKind: TypeAlias = Literal["string", "integer", "number", "boolean", "object"]
"""The values of a column; ``object`` is anything else, mixed or nested."""

_PLAIN: dict[str, ColumnKind] = {
    "string": "string",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
}

_JSON_TYPES: tuple[tuple[type, str], ...] = (
    (bool, "boolean"),
    (str, "string"),
    (int, "integer"),
    (float, "number"),
    (type(None), "null"),
)
"""Names of JSON's plain types; a bool is an int too, and so comes first."""

_DEEPEST = 20
"""Definitions that refer to one another are followed so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One field of a schema, as a column of a frame."""

    name: str
    kind: ColumnKind
    is_optional: bool = False
    """Whether it may be null or missing."""


def columns_of(schema: Mapping[str, Any]) -> tuple[Column, ...]:
    """Return the columns of a schema whose root is an object, in its order."""
    required = schema.get("required", ())
    columns = []
    for name, held in schema.get("properties", {}).items():
        types = set(_types(held, schema))
        kinds = {_PLAIN.get(each, "object") for each in types - {"null"}}
        column = Column(
            name=name,
            kind=kinds.pop() if len(kinds) == 1 else "object",
            is_optional="null" in types or name not in required,
        )
        columns.append(column)
    return tuple(columns)


def _types(schema: Any, root: Mapping[str, Any], depth: int = 0) -> Iterator[str]:
    """Yield the JSON types that a schema allows; ``any`` where it does not say."""
    if not isinstance(schema, Mapping) or depth > _DEEPEST:
        yield "any"
    elif "$ref" in schema:
        held = resolved(schema, root)
        yield from ["any"] if held is schema else _types(held, root, depth + 1)
    elif "anyOf" in schema:
        for choice in schema["anyOf"]:
            yield from _types(choice, root, depth + 1)
    elif "type" in schema:
        said = schema["type"]
        yield from [said] if isinstance(said, str) else said
    elif "enum" in schema or "const" in schema:
        yield from map(_type_of, schema.get("enum", [schema.get("const")]))
    else:
        yield "any"


def _type_of(value: Any) -> str:
    return next((name for kind, name in _JSON_TYPES if isinstance(value, kind)), "any")


def plain(value: Any) -> Any:
    """Return a value as plain data: records as dicts, enums as values.

    What a frame has a form for, such as a date or a ``Decimal``, stays as it is.
    """
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, Mapping):
        return {name: plain(held) for name, held in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(each) for each in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            each.name: plain(getattr(value, each.name))
            for each in dataclasses.fields(value)
        }
    if callable(dump := getattr(value, "model_dump", None)):
        return plain(dump(by_alias=True))
    return value


def row_of(value: Any) -> dict[str, Any]:
    """Return a value as one row: the fields of a record, else one ``value``."""
    held = plain(value)
    return held if isinstance(held, dict) else {VALUE: held}


def rows_of(value: Any) -> list[dict[str, Any]]:
    """Return a value as rows: one for each of several, else one."""
    several = isinstance(value, list | tuple | set | frozenset)
    return [row_of(each) for each in (value if several else [value])]


Record = TypeVar("Record")

_FRAMES = ("pandas", "polars")
"""What makes a frame, the first that is installed."""


class Records(list[Record]):
    """The values of an answer: a list like any other that can become a frame.

    Args:
        records: Models, dataclasses, dicts, or plain values.
        names: The names of the columns, which an empty list cannot show.
    """

    def __init__(
        self, records: Iterable[Record] = (), names: Sequence[str] = ()
    ) -> None:
        super().__init__(records)
        self._names = list(names)

    def to_frame(self) -> object:
        """Return a frame with a row for each record; plain values are in ``value``.

        A DataFrame of pandas where it is installed, else of polars, else a list of
        dicts.
        """
        return frame_of(rows_of(list(self)), self._names)


def frame_of(rows: list[dict[str, Any]], names: Iterable[str] = ()) -> Any:
    """Return rows as a frame: pandas', else polars', else as they are.

    Where only polars has been imported so far, it comes before pandas.

    Args:
        rows: Of plain values; a key that a row lacks is null there.
        names: Columns that come first, in this order.
    """
    columns = list(dict.fromkeys([*names, *(name for row in rows for name in row)]))
    for module in sorted(_FRAMES, key=lambda name: name not in sys.modules):
        try:
            library: Any = importlib.import_module(module)
        except ImportError:
            continue
        values = {name: [row.get(name) for row in rows] for name in columns}
        # polars would refuse a column of mixed types if it were strict.
        options = {"strict": False} if module == "polars" else {}
        return library.DataFrame(values, **options)
    return rows
