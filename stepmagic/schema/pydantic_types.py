"""pydantic's view of a type: its JSON Schema, and its values read from JSON.

The one place that names pydantic, which takes longer to import than all the rest.
"""

from __future__ import annotations

import functools
import json
import operator
import sys
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    NotRequired,
    Required,
    get_args,
    get_origin,
)

from stepmagic.errors import SchemaError, shorten

if TYPE_CHECKING:
    from pydantic import TypeAdapter, ValidationError

_LISTED = 5
"""Problems that a message names."""

_BOUNDS = ("ge", "gt", "le", "lt", "multiple_of")

_QUOTED = 60
"""Characters of an invalid value that a message quotes."""


def make_adapter(kind: Any, name: str) -> TypeAdapter[Any]:
    """Return what reads values of a type.

    Raises:
        SchemaError: The type has no form in JSON.
    """
    from pydantic import TypeAdapter  # noqa: PLC0415 - loaded with the first type
    from pydantic.errors import PydanticUserError  # noqa: PLC0415

    try:
        adapter = TypeAdapter(modern(kind))
        # Says which name is missing, where a type is named before it is defined.
        adapter.rebuild(raise_errors=True)
    except (PydanticUserError, NameError, TypeError, RecursionError) as exc:
        raise _no_schema(name, exc) from exc
    return adapter


def describe(adapter: TypeAdapter[Any], name: str) -> dict[str, Any]:
    """Return the JSON Schema of a type, as a model should fill it in.

    Fields that have a default are required all the same: a model that may leave them
    out does, and strict servers want them all. ``NotRequired`` keys stay optional.

    Raises:
        SchemaError: The type has no form in JSON.
    """
    from pydantic.errors import PydanticUserError  # noqa: PLC0415
    from pydantic.json_schema import GenerateJsonSchema  # noqa: PLC0415

    class Filled(GenerateJsonSchema):
        def field_is_required(self, field: Any, total: bool) -> bool:  # noqa: FBT001 - pydantic's
            is_key = field["type"] == "typed-dict-field"
            return not is_key or super().field_is_required(field, total)

        def decimal_schema(self, schema: Any) -> dict[str, Any]:
            # Else a number or a text of a pattern that few grammars can express.
            bounds = {name: float(schema[name]) for name in _BOUNDS if name in schema}
            number: Any = {"type": "float", **bounds}
            return self.float_schema(number)

    try:
        return adapter.json_schema(schema_generator=Filled)
    except (PydanticUserError, NameError, TypeError, RecursionError) as exc:
        raise _no_schema(name, exc) from exc


def make_reader(adapter: TypeAdapter[Any]) -> Callable[[Any], Any]:
    """Return a function that makes values of parsed JSON, or raises ``ValueError``."""
    from pydantic import ValidationError  # noqa: PLC0415

    def read(value: Any) -> Any:
        try:
            # As JSON, where a text may be a date and a list a tuple.
            return adapter.validate_json(json.dumps(value))
        except ValidationError as exc:
            raise ValueError(_problems(exc)) from exc

    return read


def _problems(error: ValidationError) -> str:
    """Return what is wrong with a value, a line each."""
    found = error.errors(include_url=False, include_context=False)
    return listed(_problem(each) for each in found)


def listed(problems: Iterable[str]) -> str:
    """Return the first problems, a line each, and how many more there are."""
    lines = list(problems)
    more = len(lines) - _LISTED
    return "\n".join([*lines[:_LISTED], *([f"and {more} more"] if more > 0 else [])])


def _problem(found: Mapping[str, Any]) -> str:
    message = found["msg"]
    if found["type"] not in ("missing", "json_invalid"):
        message += f", not {quoted(found['input'])}"
    where = place(found["loc"])
    return f"{where}: {message}" if where else message


def place(steps: Iterable[str | int]) -> str:
    """Return where in a value something is: ``rows[2].price``."""
    words = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return "".join(words).removeprefix(".")


def quoted(value: Any) -> str:
    """Return a value as a message quotes it."""
    return shorten(repr(value), _QUOTED)


def _no_schema(name: str, cause: BaseException) -> SchemaError:
    said = str(cause).split("\n", 1)[0].split(". ", 1)[0].rstrip(".")
    message = (
        f"{name} has no form in JSON: {said}. Take a pydantic model, a dataclass, a "
        "TypedDict, an enum, list[T], a plain type or a JSON Schema."
    )
    return SchemaError(message)


def modern(kind: Any) -> Any:
    """Return a type with its TypedDicts as pydantic takes them before Python 3.12."""
    # Some versions of Python see one way, the others the other.
    if sys.version_info >= (3, 12):  # pragma: no cover
        return kind
    if typing.is_typeddict(kind):
        return _modern_keys(kind)
    held = get_args(kind)
    inner = tuple(map(modern, held))
    if all(new is old for new, old in zip(inner, held, strict=True)):
        return kind
    if get_origin(kind) is Annotated:
        return Annotated[(inner[0], *kind.__metadata__)]
    if get_origin(kind) in (typing.Union, types.UnionType):
        return functools.reduce(operator.or_, inner)
    return get_origin(kind)[inner]


def _modern_keys(kind: Any) -> Any:
    keys: dict[str, Any] = {}
    for name, hint in typing.get_type_hints(kind, include_extras=True).items():
        mark = Required if name in kind.__required_keys__ else NotRequired
        # Where annotations are postponed, the mark is only seen here.
        if get_origin(hint) in (Required, NotRequired):
            mark, hint = get_origin(hint), get_args(hint)[0]  # noqa: PLW2901
        keys[name] = mark[modern(hint)]
    made = make_typed_dict(kind.__name__, keys)
    made.__doc__ = kind.__doc__
    return made


def make_typed_dict(name: str, keys: Mapping[str, Any]) -> Any:
    """Return a TypedDict of the kind that pydantic takes before Python 3.12."""
    # pydantic brings it along.
    import typing_extensions  # noqa: PLC0415

    # A function to call, though type checkers know it as a form of classes.
    typed_dict: Any = typing_extensions.TypedDict
    return typed_dict(name, dict(keys))
