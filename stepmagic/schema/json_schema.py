"""JSON Schemas that a user wrote as a dict: checked, and used to validate values."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from stepmagic.errors import SchemaError
from stepmagic.schema.pydantic_types import listed, place, quoted

if TYPE_CHECKING:
    from jsonschema_rs import ValidationError

_LONGEST_MESSAGE = 200
"""Characters; a longer message, which would contain the value, is not used."""


def make_raw_reader(schema: Mapping[str, Any]) -> Callable[[Any], Any]:
    """Return a function that validates parsed JSON and returns it unchanged.

    Raises:
        SchemaError: It is not a JSON Schema, or refers to what it does not contain.
    """
    # Imported with the first schema that is a dict. `jsonschema` takes 1.2 s of CPU to
    # import wherever JupyterLab's validators of formats are installed.
    import jsonschema_rs  # noqa: PLC0415

    try:
        # Without a retriever it fetches what a reference names.
        validator = jsonschema_rs.validator_for(dict(schema), retriever=_refuse)
    except jsonschema_rs.ValidationError as exc:
        raise _unusable(schema, exc) from exc

    def read(value: Any) -> Any:
        try:
            errors = list(validator.iter_errors(value))
        except UnicodeEncodeError:
            errors = list(validator.iter_errors(_without_surrogates(value)))
        if not errors:
            return value
        raise ValueError(listed(map(_problem, errors)))

    return read


def _refuse(uri: str) -> Any:
    raise LookupError(uri)


def _without_surrogates(value: Any) -> Any:
    """Return parsed JSON with a ``?`` for each half of a surrogate pair.

    A model may write one; the validator takes text that has UTF-8.
    """
    return json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))


def _unusable(schema: Mapping[str, Any], error: ValidationError) -> SchemaError:
    from jsonschema_rs import ValidationErrorKind  # noqa: PLC0415

    if not isinstance(error.kind, ValidationErrorKind.Referencing):
        where = place(error.instance_path)
        problem = f"{where}: {error.message}" if where else error.message
        return SchemaError(f"{quoted(dict(schema))} is not a JSON Schema: {problem}")
    message, *_ = error.message.split(" is not present in a registry")
    return SchemaError(
        f"the JSON Schema refers to something that it does not contain: {message}. Put "
        'the definition under "$defs".'
    )


def _problem(error: ValidationError) -> str:
    where = place(error.instance_path)
    message = error.message
    if len(message) > _LONGEST_MESSAGE:
        message = f"{quoted(error.instance)} does not fit {error.schema_path[-1]!r}"
    return f"{where}: {message}" if where else message
