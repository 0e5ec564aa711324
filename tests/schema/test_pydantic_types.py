"""Types that pydantic describes and reads."""

from __future__ import annotations

import decimal
import json
import subprocess
import sys
from typing import Annotated, Any

import jsonschema  # type: ignore[import-untyped]  # its stubs are a package apart
import pytest
from pydantic import Field

from schema_types import (
    ALL_KINDS,
    RAW,
    Item,
)
from stepmagic.errors import SchemaError, ValueMisfit
from stepmagic.schema import Schema


@pytest.mark.parametrize(("kind", "text", "value"), ALL_KINDS)
def test_kind_has_a_schema_whose_values_are_read(
    kind: Any, text: str, value: Any
) -> None:
    schema = Schema.of(kind)
    jsonschema.Draft202012Validator.check_schema(schema.json_schema)
    assert schema.json_schema["type"] == "object"
    assert schema.read(text) == value
    assert isinstance(schema.read(text), type(value))


def test_amount_of_money_is_a_number_with_bounds() -> None:
    """Else it were a number or a text of a pattern that few grammars express."""
    low = decimal.Decimal("0.5")
    kind = Annotated[decimal.Decimal, Field(ge=low, max_digits=4)]
    schema = Schema.of(kind)
    held = json.loads(json.dumps(schema.json_schema["properties"]["value"]))
    assert held == {"type": "number", "minimum": 0.5}
    with pytest.raises(ValueMisfit, match=r"greater than or equal to 0\.5"):
        schema.read("0.25")


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


def test_pydantic_is_loaded_with_the_first_type() -> None:
    code = (
        "import sys; import stepmagic.schema; assert 'pydantic' not in sys.modules\n"
        "assert 'jsonschema_rs' not in sys.modules\n"
        "stepmagic.schema.Schema.of(int); assert 'pydantic' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603 - our own line
