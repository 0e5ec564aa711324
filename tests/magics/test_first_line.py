"""The first line of a cell: words, options, target, and what cannot be read."""

from __future__ import annotations

import argparse
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepmagic.errors import CommandError, SettingError, StepError
from stepmagic.magics.first_line import OPTIONS, Command, parse_command, split_words
from stepmagic.server.options import Overrides
from stepmagic.wire.parameters import PARAMETERS


def parameters(line: str) -> dict[str, Any]:
    """Return the parameters that a first line sets."""
    return dict(parse_command(line).overrides.parameters)


# Words


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", []),
        ("  \t ", []),
        ("df fig", ["df", "fig"]),
        ("  df \t fig ", ["df", "fig"]),
        ("-s 'two words' df", ["-s", "two words", "df"]),
        ('-s "it\'s"', ["-s", "it's"]),
        ("-s ''", ["-s", ""]),
        ("a'b c'd", ["ab cd"]),
        ("df.query('x > 1')", ["df.query('x > 1')"]),
        ("dict[str, int] x", ["dict[str, int]", "x"]),
        ('-p provider={"order": ["a b"]}', ["-p", 'provider={"order": ["a b"]}']),
        ("f(a, g[b, {c: d}]) x", ["f(a, g[b, {c: d}])", "x"]),
        (r"f('it\'s (', x) y", [r"f('it\'s (', x)", "y"]),
        (r"f('\\', x) y", [r"f('\\', x)", "y"]),
        (r"-s 'a\' b", ["-s", "a\\", "b"]),
        ("a) b", ["a)", "b"]),
        ("'(' b", ["(", "b"]),
        ("x\u00a0y", ["x", "y"]),
    ],
)
def test_words_end_at_white_space_outside_quotes_and_brackets(
    line: str, words: list[str]
) -> None:
    assert split_words(line) == words


quotable = st.text(st.characters(exclude_characters="'\""), max_size=8)
plain = st.text(
    st.characters(exclude_characters="'\"([{", exclude_categories=["Z", "C"]),
    min_size=1,
    max_size=8,
)
strings = st.text(st.characters(exclude_characters="\\'"), max_size=8)


@given(st.lists(quotable))
def test_quoted_words_survive(words: list[str]) -> None:
    for quote in "'\"":
        line = " ".join(f"{quote}{word}{quote}" for word in words)
        assert split_words(line) == words


@given(st.lists(plain))
def test_plain_words_survive(words: list[str]) -> None:
    assert split_words("  ".join(words)) == words


@st.composite
def expressions(draw: st.DrawFn, depth: int = 2) -> str:
    """Return an expression with brackets, in which strings hold anything."""
    opening, closing = draw(st.sampled_from([("(", ")"), ("[", "]"), ("{", "}")]))
    inner = st.one_of(
        strings.map(lambda text: f"'{text}'"),
        st.text("abc, <:=", max_size=8),
        *([expressions(depth - 1)] if depth else []),
    )
    return "f" + opening + "".join(draw(st.lists(inner, max_size=3))) + closing


@given(st.lists(expressions()))
def test_brackets_are_kept_to_the_letter(words: list[str]) -> None:
    assert split_words(" ".join(words)) == words


@given(st.dictionaries(st.text(), st.text() | st.lists(st.text())))
def test_json_object_is_one_word(value: dict[str, Any]) -> None:
    text = json.dumps(value)
    assert parameters(f"-p metadata={text}") == {"metadata": value}


@given(st.text())
def test_any_line_is_read_or_refused(line: str) -> None:
    try:
        parse_command(line)
    except StepError as error:
        assert str(error)  # noqa: PT017 - both ways out are right


@pytest.mark.parametrize(
    ("line", "missing"),
    [
        ("-s 'open", "'"),
        ('df "', '"'),
        ("df[0", "]"),
        ("f(a, [b)", "]"),
        ("f('a)", "'"),
        ("don't", "'"),
    ],
)
def test_unclosed_quote_or_bracket_is_named(line: str, missing: str) -> None:
    with pytest.raises(CommandError) as caught:
        parse_command(line)
    assert str(caught.value) == (f"a closing {missing} is missing: {line.strip()!r}")


# Options and attachments


