"""Code, tables and indented blocks, at any width."""

from __future__ import annotations

import pytest

from markdown_samples import ATTACKS
from terminal_views import lines, written
from terminals import Emulator


def test_text_is_wrapped_beside_its_signs() -> None:
    assert lines("> one two three\n> - four five", 20) == [
        *("▌ one two three", "▌", "▌ • four five")
    ]
    assert lines("> one two three four five", 20) == ["▌ one two three four", "▌ five"]
    # Too few columns are left for an indent.
    assert lines("- - - one two three", 18) == ["• ◦ ▪ one two", "  three"]


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
