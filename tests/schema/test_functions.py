"""Functions as a model may call them."""

from __future__ import annotations

import functools
from typing import Annotated, Any, TypedDict

import pytest
from pydantic import BaseModel, Field

from stepmagic.errors import SchemaError, ValueMisfit
from stepmagic.schema import function_schema


class Place(TypedDict):
    """Where."""

    city: str


class Query(BaseModel):
    """What."""

    words: list[str]


def weather(  # noqa: D417 - not every argument is told of
    place: Place,
    days: int = 3,
    *more: int,
    query: Query | None = None,
    unit: Annotated[str, Field(max_length=1)] = "C",
    **rest: Any,
) -> str:
    """Return the weather.

    As the station has it.

    Args:
        place: Where,
            such as: Oslo.

        days (int): How many days.
        **rest: Anything.

    Returns:
        days: no argument.
    """
    return f"{place}{days}{more}{query}{unit}{rest}"


def test_signature_and_docstring_become_a_schema() -> None:
    schema = function_schema(weather)
    assert schema.name == "weather"
    assert schema.description == "Return the weather.\n\nAs the station has it."
    assert schema.parameters["properties"] == {
        "place": {
            "description": "Where, such as: Oslo.",
            "anyOf": [{"$ref": "#/$defs/Place"}],
        },
        "days": {"description": "How many days.", "type": "integer"},
        "query": {"anyOf": [{"$ref": "#/$defs/Query"}, {"type": "null"}]},
        "unit": {"type": "string", "maxLength": 1},
    }
    assert schema.parameters["required"] == ["place"]
    assert schema.parameters["additionalProperties"] is False
    assert not schema.is_strict


def test_arguments_are_read_as_the_types_declared() -> None:
    schema = function_schema(weather)
    text = '{"place": {"city": "Oslo"}, "days": "2", "query": {"words": []}}'
    found = schema.validate_arguments(text)
    assert found == {"place": {"city": "Oslo"}, "days": 2, "query": Query(words=[])}
    assert weather(**found)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "the arguments do not fit weather: it is not JSON"),
        ("[]", "Input should be"),
        ("", "place: Field required"),
        ('{"place": {}}', "place.city: Field required"),
        ('{"place": {"city": "a"}, "dayz": 1}', "dayz: Extra inputs are not permitted"),
        ('{"place": {"city": "a"}, "unit": "CC"}', "at most 1 character, not 'CC'"),
    ],
)
def test_arguments_that_do_not_fit_are_told_apart(text: str, problem: str) -> None:
    with pytest.raises(ValueMisfit) as raised:
        function_schema(weather).validate_arguments(text)
    assert problem in str(raised.value)


def test_function_without_arguments_takes_none() -> None:
    def now() -> str:
        return "noon"

    schema = function_schema(now)
    assert schema.parameters == {
        "type": "object",
        "properties": {},
        "additionalProperties": False,
    }
    assert schema.description == ""
    assert schema.validate_arguments("") == schema.validate_arguments("{}") == {}
    assert schema.is_strict
    assert now() == "noon"


def test_argument_without_a_type_takes_anything() -> None:
    def same(value):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202 - is the test
        return value

    schema = function_schema(same)
    assert schema.validate_arguments('{"value": [1, null]}') == {"value": [1, None]}
    assert same(1) == 1  # type: ignore[no-untyped-call]  # as above


class Station:
    """A station."""

    def read(self, hour: int) -> int:
        """Read the hour."""
        return hour

    def __call__(self, hour: int) -> int:
        return hour


def test_methods_partials_and_callable_objects_have_a_schema() -> None:
    station = Station()
    method = function_schema(station.read)
    assert (method.name, [*method.parameters["properties"]]) == ("read", ["hour"])
    called = function_schema(station)
    assert (called.name, called.description) == ("Station", "A station.")
    fixed = function_schema(functools.partial(weather, days=1))
    assert fixed.name == "weather"
    assert fixed.parameters["required"] == ["place"]
    assert station(station.read(1)) == 1


def test_coroutine_function_has_a_schema() -> None:
    async def fetch(page: int) -> int:
        """Fetch."""
        return page

    assert function_schema(fetch).parameters["required"] == ["page"]


def test_name_and_description_can_be_given() -> None:
    schema = function_schema(lambda x: x, name="same", description="Echo.")
    assert (schema.name, schema.description) == ("same", "Echo.")


def by_position(a: int, /) -> int:
    return a


def with_unknown(a: Missing) -> None: ...  # type: ignore[name-defined]  # noqa: F821


def with_iterator(a: type(iter([]))) -> None: ...  # type: ignore[valid-type]


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: x, "'<lambda>' is not a name by which a model can call"),
        (by_position, "by_position takes a only by position"),
        (with_unknown, "the signature of with_unknown cannot be read: name 'Missing'"),
        (with_iterator, "with_iterator has no form in JSON"),
    ],
)
def test_what_a_model_cannot_call_is_refused(function: Any, message: str) -> None:
    with pytest.raises(SchemaError) as raised:
        function_schema(function)
    assert message in str(raised.value)


def test_docstring_that_begins_oddly_is_read() -> None:
    def odd(a: int) -> int:
        """Do.

        Args:
            just words
            a: One.
        """
        return a

    schema = function_schema(odd)
    assert schema.parameters["properties"]["a"]["description"] == "One."
    assert odd(1) == 1