def test_empty_line_asks_for_nothing_special() -> None:
    assert parse_command("") == Command()


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("-m a/b:free", Command(each=(Overrides(model="a/b:free"),))),
        ("--model=a/b", Command(each=(Overrides(model="a/b"),))),
        ("-e low", Command(each=(Overrides(effort="low"),))),
        (
            "-e low,high",
            Command(each=(Overrides(effort="low"), Overrides(effort="high"))),
        ),
        (
            "-m a/b,c -e low",
            Command(
                each=(
                    Overrides(model="a/b", effort="low"),
                    Overrides(model="c", effort="low"),
                )
            ),
        ),
        ("-elow", Command(each=(Overrides(effort="low"),))),
        ("-s 'Be brief.'", Command(each=(Overrides(system="Be brief."),))),
        ("-s ''", Command(each=(Overrides(system=""),))),
        ("-s '--- be brief'", Command(each=(Overrides(system="--- be brief"),))),
        ("-c 'my plots'", Command(conversation="my plots")),
        ("-n", Command(new=True)),
        ("--once", Command(once=True)),
        ("--dry-run", Command(dry_run=True)),
        ("--raw", Command(raw=True)),
        ("df fig", Command(attachments=("df", "fig"))),
        (
            "df -e low fig",
            Command(each=(Overrides(effort="low"),), attachments=("df", "fig")),
        ),
        (
            "-n df --raw fig -c x y",
            Command(
                new=True, raw=True, conversation="x", attachments=("df", "fig", "y")
            ),
        ),
        (
            "-n rows[0] df['a b']",
            Command(new=True, attachments=("rows[0]", "df['a b']")),
        ),
        ("-1", Command(attachments=("-1",))),
    ],
)
def test_options_and_attachments_stand_in_any_order(line: str, wanted: Command) -> None:
    assert parse_command(line) == wanted


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("--efort low", "no option --efort. Did you mean `--effort`?"),
        ("--EFFORT low", "no option --EFFORT. Did you mean `--effort`?"),
        ("--dryrun", "no option --dryrun. Did you mean `--dry-run`?"),
        ("--dry_run", "no option --dry_run. Did you mean `--dry-run`?"),
        ("df --eff=low", "no option --eff. Did you mean `--effort`?"),
        ("--temperature 0", "Did you mean `-p temperature=...`?"),
        ("--max-tokens=3 df", "Did you mean `-p max_tokens=...`?"),
        ("--stream", "Did you mean `-p stream=...`?"),
        ("-t 0", "%%step has no option -t. `%%step?` lists them."),
        ("--help", "%%step has no option --help. `%%step?` lists them."),
        ("-e", "-e/--effort: expected one argument. `%%step?` shows how"),
        ("-e low,", "-e/--effort: a value is missing next to a comma: 'low,'"),
        ("-m a,,b", "-m/--model: a value is missing next to a comma: 'a,,b'"),
        ("-e low,hgih", "-e/--effort: invalid choice: 'hgih' (choose from high,"),
        ("-e hgih", "-e/--effort: invalid choice: 'hgih'"),
        ("-m -n", "-m/--model: expected one argument."),
        ("--once=yes", "--once: ignored explicit argument 'yes'."),
        ("-n --once", "-n and --once cannot be combined: -n starts"),
        ("-c ''", "-c takes the name of a conversation"),
    ],
)
def test_misspelt_option_is_refused_with_advice(line: str, says: str) -> None:
    with pytest.raises(CommandError) as caught:
        parse_command(line)
    assert says in str(caught.value)


def test_every_option_has_help_that_argparse_can_print() -> None:
    parser = argparse.ArgumentParser(prog="%%step", add_help=False)
    for flags, details in OPTIONS:
        parser.add_argument(*flags, **details)
    manual = " ".join(parser.format_help().split())
    for flags, details in OPTIONS:
        assert flags[0] in manual
        assert " ".join((details["help"] % {}).split())[:30] in manual
    for name in PARAMETERS:
        assert name in manual


