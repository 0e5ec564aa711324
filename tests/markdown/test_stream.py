"""Markdown that grows: every frame right and safe, the end what ``render`` gives."""

from __future__ import annotations

import random
import re
import sys
from inspect import stack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commonmark_examples import EXAMPLES, cut
from growing_markdown import Screen, one_shot
from markdown_samples import ATTACKS, PIECES
from page import Page
from stepmagic.markdown import render
from stepmagic.markdown.parser import DEEPEST, LONGEST
from stepmagic.markdown.stream import BlockStream

HEAD = re.compile(r" {0,3}\|")


def is_right(html: str, source: str) -> bool:
    """Whether whole lines are shown as the one-shot render shows them.

    The last one may be the head of a table and then waits.
    """
    if html == one_shot(source):
        return True
    *lines, last, _ = source.split("\n")
    before = "".join(line + "\n" for line in lines)
    return bool(HEAD.match(last)) and html == one_shot(before)


def assert_grows_right(source: str, chance: random.Random) -> Screen:
    screen = Screen()
    fed = ""
    for piece in cut(source, chance):
        html = screen.feed(piece)
        fed += piece
        assert html == screen.stream.html()
        if fed.endswith("\n"):
            assert is_right(html, fed), fed
    assert screen.stream.source == source
    assert screen.stream.finish() == one_shot(source)
    # Nothing is held back at the end of a line.
    assert is_right(screen.feed("\n"), source + "\n")
    return screen


def test_every_example_is_there() -> None:
    assert len(EXAMPLES) == 652


def test_examples_grow_as_they_are_rendered() -> None:
    chance = random.Random(1)
    for source in EXAMPLES:
        assert_grows_right(source, chance)


@pytest.mark.parametrize("seed", range(10))
def test_joined_examples_grow_as_they_are_rendered(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(120):
        between = chance.choice(["", "\n"])
        assert_grows_right(between.join(chance.choices(EXAMPLES, k=3)), chance)


@given(st.lists(st.sampled_from(EXAMPLES), max_size=3), st.randoms())
def test_any_chunking_ends_right(sources: list[str], chance: random.Random) -> None:
    assert_grows_right("".join(sources), chance)


LINES = [
    *("- a\n", "- b\n", "- c | d\n", "  e\n", "    f\n", "\n", "  - g\n", "1. h\n"),
    *("2. i\n", "# j\n", "  # k\n", "  ```\n", "```\n", "```py\n", "> l\n", "---\n"),
    *("|-|\n", "| m |\n", "a|b\n", "-|-\n", "$$\n", "  $$\n", "\\[\n", "\\]\n"),
    *("[r]\n", "[r]: https://a.b\n", "  [r]: https://c.d\n", "'t\n", "n'\n", "===\n"),
    *("- [ ] o\n", "-\n", "  [s]: https://a.b\n", "[s]\n", "\tp\n", " \n", "~~~\n"),
]


@given(st.lists(st.sampled_from(LINES), max_size=14).map("".join), st.randoms())
def test_any_lines_grow_as_they_are_rendered(
    source: str, chance: random.Random
) -> None:
    assert_grows_right(source, chance)


@pytest.mark.parametrize(
    "source",
    [
        "- a\n- b | c\n-|-\nd\n",
        "$$\n# a\n$$\nb\n",
        "[a]: https://b.c\n'd\ne'\n\n[a]\n",
        "- a\n- b\n\n  [c]: https://d.e\n- f\n",
        "```a|b\n-|-\nc\n",
        "| a |\n|-|\n| b |\n$$\nc\n$$\n",
        "  ```\n  a\n  ```\nb\n",
        "$$\n~~~\n \n[a]\n~~~\n- b\n",
        "```\n\n\\[\n```\n\na\n",
    ],
)
def test_later_lines_that_change_what_a_block_is(source: str) -> None:
    for seed in range(10):
        assert_grows_right(source, random.Random(seed))


@given(st.lists(st.sampled_from(PIECES), max_size=20))
def test_no_mixture_makes_an_unsafe_frame(pieces: list[str]) -> None:
    screen = Screen()
    for piece in pieces:
        assert Page(screen.feed(piece)).faults == []
    assert screen.stream.finish() == one_shot("".join(pieces))


@pytest.mark.parametrize("number", ATTACKS)
def test_no_cut_of_an_attack_makes_an_unsafe_frame(number: int) -> None:
    screen = Screen()
    seen = set()
    for letter in ATTACKS[number]:
        html = screen.feed(letter)
        if html not in seen:
            assert Page(html).faults == []
            seen.add(html)
    assert screen.stream.finish() == one_shot(ATTACKS[number])


@pytest.mark.parametrize("ending", ["\r\n", "\r"])
def test_line_breaks_of_all_kinds(ending: str) -> None:
    source = "a\n\n- b\n- c\n\n```\nd\n```\n\n| e |\n|-|\n| f |\n\ng\n"
    screen = Screen()
    for letter in source.replace("\n", ending):
        screen.feed(letter)
    assert screen.feed("h") == one_shot(source + "h")


def test_surrogates_and_nul_leave_no_trace() -> None:
    screen = Screen()
    for letter in "a\x00b\ud83d\ude00\x1b[31mc\u202ed\n":
        html = screen.feed(letter)
    assert html == "<p>ab\ufffd\ufffdcd</p>\n"


def test_a_patch_without_news_says_so() -> None:
    screen = Screen()
    shown = screen.feed("a\n\nb c")
    assert screen.feed("") == shown
    patch = screen.stream.patch()
    assert (patch.restart, patch.frozen) == (False, "")


def test_html_takes_nothing_from_the_next_patch() -> None:
    stream = BlockStream()
    stream.feed("a\n\nb\n\nc")
    html = stream.html()
    patch = stream.patch()
    assert patch.frozen + patch.open == html
    assert patch.frozen == "<p>a</p>\n<p>b</p>\n"


@pytest.mark.parametrize(
    "source",
    [
        "> " * DEEPEST + "*x*\n\nmore\n",
        "*a*\n\n" + "> " * DEEPEST + "x",
        "*x*\n\n" * (LONGEST // 4) + "and\n\nmore",
        "[ " * 10_000 + "\n\n*a* [b](https://c.d)\n",
        "| " + "a |" * 260 + "\n|" + "-|" * 260 + "\n" + "b\n" * 270 + "\n",
    ],
    ids=["deep", "late deep", "long", "brackets", "cells"],
)
def test_beyond_the_bounds_of_a_text_frames_agree(source: str) -> None:
    screen = Screen()
    step = max(97, len(source) // 4)
    for begin in range(0, len(source), step):
        html = screen.feed(source[begin : begin + step])
    assert html == one_shot(source)
    assert screen.feed("\nz") == one_shot(source + "\nz")


def test_a_stack_too_deep_shows_the_text_as_it_is() -> None:
    render("imports what it needs")
    stream = BlockStream()
    stream.feed("> " * 25 + "*x*")
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(stack(0)) + 50)
    try:
        html = stream.html()
    finally:
        sys.setrecursionlimit(limit)
    assert "*x*</code></pre>" in html
