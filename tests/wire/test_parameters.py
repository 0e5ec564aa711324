"""The table of parameters: names, values, bounds, and where each may go."""

from __future__ import annotations

import math
from typing import Any

import pytest

from stepmagic.errors import SettingError, UnsupportedOption
from stepmagic.transcript import Protocol
from stepmagic.wire.parameters import (
    CODEC,
    PARAMETERS,
    check_parameter,
    no_form,
    plain_fields,
)

GOOD: list[tuple[str, Any]] = [
    ("temperature", 0),
    ("temperature", 2.0),
    ("max_tokens", 1),
    ("logprobs", False),
    ("user", ""),
    ("stop", "END"),
    ("stop", ["a", "b", "c", "d"]),
    ("provider", {"order": ["stepfun"]}),
    ("models", ["a/b"]),
    ("response_format", "json_object"),
    ("response_format", {"type": "text"}),
    ("top_logprobs", 20),
]
BAD: list[tuple[str, Any, str]] = [
    ("temperature", "warm", "temperature takes a number, not 'warm'"),
    ("temperature", True, "temperature takes a number, not True"),
    ("temperature", math.nan, "temperature takes a number, not nan"),
    ("temperature", 2.5, "temperature takes a value from 0 to 2, not 2.5"),
    ("top_p", -0.1, "top_p takes a value from 0 to 1, not -0.1"),
    ("max_tokens", 0, "max_tokens takes a value 1 or more, not 0"),
    ("max_tokens", 1.5, "max_tokens takes a whole number, not 1.5"),
    ("logprobs", 1, "logprobs takes true or false, not 1"),
    ("user", 7, "user takes a text, not 7"),
    ("stop", [1], r"stop takes a text or a list of texts, not \[1\]"),
    ("stop", list("abcde"), "stop takes at most 4 texts, not 5"),
    ("provider", "stepfun", "provider takes an object, not 'stepfun'"),
    ("models", "a/b", "models takes a list, not 'a/b'"),
    ("tool_choice", 3, "tool_choice takes a text or an object, not 3"),
    ("metadata", {"a": {1}}, "metadata contains what JSON cannot express"),
    ("metadata", {"a": math.inf}, "metadata contains what JSON cannot express"),
    ("top_logprobs", 21, "top_logprobs takes a value from 0 to 20, not 21"),
]


@pytest.mark.parametrize(("name", "value"), GOOD, ids=repr)
def test_value_the_table_wants_is_returned(name: str, value: Any) -> None:
    assert check_parameter(name, value) is value


def test_whole_number_may_be_larger_than_any_float() -> None:
    assert check_parameter("seed", 10**400) == 10**400


@pytest.mark.parametrize(("name", "value", "said"), BAD, ids=repr)
def test_other_value_is_refused_with_what_is_wanted(
    name: str, value: Any, said: str
) -> None:
    with pytest.raises(SettingError, match=said):
        check_parameter(name, value)


def test_misspelt_name_is_refused_with_a_close_one() -> None:
    with pytest.raises(SettingError, match=r"'temprature'\. Did you mean 'temper"):
        check_parameter("temprature", 1)


def test_unknown_name_is_refused_with_the_way_for_other_servers() -> None:
    with pytest.raises(SettingError, match=r'extra_body=\{"name": value\}') as caught:
        check_parameter("zzz", 1)
    assert "Did you mean" not in str(caught.value)


@pytest.mark.parametrize(
    ("protocol", "fields"),
    [
        ("chat", {"temperature": 1, "max_tokens": 9, "seed": 7}),
        ("responses", {"temperature": 1, "max_output_tokens": 9}),
        ("messages", {"temperature": 1, "max_tokens": 9}),
    ],
)
def test_plain_parameters_take_the_name_of_the_protocol(
    protocol: Protocol, fields: dict[str, Any]
) -> None:
    given: dict[str, Any] = {"temperature": 1, "max_tokens": 9}
    if protocol == "chat":
        given["seed"] = 7
    assert plain_fields(given, protocol) == fields


def test_parameters_the_codec_writes_are_left_to_it() -> None:
    written = {
        name: None for name, row in PARAMETERS.items() if row.field("chat") == CODEC
    }
    assert "reasoning" in written
    assert plain_fields(written, "chat") == {}


@pytest.mark.parametrize(
    ("name", "protocol", "other"),
    [
        ("seed", "responses", "chat"),
        ("frequency_penalty", "messages", "chat"),
        ("include", "messages", "responses"),
    ],
)
def test_parameter_without_a_form_is_refused_with_a_protocol_that_has_one(
    name: str, protocol: Protocol, other: Protocol
) -> None:
    expected = f"{name}: the '{protocol}' protocol .* `-p api={other}`"
    with pytest.raises(UnsupportedOption, match=expected):
        plain_fields({name: 1}, protocol)


def test_every_row_has_a_form_somewhere() -> None:
    protocols: tuple[Protocol, ...] = ("chat", "responses", "messages")
    for name, row in PARAMETERS.items():
        assert any(row.field(protocol) for protocol in protocols), name


def test_part_without_a_form_is_refused_with_the_way_on_where_there_is_one() -> None:
    assert str(no_form("video", "messages", "chat")) == (
        "video: the 'messages' protocol has no form for it. "
        "Ask through one that has: `-p api=chat`."
    )
    assert str(no_form("video", "chat")) == (
        "video: the 'chat' protocol has no form for it."
    )