# Parameters


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("-p temperature=0", {"temperature": 0}),
        ("-p frequency_penalty=-1", {"frequency_penalty": -1}),
        ("-p presence_penalty=-0.5", {"presence_penalty": -0.5}),
        ("-p max-tokens=1_000", {"max_tokens": 1000}),
        ("-p logprobs=true", {"logprobs": True}),
        ("-p logprobs=True", {"logprobs": True}),
        ("-p stream=false", {"stream": False}),
        ("-p api=messages", {"api": "messages"}),
        ("-p stop=END", {"stop": "END"}),
        ("-p stop='two words'", {"stop": "two words"}),
        ("-p 'stop=two words'", {"stop": "two words"}),
        ("-p stop=5", {"stop": "5"}),
        ('-p stop=["a b", "c"]', {"stop": ["a b", "c"]}),
        ("-p stop=['a b', 'c']", {"stop": ["a b", "c"]}),
        ("-p stop=a=b", {"stop": "a=b"}),
        ("-p stop=''", {"stop": ""}),
        ("-p user=123", {"user": "123"}),
        ("-p response_format=json_object", {"response_format": "json_object"}),
        ("-p tool_choice=none", {"tool_choice": "none"}),
        ('-p reasoning={"max_tokens": 2000}', {"reasoning": {"max_tokens": 2000}}),
        ("-p reasoning={'exclude': True}", {"reasoning": {"exclude": True}}),
        ('-p provider=\'{"only": ["x"]}\'', {"provider": {"only": ["x"]}}),
        ("-p seed=1 -p top_p=0.5", {"seed": 1, "top_p": 0.5}),
        ("-p seed=1 df -p seed=2", {"seed": 2}),
        ("-p extra_body={'a b': [1, (2,)]}", {"extra_body": {"a b": [1, (2,)]}}),
    ],
)
def test_value_is_json_or_python_or_plain_text(
    line: str, wanted: dict[str, Any]
) -> None:
    assert parameters(line) == wanted


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("-p temprature=0", "no parameter 'temprature'. Did you mean 'temperature'?"),
        ("-p zzz=0", "there is no parameter 'zzz'. `%%step?` lists them"),
        ("-p temperature=warm", "temperature takes a number, not 'warm'"),
        ("-p temperature=3", "temperature takes a value from 0 to 2, not 3"),
        ("-p temperature=nan", "temperature takes a number, not 'nan'"),
        ("-p temperature=NaN", "temperature takes a number, not nan"),
        ("-p temperature=", "temperature takes a number, not ''"),
        ("-p logprobs=yes", "logprobs takes true or false, not 'yes'"),
        ("-p seed=1.5", "seed takes a whole number, not 1.5"),
        ("-p api=soap", "api takes one of chat, responses, messages, not 'soap'"),
        ("-p stream=1", "stream takes true or false, not 1"),
        ("-p metadata={'a': {1}}", "metadata contains what JSON cannot express"),
    ],
)
def test_unusable_parameter_is_refused(line: str, says: str) -> None:
    with pytest.raises(SettingError) as caught:
        parse_command(line)
    assert says in str(caught.value)


@pytest.mark.parametrize("line", ["-p temperature 0", "-p =3", "-p ''", "-p ' =3'"])
def test_parameter_needs_a_name_and_a_value(line: str) -> None:
    with pytest.raises(CommandError, match="-p takes NAME=VALUE, such as"):
        parse_command(line)


# Target


@pytest.mark.parametrize(
    ("line", "target", "kind"),
    [
        ("r <<", "r", None),
        ("r<<", "r", None),
        ("  r  <<  -e low df", "r", None),
        ("r<<-e low df", "r", None),
        ("a: str <<", "a", "str"),
        ("a:str<<", "a", "str"),
        ("größe <<", "größe", None),
        ("r << df << fig", "r", None),
    ],
)
def test_target_stands_before_the_first_double_arrow(
    line: str, target: str, kind: str | None
) -> None:
    command = parse_command(line)
    assert (command.target, command.target_type) == (target, kind)


def test_rest_of_the_line_stands_after_the_target() -> None:
    command = parse_command("r << -e low df")
    assert command.overrides.effort == "low"
    assert command.attachments == ("df",)


@pytest.mark.parametrize(
    "line", ["-s 'x << y'", '-p stop="<<"', "rows[1 << 2]", "f('<<')", "a < b", "a<"]
)
def test_arrow_in_quotes_or_brackets_is_no_target(line: str) -> None:
    assert parse_command(line).target is None


