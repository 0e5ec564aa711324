"""Blocks of a growing answer: finished ones exact, the open one cheap."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from typing import Any

import pytest
from markdown_it.token import Token

from commonmark_examples import EXAMPLES, cut
from stepmagic.display.terminal.blocks import TerminalBlocks
from stepmagic.markdown import plain
from stepmagic.markdown.parser import DEEPEST, LONGEST, parse, parse_blocks

SIZE = os.terminal_size((80, 24))
SMALL = os.terminal_size((20, 5))
PARAGRAPH = "Some words *and* emphasis in a `line` of text. "
GIANTS = {
    "paragraph": ("", PARAGRAPH),
    "list": ("", f"- {PARAGRAPH}\n"),
    "table": ("| a | b |\n|---|---|\n", "| some | words |\n"),
    "fence": ("```python\n", "x = 1  # and so on\n"),
    "quote": ("", f"> {PARAGRAPH}\n"),
}


def shown(tokens: list[Token]) -> list[Any]:
    """Return what of tokens can be seen."""
    return [
        (token.type, token.tag, token.hidden, token.info, token.content, token.attrs)
        if token.children is None
        else [(each.type, each.content, each.attrs) for each in token.children]
        for token in tokens
    ]


def grown(source: str, chance: random.Random) -> list[Token]:
    """Return the blocks of a text that came in pieces."""
    blocks = TerminalBlocks()
    tokens = []
    for piece in cut(source, chance):
        blocks.feed(piece)
        if chance.random() < 0.7:
            tokens += blocks.settle()
        if chance.random() < 0.5:
            blocks.open(SMALL)
    return tokens + blocks.settle() + blocks.finish()


def is_late(tokens: list[Token]) -> bool:
    """Whether a link definition came after the block that needs it."""
    return any(
        token.content.startswith("[") and "]: " in token.content for token in tokens
    )


def examples() -> Iterator[str]:
    chance = random.Random(1)
    yield from EXAMPLES
    for _ in range(100):
        yield "\n".join(chance.choices(EXAMPLES, k=chance.randint(2, 8)))


def test_any_cut_gives_the_blocks_of_the_whole() -> None:
    chance = random.Random(2)
    compared = 0
    for source in map(plain, examples()):
        tokens = grown(source, chance)
        if not is_late(tokens):
            compared += 1
            assert shown(tokens) == shown(parse(source))
    assert compared > 600


@pytest.mark.parametrize("kind", GIANTS)
def test_a_giant_block_is_whole_at_the_end(kind: str) -> None:
    begin, unit = GIANTS[kind]
    source = begin + unit * 300 + "\n\n```\nThe end\n"
    assert shown(grown(source, random.Random(3))) == shown(parse(source))


@pytest.mark.parametrize("kind", GIANTS)
def test_a_giant_block_is_parsed_as_often_as_a_small_one(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Letters parsed a frame do not grow with the block, nor does what is shown."""
    begin, unit = GIANTS[kind]
    parsed = 0

    def counted(source: str, env: dict[str, Any]) -> list[Token]:
        nonlocal parsed
        parsed += len(source)
        return parse_blocks(source, env)

    name = "stepmagic.markdown.links.parse_blocks"
    monkeypatch.setattr(name, counted)
    costs = []
    for size in (5_000, 20_000):
        blocks = TerminalBlocks()
        parsed = frames = 0
        blocks.feed(begin)
        for _ in range(size // len(unit)):
            blocks.feed(unit)
            assert blocks.settle() == []
            letters = sum(len(token.content) for token in blocks.open(SIZE))
            assert letters <= 4096 + len(unit)
            frames += 1
        costs.append(parsed / frames)
    assert costs[1] < 1.3 * costs[0] + 1


def test_the_end_of_a_long_block_is_open() -> None:
    for begin, unit in GIANTS.values():
        blocks = TerminalBlocks()
        blocks.feed(begin + unit * 500)
        blocks.settle()
        blocks.feed(f"{'' if unit is PARAGRAPH else unit[:2]}The end | \nnow")
        tokens = blocks.open(SIZE)
        first, last = tokens[0], tokens[-1]
        if first.type == "fence":
            assert first.content.endswith("The end | \nnow")
            assert first.info == ""
        else:
            whole = parse(begin + unit)
            assert (first.type, last.type) == (whole[0].type, whole[-1].type)
            assert any("The end" in token.content for token in tokens)


def test_a_nested_item_that_fills_the_screen_is_open() -> None:
    blocks = TerminalBlocks()
    blocks.feed("- item\n" + "  text\n" * 1000)
    assert blocks.settle() == []
    assert blocks.open(SIZE)[0].type == "paragraph_open"


def test_code_is_open_with_its_language() -> None:
    blocks = TerminalBlocks()
    blocks.feed("```python\na = 1\n")
    assert blocks.settle() == []
    for piece, code in (
        ("b", "a = 1\nb"),
        ("\n``", "a = 1\nb\n"),
        ("x", "a = 1\nb\n``x"),
    ):
        blocks.feed(piece)
        assert blocks.settle() == []
        (token,) = blocks.open(SIZE)
        assert (token.content, token.info) == (code, "python")
    blocks.feed("\n```\n")
    assert [token.content for token in blocks.settle()] == ["a = 1\nb\n``x\n"]
    assert blocks.open(SIZE) == []


def test_a_closed_fence_that_may_yet_change_is_not_taken_for_open() -> None:
    blocks = TerminalBlocks()
    # The text may go on until another `$$`, and all of it be a formula.
    blocks.feed("$$\n```\n[1]\n```\nText")
    assert blocks.settle() == []
    types = [token.type for token in blocks.open(SIZE) if not token.level]
    assert types == [
        *("paragraph_open", "paragraph_close"),
        "fence",
        *("paragraph_open", "paragraph_close"),
    ]


def test_what_code_shows_does_not_hold_it_back() -> None:
    blocks = TerminalBlocks()
    blocks.feed("```\n[1]\n```\nText")
    assert [token.type for token in blocks.settle()] == ["fence"]


def test_the_head_of_a_table_waits_for_its_second_line() -> None:
    blocks = TerminalBlocks()
    blocks.feed("| a | b |\n")
    blocks.settle()
    assert blocks.open(SIZE) == []
    blocks.feed("|---|---|\n")
    blocks.settle()
    assert blocks.open(SIZE)[0].type == "table_open"


def test_a_definition_that_comes_late_is_shown() -> None:
    blocks = TerminalBlocks()
    blocks.feed("See [the Docs] and [x][2].\n\nMore.\n\n[2]: https://example.org/2\n")
    tokens = blocks.settle()
    blocks.feed(
        "[the docs]: https://example.org/d\n[3]: https://example.org/3\n\n[x][2]"
    )
    tokens += blocks.settle() + blocks.finish()
    lines = [token.content for token in tokens if token.type == "inline"]
    assert lines == [
        *("See [the Docs] and [x][2].", "More."),
        *("[2]: https://example.org/2", "[the docs]: https://example.org/d", "[x][2]"),
    ]
    assert (tokens[-2].children or [])[0].attrs == {"href": "https://example.org/2"}


@pytest.mark.parametrize("source", ["> " * DEEPEST + "deep\n", "a" * LONGEST + "\nb\n"])
def test_what_cannot_be_parsed_is_shown_as_it_is(source: str) -> None:
    blocks = TerminalBlocks()
    blocks.feed("# Hi\n\n")
    assert blocks.settle() != []
    blocks.feed(source)
    assert blocks.settle() == []
    assert [token.type for token in blocks.open(SIZE)] == ["fence"]
    blocks.feed("\n# More\n\n")
    assert blocks.settle() == []
    (token,) = blocks.finish()
    assert token.content == source + "\n# More\n\n"
