"""Types as JSON Schema, and what a model wrote read as their values."""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import enum
import json
import subprocess
import sys
from typing import Annotated, Any, Literal, NotRequired, Required, TypedDict

import jsonschema  # type: ignore[import-untyped]  # its stubs are a package apart
import pytest
from pydantic import BaseModel, ConfigDict, Field

from stepmagic.errors import SchemaError, ValueMisfit
from stepmagic.schema import Column, Schema, plain, rows_of


class Colour(enum.Enum):
    """A choice of texts."""

    RED = "red"
    BLUE = "blue"


class Size(enum.IntEnum):
    """A choice of numbers."""

    SMALL = 1
    LARGE = 2


@dataclasses.dataclass
class Item:
    """A thing that is sold."""

    name: str
    price: Annotated[float, Field(ge=0, description="in euros")]
    colour: Colour = Colour.RED
    tags: list[str] = dataclasses.field(default_factory=list)
    note: str | None = None


class Invoice(BaseModel):
    """A model with another type in it."""

    number: int
    day: dt.date
    items: list[Item] = Field(max_length=3)


class Node(BaseModel):
    """A model that refers to itself."""

    label: str
    children: list[Node] = []


class Open(BaseModel):
    """A model that takes further keys."""

    model_config = ConfigDict(extra="allow")
    a: int


class Point(TypedDict):
    """A place."""

    x: int
    y: int


class Loose(TypedDict, total=False):
    """Keys that may be missing."""

    x: Required[list[Point]]
    y: NotRequired[Point | None]
    z: int


RAW = {
    "title": "people",
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"title": {"type": "string", "default": "Dr"}},
        "required": ["title"],
    },
}

ALL_KINDS: list[tuple[Any, str, Any]] = [
    (int, '{"value": 3}', 3),
    (float, '{"value": 2.5}', 2.5),
    (bool, '{"value": true}', True),
    (str, '{"value": "word"}', "word"),
    (None, '{"value": null}', None),
    (dt.date, '{"value": "2026-01-31"}', dt.date(2026, 1, 31)),
    (decimal.Decimal, '{"value": 1.5}', decimal.Decimal("1.5")),
    (Colour, '{"value": "blue"}', Colour.BLUE),
    (Size, '{"value": 2}', Size.LARGE),
    (Literal["a", "b"], '{"value": "b"}', "b"),
    (list[int], '{"value": [1, 2]}', [1, 2]),
    (tuple[int, str], '{"value": [1, "a"]}', (1, "a")),
    (set[int], '{"value": [1, 1]}', {1}),
    (dict[str, int], '{"a": 1}', {"a": 1}),
    (int | str, '{"value": "a"}', "a"),
    (Colour | None, '{"value": null}', None),
    (Annotated[list[int], Field(max_length=2)], '{"value": [1]}', [1]),
    (Item, '{"name": "pen", "price": 1}', Item("pen", 1.0)),
    (list[Item], '{"value": [{"name": "a", "price": 0}]}', [Item("a", 0.0)]),
    (Point, '{"x": 1, "y": 2}', {"x": 1, "y": 2}),
    (list[Point], '{"value": [{"x": 1, "y": 2}]}', [{"x": 1, "y": 2}]),
    (Loose, '{"x": []}', {"x": []}),
    (Annotated[Loose, "noted"], '{"x": [], "z": 1}', {"x": [], "z": 1}),
    (Point | int, '{"value": 1}', 1),
    (Node, '{"label": "a", "children": []}', Node(label="a")),
    (Open, '{"a": 1, "b": 2}', Open.model_validate({"a": 1, "b": 2})),
    (Any, '{"value": [1, null]}', [1, None]),
    (RAW, '{"value": [{"title": "Ms"}]}', [{"title": "Ms"}]),
    ({"type": "object"}, '{"a": 1}', {"a": 1}),
]


@pytest.mark.parametrize(("kind", "text", "value"), ALL_KINDS)
def test_kind_has_a_schema_whose_values_are_read(
    kind: Any, text: str, value: Any
) -> None:
    schema = Schema.of(kind)
    jsonschema.Draft202012Validator.check_schema(schema.json_schema)
    assert schema.json_schema["type"] == "object"
    assert schema.read(text) == value
    assert isinstance(schema.read(text), type(value))


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


