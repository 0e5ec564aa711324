"""The end of a text that is not complete: what is finished, what is held back."""

from __future__ import annotations

import re

import pytest

from growing_markdown import Screen
from stepmagic.markdown.boundaries import (
    count_finished_lines,
    possible_table_head,
    stable_prefix,
)
from stepmagic.markdown.parser import parse


@pytest.mark.parametrize(
    ("source", "never"),
    [
        ("a\n\n```python\nx = 1\n```\nb\n", ["`", "<p><code", "<small>py<"]),
        ("~~~\ncode\n~~~\n", ["~"]),
        (
            "| a | b |\n|---|:-:|\n| 1 | 2 |\n| 3 | 4 |\n",
            ["|", "-", "</td>\n</tr>\n<p"],
        ),
        ("a | b\n--|--\n1 | 2\n", ["--"]),
        ("some **bold** and *it* and ~~not~~ and __so__\n", ["*", "~", "_"]),
        ("**Title**: text with `code` and ***both***, **(a)**\n", ["*", "`"]),
        ("a [link](https://a.b/c) and ![image](https://a.b/i)\n", ["](", "!"]),
        ("<https://a.b/c> and &amp;\n", ["&lt;", "&amp;a"]),
        ("Title\n===\n\nOther\n---\n", ["=\n", "==", "-", "=<", "<hr", "<ul"]),
        ("* one\n* two\n\n1. three\n10. four\n", ["*", "1", "<li></li>", "<hr"]),
        ("# Title\n\n###### Small\n", ["#", "<h2", "></h"]),
        (r"so $x$ and \(y\) here" + "\n", ["<span>$", "<span>\\</span>("]),
        ("> quote\n> > deeper\n", ["&gt;", "<blockquote>\n</"]),
        ("[foo]: https://a.b\n\ntext [foo]\n", ["]:", "[foo"]),
    ],
)
def test_nothing_is_shown_that_turns_into_markup(source: str, never: list[str]) -> None:
    screen = Screen()
    attributes = re.compile(r' (?:style|class|href|target|rel)="[^"]*"')
    for letter in source:
        html = attributes.sub("", screen.feed(letter))
        for wrong in never:
            assert wrong not in html


def test_what_could_be_markup_does_not_wait_forever() -> None:
    assert stable_prefix("a **b" + "c" * 98) != "a"
    assert stable_prefix("a **b" + "c" * 90) == "a"
    assert stable_prefix("| " + "a" * 3000) == "| " + "a" * 3000
    assert stable_prefix("2 * 3 = 6, a_b, $5") == "2 * 3 = 6, a_b, $5"


@pytest.mark.parametrize(
    ("text", "finished"),
    [
        ("", 0),
        ("\n\n", 2),
        ("a\nb\n", 0),
        ("a\n\n", 2),
        ("a\n\nb\n", 2),
        ("# a\nb\n", 1),
        ("```\na\n", 0),
        ("```\na\n```\n", 3),
        ("- a\n\n", 0),
        ("$$\na\n\n", 3),
        ("$$\n# a\n", 0),
        ("a\n\n[b]: c\nd\n", 2),
        ("```\n[a]\n```\nb\n", 3),
    ],
)
def test_lines_are_finished_when_later_ones_cannot_change_them(
    text: str, finished: int
) -> None:
    lines = text.split("\n")[:-1]
    assert count_finished_lines(parse(text), lines) == finished


def test_only_a_last_line_of_text_may_become_the_head_of_a_table() -> None:
    for text, head in (("a\n| b |\n", "| b |\n"), ("| a\n\n", ""), ("a | b\n", "")):
        assert possible_table_head(parse(text), text) == head
    assert possible_table_head(parse("```\n| a |\n"), "```\n| a |\n") == ""
