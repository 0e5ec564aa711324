"""What is asked of a row, and which columns that takes."""

from __future__ import annotations

from typing import Any

import pytest

from stepmagic.ask.batch.question import question
from stepmagic.attachments.attachment import Handling
from stepmagic.errors import AttachmentError

ROW = {"a b": 1, "meta": {"lang": "el", "n": [7]}, "x": "text"}


def asked(text: str, row: dict[str, Any] = ROW) -> str:
    """Return the text of the question about a row."""
    found = question(text, row, Handling())
    return found.message({name: row[name] for name in found.columns}).text


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("{{ a b }}", "1"),
        ("{{x}} {{ x }}", "text text"),
        ("{{ meta['lang'] }} {{ meta['n'][0] }}", "el 7"),
        (r"{{ x }} \{{ x }}", "text {{ x }}"),
        ("{{ meta }}", "{'lang': 'el', 'n': [7]}"),
    ],
)
def test_columns_stand_where_they_are_named(text: str, wanted: str) -> None:
    assert asked(text) == wanted


def test_only_named_columns_are_taken() -> None:
    found = question("{{ meta['n'] }} {{ x }} {{ meta['lang'] }}", ROW, Handling())
    assert found.columns == ("meta", "x")


@pytest.mark.parametrize("text", ["{{ meta['no'] }}", "{{ x.upper() }}"])
def test_more_than_data_is_refused(text: str) -> None:
    with pytest.raises(AttachmentError):
        asked(text)


def test_an_expression_of_no_name_is_refused() -> None:
    with pytest.raises(AttachmentError, match=r"no column '\+1'"):
        asked("{{ +1 }}")


def test_no_column_at_all_is_refused() -> None:
    with pytest.raises(AttachmentError, match="column"):
        question("What?", (), Handling())
