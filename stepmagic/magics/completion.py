"""Completion of ``%%step`` and ``%step`` lines, for the tab key."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from stepmagic.attachments.names import attachable_names
from stepmagic.attachments.notebook.host import Host
from stepmagic.magics.first_line import OPTIONS
from stepmagic.magics.subcommands import SUBCOMMANDS
from stepmagic.session import Session, session
from stepmagic.settings import EFFORTS
from stepmagic.wire import PROTOCOLS
from stepmagic.wire.parameters import PARAMETERS

_PARAMETER_VALUES = {
    "api": PROTOCOLS,
    "stream": ("true", "false"),
    "detail": ("low", "high", "auto"),
    "frames": ("8", "16"),
    "pages": ("1", "1-4"),
}
_FLAGS = [flag for flags, _ in OPTIONS for flag in flags if flag.startswith("-")]


def complete(shell: Any, event: Any) -> list[str]:
    """Return the completions at the cursor; a hook of IPython's completer.

    Args:
        shell: The shell whose variables may be attached.
        event: ``command``, ``symbol`` (the characters to replace) and
            ``text_until_cursor``, set by IPython.
    """
    finished, current = _split(event.text_until_cursor)
    if not finished:
        return []
    if event.command.startswith("%%"):
        words = _first_line_words(finished[-1], current, Host(shell))
    else:
        words = _subcommand_words(finished[1:])
    # IPython ends words at `=` and `:` too, and replaces only what follows them.
    kept = current.removesuffix(event.symbol)
    return [word.removeprefix(kept) for word in words if word.startswith(kept)]


def _split(line: str) -> tuple[list[str], str]:
    """Return the complete words, and the one at the cursor."""
    words = line.split()
    return (words, "") if line[-1:].isspace() else (words[:-1], "".join(words[-1:]))


def _subcommand_words(before: list[str]) -> Iterable[str]:
    if not before:
        return SUBCOMMANDS
    found = SUBCOMMANDS.get(before[0])
    if found is None or len(before) > found.most_words:
        return ()
    return found.names(session())


def _first_line_words(last: str, current: str, host: Host) -> Iterable[str]:
    if last == "--tools":
        return _functions(host, current)
    for flags, words in _AFTER.items():
        if last in flags:
            return words(session(), current)
    return _FLAGS if current.startswith("-") else _variables(host)


def _variables(host: Host) -> list[str]:
    return attachable_names(host.names, host.namespace)


def _parameters(_: Session, current: str) -> list[str]:
    name, equals, _value = current.partition("=")
    if equals:
        return [f"{name}={value}" for value in _PARAMETER_VALUES.get(name, ())]
    return [f"{name}=" for name in (*_PARAMETER_VALUES, *PARAMETERS)]


def _after_comma(words: Iterable[str], current: str) -> list[str]:
    """Return completions of what follows the last comma, with the text before it."""
    before = "".join(current.rpartition(",")[:2])
    return [f"{before}{word}" for word in words]


def _functions(host: Host, current: str) -> list[str]:
    """Return the user's own functions, each after those already in the list."""
    names = _variables(host)
    return _after_comma((n for n in names if callable(host.namespace.get(n))), current)


_AFTER: dict[tuple[str, ...], Callable[[Session, str], Iterable[str]]] = {
    ("-m", "--model"): lambda here, current: _after_comma(
        SUBCOMMANDS["model"].names(here), current
    ),
    ("-e", "--effort"): lambda _, current: _after_comma(EFFORTS, current),
    ("-c", "--conversation"): lambda here, _: here.conversations,
    ("-p", "--parameter"): _parameters,
    ("--cells",): lambda *_: ("last",),
}
"""Completions of an option's value, given the session and the text so far."""
