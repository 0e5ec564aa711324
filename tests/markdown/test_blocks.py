"""Code that is read line by line until its closing fence."""

from __future__ import annotations

import pytest

from stepmagic.markdown.blocks import Fence, TextPieces
from stepmagic.markdown.parser import parse


def test_a_fence_ends_at_the_line_that_closes_it() -> None:
    fence = Fence("python", "```")
    assert fence.take("a\n``\n") is None
    assert fence.take("  ````  \nb\n") == "b\n"
    assert fence.code() == "a\n``\n"
    assert Fence(marker="~~~").take("```\n~~\n~~~\n") == ""


def test_a_last_line_that_may_close_the_fence_is_held_back() -> None:
    fence = Fence(marker="```")
    fence.take("a\n")
    assert fence.code("b") == "a\nb"
    for line in ("", "  ", "`", "```", "````  "):
        assert fence.code(line) == "a\n"
    assert fence.code("```b") == "a\n```b"


@pytest.mark.parametrize("last", ["", "b", "``", "```", "  ```` ", "    ```", " \t"])
def test_the_final_code_is_what_the_parser_finds(last: str) -> None:
    fence = Fence(marker="```")
    fence.take("a\n")
    (token,) = parse(f"```\na\n{last}")
    assert fence.final_code(last) == token.content


def test_without_a_marker_all_text_is_code() -> None:
    fence = Fence(write=str.upper)
    assert fence.take("a\n```\n") is None
    assert fence.code("```") == fence.final_code("```") == "A\n```\n```"


def test_pieces_stay_few() -> None:
    pieces = TextPieces()
    for number in range(1000):
        pieces.add(f"{number} ")
        assert len(pieces) <= 64
    assert "".join(pieces) == "".join(f"{number} " for number in range(1000))
