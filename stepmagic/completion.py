"""What the tab key offers on a ``%%step`` or ``%step`` line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from stepmagic.command import OPTIONS
from stepmagic.session import Session, session
from stepmagic.settings import EFFORTS
from stepmagic.subcommands import SUBCOMMANDS
from stepmagic.wire import PROTOCOLS
from stepmagic.wire.parameters import PARAMETERS

_PARAMETER_VALUES = {"api": list(PROTOCOLS), "stream": ["true", "false"]}


def complete(shell: Any, event: Any) -> list[str]:
    """Return what may stand at the cursor; a hook of IPython's completer.

    Args:
        shell: The shell whose variables may be attached.
        event: ``command``, ``symbol`` (the letters to replace) and
            ``text_until_cursor``, as IPython gives them.
    """
    line = event.text_until_cursor
    if event.command.startswith("%%"):
        return first_line_words(line, shell.user_ns)
    return subcommand_words(line)


def subcommand_words(line: str) -> list[str]:
    """Return what may follow ``%step``."""
    before = _words_before(line)
    if len(before) == 1:
        return list(SUBCOMMANDS)
    found = SUBCOMMANDS.get(before[1])
    has_room = found is not None and len(before) - 1 <= found.most_words
    return found.names(session()) if found is not None and has_room else []


def first_line_words(line: str, namespace: Mapping[str, Any]) -> list[str]:
    """Return what may stand next on the first line of a cell."""
    last = _words_before(line)[-1]
    current = "" if line[-1:].isspace() else line.rsplit(maxsplit=1)[-1]
    for flags, words in _AFTER.items():
        if last in flags:
            return words(session(), current)
    if current.startswith("-"):
        return [flag for flags, _ in OPTIONS for flag in flags if flag[0] == "-"]
    return [name for name in namespace if not name.startswith("_")]


def _parameters(_: Session, current: str) -> list[str]:
    name, equals, _value = current.partition("=")
    if equals:
        return _PARAMETER_VALUES.get(name, [])
    return [f"{name}=" for name in (*_PARAMETER_VALUES, *PARAMETERS)]


_AFTER: dict[tuple[str, str], Callable[[Session, str], list[str]]] = {
    ("-m", "--model"): lambda here, _: SUBCOMMANDS["model"].names(here),
    ("-e", "--effort"): lambda *_: list(EFFORTS),
    ("-c", "--conversation"): lambda here, _: list(here.conversations),
    ("-p", "--parameter"): _parameters,
}
"""What may follow an option, given the session and what is typed of it."""


def _words_before(line: str) -> list[str]:
    """Return the finished words: all but the one the cursor stands in."""
    words = line.split()
    return words if line[-1:].isspace() else words[:-1]
