"""JSON read safely, and options of several spellings."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stepmagic.errors import SettingError
from stepmagic.transcript import TokenLogprob
from stepmagic.wire.json_values import (
    amount,
    count,
    logprobs,
    mapping,
    objects,
    response_format,
    tool_choice,
    word,
)

ODD: list[Any] = [None, "x", 1, 1.5, True, [], {}, [1], {"a": 1}]


@pytest.mark.parametrize("value", ODD)
def test_what_is_of_another_type_reads_as_empty(value: Any) -> None:
    assert mapping(value) == (value if isinstance(value, dict) else {})
    assert word(value) == (value if isinstance(value, str) else "")
    assert objects(value) == []
    assert count(value) == (int(value) if isinstance(value, int | float) else 0)
    assert amount(value) == (value if isinstance(value, int | float) else None)


@pytest.mark.parametrize("text", ["1e999", "-1e999", "NaN", "1" + "0" * 400])
def test_number_beyond_all_bounds_is_none(text: str) -> None:
    number = json.loads(text)
    assert amount(number) is None
    assert count(number) == 0


def test_objects_are_read_out_of_a_mixed_list() -> None:
    assert objects([1, {"a": 1}, None, {}]) == [{"a": 1}, {}]


def test_logprobs_keep_bytes_and_alternatives_and_skip_what_has_no_number() -> None:
    forms = [
        {"token": "a", "logprob": -1, "bytes": [97], "top_logprobs": [{"logprob": -2}]},
        {"token": "b", "bytes": None},
        "c",
    ]
    assert logprobs([{"token": "a", "logprob": -1, "bytes": ["97"]}])[0].utf8 is None
    other = TokenLogprob(token="", logprob=-2.0)
    assert logprobs(forms) == (
        TokenLogprob(token="a", logprob=-1.0, utf8=(97,), alternatives=(other,)),
    )
    assert logprobs(None) == ()


@pytest.mark.parametrize(
    ("value", "choice"),
    [
        ("auto", ("auto", "")),
        ("any", ("required", "")),
        ("add", ("tool", "add")),
        ({"type": "function", "function": {"name": "add"}}, ("tool", "add")),
        ({"type": "function", "name": "add"}, ("tool", "add")),
        ({"type": "tool", "name": "add"}, ("tool", "add")),
        ({"type": "any"}, ("required", "")),
        ({"type": "none"}, ("none", "")),
    ],
)
def test_every_spelling_of_a_tool_choice_is_read(value: Any, choice: Any) -> None:
    assert tool_choice(value) == choice


def test_tool_choice_of_an_unknown_kind_is_refused_with_the_right_ones() -> None:
    with pytest.raises(SettingError, match="none, required, any or a tool, not"):
        tool_choice({"type": "allowed_tools", "tools": []})


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("text", ("text", {})),
        ({"type": "json_object"}, ("json_object", {})),
        (
            {"type": "json_schema", "json_schema": {"name": "a", "schema": {}}},
            ("json_schema", {"name": "a", "schema": {}}),
        ),
        (
            {"type": "json_schema", "name": "a", "schema": {}},
            ("json_schema", {"name": "a", "schema": {}}),
        ),
    ],
)
def test_every_spelling_of_a_response_format_is_read(value: Any, read: Any) -> None:
    assert response_format(value) == read


def test_word_that_is_no_response_format_is_refused_with_the_right_ones() -> None:
    with pytest.raises(SettingError, match="text and json_object, not 'yaml'"):
        response_format("yaml")
