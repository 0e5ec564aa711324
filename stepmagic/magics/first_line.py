"""The first line of a cell, parsed: ``[NAME << | NAME: TYPE <<] [options] [names]``.

Quotes are removed and what is in brackets is one word, such as ``df.query('x > 1')``
or ``-p provider={"order": ["a"]}``. Knows nothing of IPython; only the type before
``<<`` is evaluated.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import json
import keyword
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NoReturn

from stepmagic.conversation.draft import Draft
from stepmagic.errors import CommandError, did_you_mean
from stepmagic.schema import Schema
from stepmagic.server.options import CLIENT_PARAMETERS, Overrides, check_option, spread
from stepmagic.settings import EFFORTS
from stepmagic.transcript import Turn
from stepmagic.wire.parameters import PARAMETERS

_OPENING, _CLOSING = "([{", ")]}"
_QUOTES = "'\""


def _several(text: str) -> tuple[str, ...]:
    """Split values at commas."""
    values = tuple(value.strip() for value in text.split(","))
    if not all(values):
        message = f"a value is missing next to a comma: {text!r}"
        raise argparse.ArgumentTypeError(message)
    return values


def _efforts(text: str) -> tuple[str, ...]:
    efforts = _several(text)
    for effort in efforts:
        if effort not in EFFORTS:
            message = f"invalid choice: {effort!r} (choose from {', '.join(EFFORTS)})"
            raise argparse.ArgumentTypeError(message)
    return efforts


OPTIONS: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (
        ("-m", "--model"),
        {
            "type": _several,
            "default": (None,),
            "help": "model id, for this turn; see %%step model; a,b asks side by side",
        },
    ),
    (
        ("-e", "--effort"),
        {
            "type": _efforts,
            "default": (None,),
            "help": "reasoning effort: high, medium or low; low,high asks side by side",
        },
    ),
    (("-s", "--system"), {"help": "system prompt of the conversation, in quotes"}),
    (("-c", "--conversation"), {"help": "use the conversation of that name"}),
    (
        ("-n", "--new"),
        {"action": "store_true", "help": "start the conversation afresh"},
    ),
    (
        ("--once",),
        {
            "action": "store_true",
            "help": "ask without reading or changing the conversation",
        },
    ),
    (
        ("-p", "--parameter"),
        {
            "action": "append",
            "metavar": "NAME=VALUE",
            "default": [],
            "help": "a request parameter: "
            + ", ".join((*CLIENT_PARAMETERS, *PARAMETERS)),
        },
    ),
    (
        ("--cells",),
        {
            "metavar": "RANGE",
            "help": "send earlier cells with their outputs: 3, 3-5, 1,4-6 or last",
        },
    ),
    (
        ("--above",),
        {
            "action": "store_true",
            "help": "send the notebook so far, the newest cells first, up to "
            "%%config StepMagic.above_tokens",
        },
    ),
    (
        ("--error",),
        {
            "action": "store_true",
            "help": "send the last error, its cell and the types of the cell's names",
        },
    ),
    (
        ("--tools",),
        {
            "metavar": "F,G",
            "help": "functions the model may call, separated by commas",
        },
    ),
    (
        ("--dry-run",),
        {
            "action": "store_true",
            "help": "show exactly what would be sent, and send nothing",
        },
    ),
    (
        ("--raw",),
        {"action": "store_true", "help": "send {{ }} as it is"},
    ),
    (
        ("attachments",),
        {
            "nargs": "*",
            "help": "what to send before the text: variables, expressions, files, "
            "globs, addresses",
        },
    ),
)
"""Arguments of ``%%step``, as ``argparse`` and ``magic_arguments`` take them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A first line, parsed."""

    each: tuple[Overrides, ...] = (Overrides(),)
    """The overrides of a turn; several are asked side by side."""
    target: str | None = None
    """Name to bind the answer to."""
    target_type: str | None = None
    """An expression: ``str`` binds the text, another type a value of that type; None
    binds the ``Reply``."""
    conversation: str | None = None
    new: bool = False
    once: bool = False
    dry_run: bool = False
    raw: bool = False
    cells: str | None = None
    """Which earlier cells to send."""
    above: bool = False
    error: bool = False
    tools: str = ""
    """Names of functions, separated by commas."""
    attachments: tuple[str, ...] = ()

    @property
    def overrides(self) -> Overrides:
        """The first of the overrides, or the only one."""
        return self.each[0]

    def draft(self, body: str, turns: tuple[Turn, ...] = ()) -> Draft:
        """Return the question of the cell.

        Args:
            body: The cell without its first line.
            turns: Of the conversation that it continues.
        """
        return Draft(
            text=body.strip("\n"),
            words=self.attachments,
            cells=self.cells,
            above=self.above,
            turns=turns,
            error=self.error,
            placeholders=not self.raw,
        )


class _Parser(argparse.ArgumentParser):
    """An argument parser that raises instead of ending the process."""

    def error(self, message: str) -> NoReturn:
        raise CommandError(_advised(message))


def parse_command(line: str) -> Command:
    """Read a first line.

    Raises:
        CommandError: It cannot be read; the message says what to write.
        SettingError: A parameter is unknown or its value cannot be used.
    """
    target, target_type, rest = _split_target(line)
    parser = _Parser(prog="%%step", add_help=False, allow_abbrev=False)
    for flags, details in OPTIONS:
        parser.add_argument(*flags, **details)
    found = parser.parse_intermixed_args(split_words(rest))
    _check(found)
    return Command(
        each=spread(
            Overrides(
                system=found.system,
                parameters=dict(map(_parameter, found.parameter)),
            ),
            found.model,
            found.effort,
        ),
        target=target,
        target_type=target_type,
        conversation=found.conversation,
        new=found.new,
        once=found.once,
        dry_run=found.dry_run,
        raw=found.raw,
        cells=found.cells,
        above=found.above,
        error=found.error,
        tools=found.tools or "",
        attachments=tuple(found.attachments),
    )


def _check(found: argparse.Namespace) -> None:
    if found.new and found.once:
        message = (
            "-n and --once cannot be combined: -n starts the conversation afresh, "
            "--once does not change it. Use one of them."
        )
        raise CommandError(message)
    if found.conversation == "":
        message = "-c takes the name of a conversation, such as -c plots."
        raise CommandError(message)


def split_words(line: str) -> list[str]:
    """Split at white space outside quotes and brackets.

    Quotes outside brackets are removed; what is in brackets is not changed.

    Raises:
        CommandError: A quote or a bracket is not closed.
    """
    words: list[str] = []
    word: str | None = None
    for character, depth, quote in _characters(line):
        if depth == 0 and not quote and character.isspace():
            if word is not None:
                words.append(word)
            word = None
            continue
        word = word or ""
        if depth > 0 or character not in _QUOTES or (quote and character != quote):
            word += character
    return words if word is None else [*words, word]


def _characters(line: str) -> Iterator[tuple[str, int, str]]:
    """Yield each character with its bracket depth and the quote it is in.

    Brackets and quotes count as inside themselves.
    """
    expected: list[str] = []
    quote = ""
    escaped = False
    for character in line:
        if quote:
            yield character, len(expected), quote
            if character == quote and not escaped:
                quote = ""
            escaped = character == "\\" and not escaped and bool(expected)
        elif character in _QUOTES:
            quote = character
            yield character, len(expected), quote
        elif character in _OPENING:
            expected.append(_CLOSING[_OPENING.index(character)])
            yield character, len(expected), ""
        else:
            yield character, len(expected), ""
            if expected and character == expected[-1]:
                expected.pop()
    if quote or expected:
        missing = quote or expected[-1]
        message = f"a closing {missing} is missing: {line.strip()!r}"
        raise CommandError(message)


def _split_target(line: str) -> tuple[str | None, str | None, str]:
    """Return the name and type before the first top-level ``<<``, and the rest."""
    for position, (_, depth, quote) in enumerate(_characters(line)):
        if depth == 0 and not quote and line.startswith("<<", position):
            return *_target(line[:position].strip()), line[position + 2 :]
    return None, None, line


def _target(text: str) -> tuple[str, str | None]:
    name, colon, kind = (word.strip() for word in text.partition(":"))
    if not name.isidentifier() or keyword.iskeyword(name):
        message = (
            f"{name!r} before << is not a name that can be bound. Write `NAME <<` "
            "first on the line; if << is text, put it in quotes."
        )
        raise CommandError(message)
    if colon and not _is_expression(kind):
        message = (
            f"{kind!r} before << is not a type: `{name} <<` binds the "
            f"reply, `{name}: str <<` its text, `{name}: list[int] <<` a value."
        )
        raise CommandError(message)
    return name, kind or None


def _is_expression(text: str) -> bool:
    try:
        ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return False
    return True


def _parameter(text: str) -> tuple[str, Any]:
    """Read ``NAME=VALUE``; the value is JSON or a Python literal, else plain text."""
    name, equals, raw = text.partition("=")
    name = name.strip().replace("-", "_")
    if not equals or not name:
        message = f"-p takes NAME=VALUE, such as -p temperature=0, not {text!r}."
        raise CommandError(message)
    value: Any = raw
    for read in (json.loads, ast.literal_eval):
        with contextlib.suppress(ValueError, SyntaxError, MemoryError, RecursionError):
            value = read(raw)
            break
    row = PARAMETERS.get(name)
    if (
        row is not None
        and row.kind in ("word", "words")
        and not isinstance(value, list)
    ):
        value = raw
    return name, check_option(name, value)


def _advised(message: str) -> str:
    """Return argparse's message with the nearest option, if one was misspelt."""
    _, unknown, words = message.partition("unrecognized arguments: ")
    if not unknown:
        problem = message.removeprefix("argument ")
        return f"{problem}. `%%step?` shows how the first line is written."
    flag = words.split()[0].partition("=")[0]
    options = [names[-1] for names, _ in OPTIONS if names[-1].startswith("--")]
    ways = {option.lstrip("-").replace("-", "_"): option for option in options}
    ways |= {name: f"-p {name}=..." for name in (*CLIENT_PARAMETERS, *PARAMETERS)}
    asked = flag.lstrip("-").lower().replace("-", "_")
    hint = did_you_mean(asked, ways, form=lambda name: f"`{ways[name]}`")
    return f"%%step has no option {flag}.{hint} `%%step?` lists them."


