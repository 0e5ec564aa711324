"""JSON as it forms: what is shown of it, in any chunking."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepmagic.markdown.json_block import JsonStream, format_json


@pytest.mark.parametrize("spaces", [None, 1])
@pytest.mark.parametrize(
    "value",
    [
        {},
        {"": ""},
        {"value": [1, -2.5, True, None, 'a, b: {c} [d] "e" \\']},
        {"a": {"b": [[], {}, [[]]], "c": "ü"}, "d": []},
        [{"a": 1}, {"b": []}],
        ["```", "\n```\n"],
    ],
    ids=repr,
)
def test_block_holds_the_json_indented(value: object, spaces: int | None) -> None:
    written = json.dumps(value, indent=spaces, ensure_ascii=False)
    indented = json.dumps(value, indent=2, ensure_ascii=False)
    assert format_json(written) == f"```json\n{indented}\n```\n"


@given(st.text('{}[]",:\\ \nab1`'), st.data())
def test_any_chunking_gives_the_same(text: str, data: st.DataObject) -> None:
    stream, shown, rest = JsonStream(), "", text
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        shown += stream.feed(rest[:size])
        rest = rest[size:]
    assert shown + stream.close() == format_json(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "{",
        "[",
        "Yes.",
        "[a link](https://example.com)",
        "{x}",
        "```json\n{}",
        "1",
    ],
)
def test_other_text_passes_as_it_is(text: str) -> None:
    assert format_json(text) == text


def test_what_follows_the_json_is_text_again() -> None:
    assert format_json('{"a": 1} That is *it*, {"b"}.') == (
        '```json\n{\n  "a": 1\n}\n```\n That is *it*, {"b"}.'
    )


def test_list_of_records_is_a_block() -> None:
    assert format_json('[{"a":[]}').startswith('```json\n[\n  {\n    "a": []\n  }')


def test_what_is_shown_only_grows() -> None:
    text = '{"a": [{"b": "x, y: {z}\\""}, {}], "c": null}'
    frames = [format_json(text[:size]) for size in range(3, len(text) + 1)]
    for before, after in itertools.pairwise(frames):
        assert after.startswith(before)
