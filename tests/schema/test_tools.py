"""Functions as tools: what is noted on them, how they are found, what is refused."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from stepmagic import tool
from stepmagic.errors import CommandError, SchemaError, SettingError
from stepmagic.schema.tools import Tool, find_tools, to_tools


def search(query: str, *, most: int = 3) -> list[str]:
    """Search the shop.

    Args:
        query: What to look for.
        most: How many.
    """
    return [query] * most


class Shop:
    """Something with a method."""

    def price(self, name: str) -> float:
        """Return a price."""
        return float(len(name))


def test_a_plain_function_is_told_by_its_signature_and_docstring() -> None:
    (found,) = to_tools([search])
    spec = found.schema
    assert (spec.name, spec.description) == ("search", "Search the shop.")
    assert spec.parameters["properties"]["query"]["description"] == "What to look for."
    assert spec.parameters["required"] == ["query"]
    assert not spec.strict
    assert (found.confirm, found.threaded) == (False, True)


def test_a_note_leaves_the_function_as_it_is() -> None:
    @tool(name="find", description="Find it.", confirm=True, threaded=False)
    def look(query: str) -> str:
        return query

    assert look("a") == "a"
    made = Tool.of(look)
    assert (made.schema.name, made.schema.description) == ("find", "Find it.")
    assert (made.confirm, made.threaded) == (True, False)
    assert Tool.of(made) is made
    assert Tool.of(tool(search)).name == "search"


def test_methods_partials_and_built_in_functions_can_be_noted() -> None:
    price = tool(confirm=True)(Shop().price)
    assert Tool.of(price).confirm
    assert price("abc") == 3.0
    some: Any = functools.partial(search, most=1)
    assert Tool.of(some).name == "search"
    assert tool(confirm=True)(len)("abc") == 3


def test_what_cannot_be_called_is_refused() -> None:
    with pytest.raises(SettingError, match="3 is not a function"):
        to_tools([3])
    with pytest.raises(SettingError, match="two functions are called search"):
        to_tools([search, search])
    with pytest.raises(SchemaError, match="'<lambda>' is not a name"):
        to_tools([lambda x: x])
    with pytest.raises(SettingError, match="wait is async"):

        @tool(threaded=False)
        async def wait() -> None:
            """Wait."""


def test_tools_are_found_by_name() -> None:
    names = {"search": search, "shop": Shop(), "number": 3}
    found = find_tools("search, shop.price", names)
    assert [each.name for each in found] == ["search", "price"]
    assert find_tools("", names) == ()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("serch", "no function `serch` here. Did you mean `search`?"),
        ("shop.cost", "no function `shop.cost` here. Separate several by commas"),
        ("number", "`number` is int, not a function."),
    ],
)
def test_a_name_that_is_no_function_is_refused(words: str, said: str) -> None:
    names = {"search": search, "shop": Shop(), "number": 3}
    with pytest.raises(CommandError, match="--tools: ") as raised:
        find_tools(words, names)
    assert said in str(raised.value)