TEXT = "str"
"""The type that asks for no JSON and binds the answer's text."""


def with_type(command: Command, namespace: Mapping[str, Any]) -> Command:
    """Return a command with the schema of the type before ``<<``, if there is one.

    Names are looked up in the notebook, then in ``typing``, then in Python.

    Raises:
        CommandError: The expression cannot be evaluated.
        SchemaError: Its value is not a type that JSON can express.
    """
    written = command.target_type
    if written is None or written == TEXT:
        return command
    kind = _evaluated(written, namespace)
    name = None if isinstance(kind, Mapping | Schema) else written
    schema = Schema.of(kind, name)
    each = tuple(replace(overrides, schema=schema) for overrides in command.each)
    return replace(command, each=each)


def _evaluated(written: str, namespace: Mapping[str, Any]) -> Any:
    names = {name: getattr(typing, name) for name in typing.__all__}
    try:
        # Written by the user, like any other line of the cell.
        return eval(written, {**names, **namespace})  # noqa: S307
    except NameError as exc:
        hint = did_you_mean(exc.name or "", namespace, form=repr)
        message = (
            f"{written!r} before <<: {exc}.{hint} Define the type in an earlier cell."
        )
        raise CommandError(message) from exc
    except Exception as exc:  # whatever an expression may raise
        message = f"{written!r} before << cannot be evaluated: {exc}"
        raise CommandError(message) from exc
