"""Types as JSON Schema, and what a model wrote read as their values."""

from __future__ import annotations

import datetime as dt
import json
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from schema_types import (
    ALL_KINDS,
    RAW,
    Colour,
    Invoice,
    Item,
    Loose,
    Point,
    Size,
)
from stepmagic.errors import ValueMisfit
from stepmagic.schema import Column, Schema, plain, rows_of


@pytest.mark.parametrize(("kind", "text", "value"), ALL_KINDS)
def test_bare_value_is_read_without_its_wrapping(
    kind: Any, text: str, value: Any
) -> None:
    schema = Schema.of(kind)
    bare = json.loads(text)
    bare = bare["value"] if schema.is_wrapped else bare
    assert schema.read(json.dumps(bare)) == value


def test_schema_of_a_schema_is_itself() -> None:
    schema = Schema.of(int)
    assert Schema.of(schema) is schema


@pytest.mark.parametrize(
    ("kind", "title", "name"),
    [
        (Item, "Item", "Item"),
        (list[Item], "list[Item]", "list_Item"),
        (Item | None, "Item | None", "Item_None"),
        (Literal["é"], "Literal['é']", "Literal"),
        (Annotated[list[int], Field(max_length=2)], "list[int]", "list_int"),
        (RAW, "people", "people"),
        ({"type": "string", "title": "é"}, "é", "answer"),
        ({"type": "string"}, "answer", "answer"),
        (None, "None", "None"),
    ],
)
def test_type_has_a_name_that_servers_take(kind: Any, title: str, name: str) -> None:
    schema = Schema.of(kind)
    assert (schema.title, schema.name) == (title, name)
    assert len(Schema.of(kind, name="n" * 100).name) == 64


def test_response_format_is_that_of_chat() -> None:
    schema = Schema.of(Point)
    assert schema.response_format == {
        "type": "json_schema",
        "json_schema": {"name": "Point", "strict": True, "schema": schema.json_schema},
    }


# What cannot be read.


@pytest.mark.parametrize("fence", ["```json\n", "```\n", "So:\n\n```json\n", "  ```\n"])
def test_fenced_json_is_read(fence: str) -> None:
    assert Schema.of(int).read(f"{fence}3\n```\nThat is it.") == 3


def test_of_two_blocks_none_is_taken() -> None:
    with pytest.raises(ValueMisfit, match="is not JSON"):
        Schema.of(int).read("```\n3\n```\n```\n4\n```")


def test_definitions_of_a_users_own_schema_are_followed() -> None:
    schema = Schema.of({
        "$ref": "#/definitions/pair",
        "definitions": {"pair": {"type": "object", "properties": {"a": {"const": 1}}}},
    })  # fmt: skip
    assert not schema.is_wrapped
    assert schema.columns == (Column(name="a", kind="integer", is_optional=True),)
    with pytest.raises(ValueMisfit, match="a: 1 was expected"):
        schema.read('{"a": 2}')


# Columns and rows.


def test_columns_are_the_fields_of_a_record() -> None:
    assert Schema.of(Item).columns == (
        Column(name="name", kind="string"),
        Column(name="price", kind="number"),
        Column(name="colour", kind="string"),
        Column(name="tags", kind="object"),
        Column(name="note", kind="string", is_optional=True),
    )


@pytest.mark.parametrize(
    ("kind", "column"),
    [
        (bool, Column(name="value", kind="boolean")),
        (Colour | None, Column(name="value", kind="string", is_optional=True)),
        (int | str, Column(name="value", kind="object")),
        (list[Item], Column(name="value", kind="object")),
        (None, Column(name="value", kind="object", is_optional=True)),
        (Any, Column(name="value", kind="object")),
        ({"enum": [1, None]}, Column(name="value", kind="integer", is_optional=True)),
        ({"enum": [[], {}]}, Column(name="value", kind="object")),
        ({"type": ["integer", "string"]}, Column(name="value", kind="object")),
        ({"anyOf": [True]}, Column(name="value", kind="object")),
        ({"$ref": "#"}, Column(name="value", kind="object")),
    ],
)  # fmt: skip
def test_what_is_no_record_is_one_column(kind: Any, column: Column) -> None:
    assert Schema.of(kind).columns == (column,)


def test_open_mapping_has_no_columns_and_keeps_its_keys() -> None:
    schema = Schema.of(dict[str, int])
    assert schema.columns == ()
    assert schema.row({"b": 1}) == {"b": 1}


def test_row_has_every_column() -> None:
    schema = Schema.of(Loose)
    assert schema.row({"x": [{"x": 1, "y": 2}]}) == {
        "x": [{"x": 1, "y": 2}],
        "y": None,
        "z": None,
    }
    assert Schema.of(Colour).row(Colour.RED) == {"value": "red"}
    assert Schema.of(list[Size]).row([Size.LARGE]) == {"value": [2]}


def test_values_become_plain_for_a_frame() -> None:
    day = dt.date(2026, 1, 31)
    invoice = Invoice(number=1, day=day, items=[Item("pen", 1.0)])
    item = {"name": "pen", "price": 1.0, "colour": "red", "tags": [], "note": None}
    assert plain(invoice) == {"number": 1, "day": day, "items": [item]}
    assert rows_of([invoice.items[0], 3]) == [item, {"value": 3}]
    assert rows_of(Colour.RED) == [{"value": "red"}]
    assert plain(Item) is Item
