"""Long lists, tables and code: parsed once, shown in full."""

from __future__ import annotations

from typing import Any

import pytest
from markdown_it.token import Token

from growing_markdown import Screen, one_shot
from page import Page
from stepmagic.markdown.parser import parse_blocks


def test_blocks_and_rows_are_not_taken_back() -> None:
    screen = Screen()
    html = ""
    for letter in "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n\n- x\n- y\n\ntext":
        before, html = html, screen.feed(letter)
        assert html.count("</tr>") >= before.count("</tr>")
        assert html.count("<li>") >= before.count("<li>")
    assert html.endswith("<p>text</p>\n")


def words(html: str) -> list[str]:
    return Page(html).text.split()


BLOCKS = {
    "fence": ("```python\n", "x = f(1) < 2  # text\n"),
    "indented fence": (" ```\n", " x = f(1) < 2\n\nx\n"),
    "list": ("", "- item **bold** and `code`\n"),
    "loose list": ("", "- item **bold** and `code`\n\n  more\n\n"),
    "nested list": ("1. a\n", "   - item **bold** and `code`\n"),
    "table": ("| a | b |\n|---|---|\n", "| item **bold** | `code` |\n"),
    "lines": ("", "item **bold** and `code`\n"),
    "line": ("", "item **bold** and `code`, "),
    "quote": ("", "> item **bold** and `code`\n"),
}


@pytest.mark.parametrize("kind", BLOCKS)
def test_a_giant_block_is_not_parsed_again_and_again(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    head, line = BLOCKS[kind]
    parsed = 0

    def counted(source: str, env: dict[str, Any]) -> list[Token]:
        nonlocal parsed
        parsed += len(source)
        return parse_blocks(source, env)

    monkeypatch.setattr("stepmagic.markdown.links.parse_blocks", counted)
    costs = []
    for size in (2_500, 10_000):
        source = head + line * (size // len(line))
        screen = Screen()
        parsed = 0
        for place in range(0, len(source), 40):
            html = screen.feed(source[place : place + 40])
        costs.append(parsed / len(source))
        assert len(words(html)) > 0.85 * len(words(one_shot(source)))
    # To parse all at each of the 250 patches would be 125 times.
    assert costs[1] < 1.5 * costs[0]
    end = "\n\nend\n\n"
    assert words(screen.feed(end)) == words(one_shot(source + end))


def test_a_long_list_that_turns_loose_is_written_anew() -> None:
    source = "- a\n" * 500
    screen = Screen()
    assert screen.feed(source) == one_shot(source)
    assert screen.feed("\n  b") == one_shot(source + "\n  b")
    assert screen.feed("\n- c\n- d\n") == one_shot(source + "\n  b\n- c\n- d\n")


def test_a_large_table_shows_several_rows_at_once() -> None:
    source = "| a |\n|-|\n" + "| b |\n" * 5_000
    screen = Screen()
    assert screen.feed(source) == one_shot(source)
    assert screen.feed("| c |\n") == one_shot(source)
    source += "| c |\n" * 50
    assert screen.feed("| c |\n" * 49) == one_shot(source)
    assert screen.feed("| d |\n\n") == one_shot(source + "| d |\n")
