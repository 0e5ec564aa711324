"""JSON Schemas as a dict: every draft, references, and values of any kind."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from stepmagic.errors import SchemaError
from stepmagic.schema.json_schema import make_raw_reader

ITEM = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 5},
        "price": {"type": "number", "minimum": 0},
        "tags": {"type": "array", "items": {"$ref": "#/$defs/tag"}},
    },
    "required": ["name"],
    "additionalProperties": False,
    "$defs": {"tag": {"enum": ["new", "old"]}},
}


@pytest.mark.parametrize(
    "value",
    [
        {"name": "pen", "price": 1, "tags": ["new", "old"]},
        {"name": "\ud83d"},
        {"name": "pen", "price": 10**400},
    ],
)
def test_a_value_that_fits_is_returned_as_it_is(value: Any) -> None:
    assert make_raw_reader(ITEM)(value) is value


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], '[] is not of type "object"'),
        ({}, '"name" is a required property'),
        ({"name": "pen", "price": -1}, "price: -1 is less than the minimum of 0"),
        ({"name": "pen", "tags": ["new", "red"]}, 'tags[1]: "red" is not one of'),
        ({"name": "pen", "x": 1}, "Additional properties are not allowed"),
        ({"name": "\ud83d" * 6}, "name: "),
        ({"name": "x" * 1000}, f"name: '{'x' * 59}... does not fit 'maxLength'"),
        ({"name": 1, "price": "x"}, 'name: 1 is not of type "string"\nprice: "x"'),
    ],
)
def test_what_is_wrong_is_named_with_its_place(value: Any, message: str) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the text is compared below
        make_raw_reader(ITEM)(value)
    assert message in str(raised.value)


def test_a_value_that_is_nested_too_deeply_is_refused() -> None:
    deep: list[Any] = []
    for _ in range(900):
        deep = [deep]
    with pytest.raises(ValueError, match="limit"):
        make_raw_reader(ITEM)(deep)


@pytest.mark.parametrize("draft", ["04", "06", "07"])
def test_older_drafts_are_read_as_such(draft: str) -> None:
    read = make_raw_reader(
        {
            "$schema": f"http://json-schema.org/draft-{draft}/schema#",
            "items": [{"type": "string"}, {"$ref": "#/definitions/n"}],
            "definitions": {"n": {"type": "integer"}},
        }
    )
    assert read(["a", 1]) == ["a", 1]
    with pytest.raises(ValueError, match=r'\[1\]: "b" is not of type "integer"'):
        read(["a", "b"])


def test_a_definition_may_be_named_by_its_id() -> None:
    read = make_raw_reader(
        {
            "$id": "https://example.com/root",
            "$defs": {"n": {"$id": "number", "type": "integer"}},
            "$ref": "number",
        }
    )
    assert read(1) == 1
    with pytest.raises(ValueError, match="is not of type"):
        read("x")


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        (
            {"type": "bogus"},
            'is not a JSON Schema: type: "bogus" is',
        ),
        (
            {"properties": {"a": {"minimum": "3"}}},
            'properties.a.minimum: "3" is',
        ),
        ({"pattern": "("}, "is not a JSON Schema: pattern"),
        (
            {"$ref": "#/$defs/a"},
            "does not contain: Pointer '/$defs/a' does not",
        ),
        ({"$ref": "https://example.com/s"}, "does not contain: Resource 'https://exa"),
        (
            {"not": {"$ref": "other.json"}},
            "does not contain: Resource 'other.json'.",
        ),
        ({"$ref": "file:///etc/hostname"}, "does not contain: Resource 'file:///etc"),
        ({"$schema": "urn:mine"}, "Unknown meta-schema: 'urn:mine'"),
    ],
)
def test_what_is_not_a_schema_is_refused(schema: Any, message: str) -> None:
    with pytest.raises(SchemaError) as raised:
        make_raw_reader(schema)
    assert message in str(raised.value)


def test_a_schema_loads_no_grammars() -> None:
    """They took 1.2 s wherever JupyterLab is installed."""
    code = (
        "import sys; from stepmagic.schema import Schema\n"
        "assert Schema.of({'type': 'integer'}).read('1') == 1\n"
        "assert not {'jsonschema', 'lark'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603 - our own line