@given(quotable, expressions())
def test_no_quoted_or_bracketed_text_makes_a_target(text: str, word: str) -> None:
    command = parse_command(f"r << -s '{text} << ' {word}")
    assert command.target == "r"
    assert command.overrides.system == f"{text} << "
    assert command.attachments == (word,)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("<< df", "'' before << is not a name that can be bound. Write `NAME <<`"),
        ("a.b <<", "'a.b' before << is not a name"),
        ("a, b <<", "'a, b' before << is not a name"),
        ("rows[0] <<", "'rows[0]' before << is not a name"),
        ("1a <<", "'1a' before << is not a name"),
        ("class <<", "'class' before << is not a name"),
        ("'r' <<", "\"'r'\" before << is not a name"),
        ("-p stop=<< df", "'-p stop=' before << is not a name"),
        ("rows: list of int <<", "'list of int' before << is not a type"),
        ("rows: a b <<", "`rows <<` binds the reply, `rows: str <<` its text, `rows: "),
        ("a: <<", "'' before << is not a type"),
        ("a: str: int <<", "'str: int' before << is not a type"),
        ("a: lambda <<", "'lambda' before << is not a type"),
    ],
)
def test_what_no_answer_can_be_bound_to_is_refused(line: str, says: str) -> None:
    with pytest.raises(CommandError) as caught:
        parse_command(line)
    assert says in str(caught.value)


# Attachments


@pytest.mark.parametrize(
    ("line", "attachments"),
    [
        ("", ()),
        ("df 'my file.csv' https://a.org/b.png", None),
        ("-1", ("-1",)),
        ("3 -e low df", ("3", "df")),
        ("'a b' \"c\"", ("a b", "c")),
        ("df.query('x > 1') -n images/*.png", ("df.query('x > 1')", "images/*.png")),
        ("~/data.csv ./df", ("~/data.csv", "./df")),
    ],
)
def test_attachments_are_the_words_that_no_option_takes(
    line: str, attachments: tuple[str, ...] | None
) -> None:
    wanted = attachments
    if wanted is None:
        wanted = ("df", "my file.csv", "https://a.org/b.png")
    assert parse_command(line).attachments == wanted


@pytest.mark.parametrize(
    ("line", "cells", "error"),
    [
        ("df", None, False),
        ("--cells 3-5", "3-5", False),
        ("--cells=last --error", "last", True),
        ("--cells '1, 4-6' df", "1, 4-6", False),
        ("--cells ''", "", False),
        ("--error df", None, True),
    ],
)
def test_cells_and_the_error_are_asked_for(
    line: str, cells: str | None, *, error: bool
) -> None:
    command = parse_command(line)
    assert (command.cells, command.error) == (cells, error)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("--cells", "--cells: expected one argument"),
        ("--eror", "Did you mean `--error`?"),
        ("--cell 3", "Did you mean `--cells`?"),
        ("--detail low", "Did you mean `-p detail=...`?"),
        ("--frames 8", "Did you mean `-p frames=...`?"),
    ],
)
def test_slips_have_a_hint(line: str, says: str) -> None:
    with pytest.raises(CommandError) as caught:
        parse_command(line)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("-p detail=low", {"detail": "low"}),
        ("-p detail='high' -p frames=8", {"detail": "high", "frames": 8}),
        ("-p detail=auto", {"detail": "auto"}),
    ],
)
def test_how_pictures_are_looked_at_is_set(line: str, value: dict[str, Any]) -> None:
    assert parameters(line) == value


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("-p detail=fine", "detail takes one of low, high, auto, not 'fine'"),
        ("-p detail=1", "detail takes one of low, high, auto, not 1"),
        ("-p frames=0", "frames takes a number of frames from 1 up, not 0"),
        ("-p frames=-3", "not -3"),
        ("-p frames=2.5", "not 2.5"),
        ("-p frames=true", "not True"),
        ("-p frames=many", "not 'many'"),
    ],
)
def test_other_ways_to_look_are_refused(line: str, says: str) -> None:
    with pytest.raises(SettingError) as caught:
        parse_command(line)
    assert says in str(caught.value)
