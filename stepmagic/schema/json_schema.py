"""JSON Schemas that a user wrote: checked themselves, and values checked by them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from stepmagic.errors import SchemaError
from stepmagic.schema.pydantic_types import listed, place, quoted

_SHORTEST_LONG = 200
"""Letters from which what is wrong is said without the value."""


def make_raw_reader(schema: Mapping[str, Any]) -> Callable[[Any], Any]:
    """Return what checks parsed JSON by a schema, and gives it back as it is.

    Raises:
        SchemaError: It is no JSON Schema, or refers to what is not in it.
    """
    # Loaded with the first schema of a user's own. Its stubs are a package apart.
    import jsonschema  # type: ignore[import-untyped]  # noqa: PLC0415
    from referencing import Registry  # noqa: PLC0415

    kind = jsonschema.validators.validator_for(schema)
    try:
        kind.check_schema(schema)
    except jsonschema.SchemaError as exc:
        message = f"{quoted(dict(schema))} is no JSON Schema: {exc.message}"
        raise SchemaError(message) from exc
    _check_references(schema)
    # A registry of nothing: no reference is ever fetched.
    validator = kind(schema, registry=Registry())

    def read(value: Any) -> Any:
        errors = list(validator.iter_errors(value))
        if not errors:
            return value
        raise ValueError(listed(map(_problem, errors)))

    return read


def _problem(error: Any) -> str:
    where = place(error.absolute_path)
    said = error.message
    if len(said) > _SHORTEST_LONG:
        said = f"{quoted(error.instance)} does not fit its {error.validator}"
    return f"{where}: {said}" if where else said


def _check_references(schema: Mapping[str, Any]) -> None:
    from referencing import Registry  # noqa: PLC0415
    from referencing.exceptions import Unresolvable  # noqa: PLC0415
    from referencing.jsonschema import DRAFT202012  # noqa: PLC0415

    root = DRAFT202012.create_resource(schema)
    resolver = Registry().resolver_with_root(root)
    for reference in _references(schema):
        try:
            resolver.lookup(reference)
        except Unresolvable as exc:
            message = (
                f"the JSON Schema refers to {reference!r}, which is not in it. Put the "
                'definition under "$defs".'
            )
            raise SchemaError(message) from exc


def _references(schema: Any) -> Iterator[str]:
    """Yield every reference in a schema."""
    if isinstance(schema, Mapping):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"]
        for held in schema.values():
            yield from _references(held)
    elif isinstance(schema, list):
        for held in schema:
            yield from _references(held)