def test_amount_of_money_is_a_number_with_bounds() -> None:
    """Else it were a number or a text of a pattern that few grammars express."""
    low = decimal.Decimal("0.5")
    kind = Annotated[decimal.Decimal, Field(ge=low, max_digits=4)]
    schema = Schema.of(kind)
    held = json.loads(json.dumps(schema.json_schema["properties"]["value"]))
    assert held == {"type": "number", "minimum": 0.5}
    with pytest.raises(ValueMisfit, match=r"greater than or equal to 0\.5"):
        schema.read("0.25")


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


@pytest.mark.parametrize(
    ("kind", "text", "problem"),
    [
        (int, "no", "it is not JSON: Expecting value in 'no'"),
        (int, "[" * 100_000, "it is not JSON: it is nested too deeply in"),
        (int, '{"value": "x"}', "unable to parse string as an integer, not 'x'"),
        (list[Item], '[{"name": "a", "price": 0}, {}]', "[1].name: Field required"),
        (Item, '{"name": "a", "price": -1}', "price: Input should be greater than"),
        (Item, '{"name": "a", "price": 1, "colour": "x"}', "'red' or 'blue', not 'x'"),
        (str, r'{"value": "\ud800"}', "Invalid JSON: unexpected end of hex escape"),
        (int, f'{{"value": "{"x" * 100}"}}', f"not '{'x' * 59}..."),
        (list[int], str(["x"] * 9).replace("'", '"'), "\nand 4 more"),
        (RAW, '[{"title": 1}]', '[0].title: 1 is not of type "string"'),
        (RAW, "3", '3 is not of type "array"'),
        (RAW, f'["{"x" * 300}"]', "... does not fit 'type'"),
        (RAW, str([1] * 9), "\nand 4 more"),
    ],
)
def test_misfit_says_what_is_wrong_where(kind: Any, text: str, problem: str) -> None:
    schema = Schema.of(kind)
    with pytest.raises(ValueMisfit) as raised:
        schema.read(text)
    assert problem in raised.value.problem
    assert str(raised.value) == f"the answer is not of type {schema.title}: " + (
        raised.value.problem
    )
    assert raised.value.text == text


@pytest.mark.parametrize("fence", ["```json\n", "```\n", "So:\n\n```json\n", "  ```\n"])
def test_fenced_json_is_read(fence: str) -> None:
    assert Schema.of(int).read(f"{fence}3\n```\nThat is it.") == 3


def test_of_two_blocks_none_is_taken() -> None:
    with pytest.raises(ValueMisfit, match="is not JSON"):
        Schema.of(int).read("```\n3\n```\n```\n4\n```")


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (3, "3 is not a type to answer with. Take a type, such as str"),
        ("int", "'int' is not a type"),
        ((int, str), "is not a type"),
        (len, "is not a type"),
        (type(iter([])), "list_iterator has no form in JSON: Unable to generate"),
        (list["Missing"], "has no form in JSON: name 'Missing' is not defined"),  # type: ignore[name-defined]  # noqa: F821
        (Schema, "has no form in JSON"),
        ({"type": "bogus"}, 'is not a JSON Schema: type: "bogus" is'),
        (
            {"$ref": "https://example.com/s"},
            "does not contain: Resource 'https://example.com/s'",
        ),
        (
            {"items": {"not": {"$ref": "#/$defs/a"}}},
            "does not contain: Pointer '/$defs/a' does not",
        ),
    ],
)
def test_what_has_no_form_is_refused(kind: Any, message: str) -> None:
    with pytest.raises(SchemaError) as raised:
        Schema.of(kind)
    assert message in str(raised.value)


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


def test_definitions_that_refer_in_circles_end() -> None:
    loop = {"anyOf": [{"$ref": "#/$defs/a"}]}
    schema = Schema.of({"anyOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": loop}})
    assert schema.columns == (Column(name="value", kind="object"),)


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


# Loading.


def test_pydantic_is_loaded_with_the_first_type() -> None:
    code = (
        "import sys; import stepmagic.schema; assert 'pydantic' not in sys.modules\n"
        "assert 'jsonschema_rs' not in sys.modules\n"
        "stepmagic.schema.Schema.of(int); assert 'pydantic' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603 - our own line
