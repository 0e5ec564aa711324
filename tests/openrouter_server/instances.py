"""What a model that is held to a JSON Schema says: the least that fits it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_LEAST: dict[str, Any] = {
    "string": "word",
    "integer": 1,
    "number": 1.5,
    "boolean": True,
    "array": [],
    "object": {},
}


def asked_text(body: Mapping[str, Any]) -> str | None:
    """Return JSON that fits the schema a request asks for; None where it asks none."""
    for held in (body, body.get("text"), body.get("output_config")):
        form = held if isinstance(held, Mapping) else {}
        form = form.get("response_format") or form.get("format") or {}
        schema = form.get("schema") or form.get("json_schema", {}).get("schema")
        if schema is not None:
            return json.dumps(instance(schema, schema))
    return None


def instance(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Any:
    """Return a value of a schema; of a list, one item."""
    if "$ref" in schema:
        group, _, name = str(schema["$ref"]).removeprefix("#/").partition("/")
        return instance(root[group][name], root)
    if "anyOf" in schema:
        return instance(schema["anyOf"][0], root)
    if "enum" in schema:
        return schema["enum"][0]
    if "properties" in schema:
        held = schema["properties"]
        return {name: instance(each, root) for name, each in held.items()}
    if "items" in schema:
        return [instance(schema["items"], root)]
    return _LEAST.get(str(schema.get("type")))
