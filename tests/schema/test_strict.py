"""Schemas as strict servers take them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from schema_types import RAW, Colour, Invoice, Item, Loose, Node, Open
from stepmagic.schema import Column, Schema


def test_objects_are_closed_and_want_every_property() -> None:
    schema = Schema.of(Invoice)
    found = schema.json_schema
    # Newer versions of pydantic add the docstring of a dataclass.
    item: dict[str, Any] = found["$defs"]["Item"]
    assert item.pop("description", Item.__doc__) == Item.__doc__
    assert found == {
        "description": "A model with another type in it.",
        "type": "object",
        "properties": {
            "number": {"type": "integer"},
            "day": {"type": "string", "format": "date"},
            "items": {
                "type": "array",
                "maxItems": 3,
                "items": {"$ref": "#/$defs/Item"},
            },
        },
        "required": ["number", "day", "items"],
        "additionalProperties": False,
        "$defs": {
            "Colour": {
                "description": "A choice of texts.",
                "type": "string",
                "enum": ["red", "blue"],
            },
            "Item": {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "price": {
                        "type": "number",
                        "minimum": 0,
                        "description": "in euros",
                    },
                    "colour": {"$ref": "#/$defs/Colour"},
                    "tags": {"type": "array", "items": {"type": "string"}},
                    "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                },
                "required": ["name", "price", "colour", "tags", "note"],
                "additionalProperties": False,
            },
        },
    }
    assert not schema.is_wrapped
    assert schema.is_strict


def test_root_that_refers_to_itself_becomes_its_definition() -> None:
    schema = Schema.of(Node)
    assert schema.json_schema["required"] == ["label", "children"]
    children = schema.json_schema["properties"]["children"]
    assert children == {"type": "array", "items": {"$ref": "#/$defs/Node"}}
    assert schema.is_strict


def test_nothing_stands_beside_a_reference() -> None:
    class Car(BaseModel):
        colour: Colour = Field(description="of the paint")

    schema = Schema.of(Car)
    assert schema.json_schema["properties"]["colour"] == {
        "description": "of the paint",
        "anyOf": [{"$ref": "#/$defs/Colour"}],
    }


def test_property_may_be_called_as_a_keyword_is() -> None:
    """Only keywords are left out, not what a user calls a property."""
    held = Schema.of(RAW).json_schema["properties"]["value"]
    assert held["items"]["properties"] == {"title": {"type": "string"}}
    assert "title" not in held


def test_choices_have_one_keyword() -> None:
    class Cat(BaseModel):
        kind: Literal["cat"]

    class Dog(BaseModel):
        kind: Literal["dog"]

    pet = Annotated[Cat | Dog, Field(discriminator="kind")]
    schema = Schema.of(pet)
    assert [*schema.json_schema["properties"]["value"]] == ["anyOf"]
    assert schema.is_strict
    assert schema.read('{"value": {"kind": "dog"}}') == Dog(kind="dog")


def test_format_that_servers_refuse_is_checked_here_alone() -> None:
    schema = Schema.of({"type": "string", "format": "phone"})
    assert schema.json_schema["properties"] == {"value": {"type": "string"}}


@pytest.mark.parametrize(
    "kind",
    [
        Any,
        Loose,
        Open,
        dict[str, int],
        tuple[int, str],
        set[int],
        {"type": "object", "properties": {"a": {"type": "string"}}},
        {"type": "object", "patternProperties": {"^x": {"type": "string"}}},
        {"allOf": [{"type": "string"}]},
    ],
)
def test_what_strict_has_no_form_for_is_not_strict(kind: Any) -> None:
    assert not Schema.of(kind).is_strict
    assert not Schema.of(kind).response_format["json_schema"]["strict"]


def test_definitions_that_refer_in_circles_end() -> None:
    loop = {"anyOf": [{"$ref": "#/$defs/a"}]}
    schema = Schema.of({"anyOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": loop}})
    assert schema.columns == (Column(name="value", kind="object"),)
