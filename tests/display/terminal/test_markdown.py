"""Markdown drawn with rich: what each token looks like, at any width."""

from __future__ import annotations

import pytest

from terminal_views import lines, written


def test_items_are_numbered_and_nested() -> None:
    source = "9. nine\n10. ten\n    - a\n      - b\n        - c\n          - d\n"
    assert lines(source) == [
        *(" 9. nine", "10. ten", "    • a".replace("•", "◦")),
        *("      ▪ b", "        ▪ c", "          ▪ d"),
    ]
    assert lines("- a\n- b") == ["• a", "• b"]
    assert lines("-\n- b") == ["•", "• b"]


def test_loose_items_stand_apart() -> None:
    assert lines("- a\n\n  b\n- c") == ["• a", "", "  b", "", "• c"]
    assert lines("- a\n  > b\n\n  ***") == ["• a", "", "  ▌ b", "", "  " + "╌" * 38]


def test_boxes_stand_in_place_of_bullets() -> None:
    source = "- [x] done and so on until the line ends somewhere\n- [ ] to do\n- more"
    assert lines(source) == [
        *("[x] done and so on until the line ends", "    somewhere", "[ ] to do"),
        "• more",
    ]


def test_spans_have_styles() -> None:
    text = written("a *b **c*** ~~d~~ `e` $f$ g  \nh\ni", 40)
    assert text == (
        "a \x1b[3mb \x1b[0m\x1b[1;3mc\x1b[0m \x1b[9md\x1b[0m \x1b[36me\x1b[0m "
        "\x1b[3;36m$f$\x1b[0m g\nh i\n"
    )


@pytest.mark.parametrize("level", [1, 2, 3, 6])
def test_headings_are_bold(level: int) -> None:
    codes = {1: "1;4;35", 2: "1;35"}.get(level, "1")
    assert written(f"{'#' * level} Hi", 40) == f"\x1b[{codes}mHi\x1b[0m\n"


def test_links_show_where_they_go() -> None:
    source = (
        "[a](https://example.org/a) <https://example.org> <me@example.org>\n\n"
        "![b](https://example.org/b) [c](javascript:d) [e](f.md)\n\n<b>g</b>"
    )
    assert lines(source, 90) == [
        "a (https://example.org/a) https://example.org me@example.org",
        "[image: b (example.org)] (https://example.org/b) c (javascript:d) e (f.md)",
        "<b>g</b>",
    ]
    assert "\x1b]8" not in written(source, 90)


def test_a_formula_is_its_source() -> None:
    assert lines("$$\na\n\\\\b\n$$") == ["  a", "  \\\\b"]
