"""Markdown drawn with rich: what each token looks like, at any width."""

from __future__ import annotations

import pytest
from rich.console import Console

from markdown_samples import ATTACKS
from stepmagic.display.terminal.markdown import draw
from stepmagic.markdown.parser import parse
from terminals import Emulator


def written(source: str, columns: int, *, stays: bool = False) -> str:
    console = Console(
        width=columns,
        force_terminal=True,
        color_system="standard",
        legacy_windows=False,
        no_color=False,
    )
    with console.capture() as captured:
        for block in draw(parse(source), stays=stays):
            console.print(block, crop=False)
    return captured.get()


def lines(source: str, columns: int = 40, *, stays: bool = False) -> list[str]:
    emulator = Emulator(columns, 50)
    emulator.feed(written(source, columns, stays=stays))
    return emulator.lines[:-1]


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


def test_text_is_wrapped_beside_its_signs() -> None:
    assert lines("> one two three\n> - four five", 20) == [
        *("▌ one two three", "▌", "▌ • four five")
    ]
    assert lines("> one two three four five", 20) == ["▌ one two three four", "▌ five"]
    # Too few columns are left for an indent.
    assert lines("- - - one two three", 18) == ["• ◦ ▪ one two", "  three"]


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


def test_code_is_coloured_between_rules() -> None:
    source = '```python\n@f\nclass A:\n\tx = "a" # b\n```\n'
    text = written(source, 30)
    assert "\x1b[32m" in text
    assert "\x1b[2;3m# b\x1b[0m" in text
    assert lines(source, 30) == [
        *("── python " + "─" * 20, "@f", "class A:", '    x = "a" # b', "─" * 30)
    ]
    assert lines("    a\n\n    b", 10) == ["─" * 10, "a", "", "b", "─" * 10]
    assert lines("```brainfuck\n+\n```", 10)[0] == "── brainfu"


def test_long_lines_of_code_are_cut_by_us_or_by_the_terminal() -> None:
    code = "你" * 7 + "a" * 10
    source = f"```\n{code}\n```"
    cut = ["你" * 5, "你你" + "a" * 6, "aaaa"]
    assert lines(source, 10)[1:-1] == cut
    # Copied from the terminal it is one line.
    assert code in written(source, 10, stays=True)
    assert code not in written(source, 10)
    assert (
        lines(f"- {source[:4]}  {code}\n  ```", 20, stays=True)[1] == "  " + code[:11]
    )


TABLE = "| L | C | R |\n|:--|:-:|--:|\n| a | bbb | c |\n| `d` | e | *ff* |\n"


def test_a_table_is_aligned() -> None:
    assert lines(TABLE) == [
        *("L │  C  │  R", "──┼─────┼───", "a │ bbb │  c", "d │  e  │ ff")
    ]
    assert lines("| a |\n|---|\n") == ["a", "─"]


def test_rows_of_several_lines_are_ruled() -> None:
    table = (
        "| name | text |\n|--|--|\n| a | one two three four |\n| b | five<br>six |\n"
    )
    assert lines(table, 20) == [
        *("name │ text", "─────┼──────────────"),
        *("a    │ one two three", "     │ four", "─────┼──────────────"),
        *("b    │ five", "     │ six"),
    ]


def test_rows_of_too_many_columns_are_records() -> None:
    table = (
        "| first | second | third |\n|--|--|--|\n"
        "| one two three | four five six | 7 |\n| x | y | z |\n"
    )
    assert lines(table, 20) == [
        *("first: one two three", "second: four five", "six", "third: 7"),
        *("", "first: x", "second: y", "third: z"),
    ]
    assert lines("| first | second | third |\n|--|--|--|\n", 12) == [
        *("first:", "second:", "third:")
    ]


@pytest.mark.parametrize("number", ATTACKS)
@pytest.mark.parametrize("columns", [1, 7, 80])
def test_any_width_will_do(number: int, columns: int) -> None:
    """Only the terminal wraps a line, and only of code that stays."""
    emulator = Emulator(columns, 50)
    text = written(ATTACKS[number], columns)
    emulator.feed(text)
    assert len(emulator.lines) == text.count("\n") + 1
