"""A function that the model called, with what came of it: one line that opens."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from stepmagic.markdown import plain
from stepmagic.transcript import Part, Text, ToolCall, ToolResult

_ARGUMENTS, _OUTCOME = 80, 60
"""Letters of a line."""

_ASKED = 2_000
"""Letters of arguments that a question shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """A call and its result, drawn as one."""

    call: ToolCall
    result: ToolResult | None = None
    """None while it runs, and where it never did."""
    time_s: float | None = None


Shown: TypeAlias = Part | Called
"""What is drawn as one piece."""


def paired(parts: Iterable[Part], times_s: Iterable[float] = ()) -> list[Shown]:
    """Return parts with each result at the place of its call.

    Args:
        parts: Of all rounds, in order. An id may come again in a later round.
        times_s: How long each function took, in the order of the results.
    """
    shown: list[Shown] = []
    waiting: dict[str, int] = {}
    times = iter(times_s)
    for part in parts:
        if isinstance(part, ToolCall):
            waiting[part.id] = len(shown)
            shown.append(Called(call=part))
        elif isinstance(part, ToolResult):
            _pair(part, shown, waiting, next(times, None))
        else:
            shown.append(part)
    return shown


def _pair(
    result: ToolResult,
    shown: list[Shown],
    waiting: dict[str, int],
    time_s: float | None,
) -> None:
    place = waiting.pop(result.call_id, None)
    called = None if place is None else shown[place]
    if place is None or not isinstance(called, Called):
        shown.append(result)
    else:
        shown[place] = replace(called, result=result, time_s=time_s)


def spelled(call: ToolCall, most: int = _ARGUMENTS) -> str:
    """Return a call as Python would write it, in a line: ``area(width=2)``."""
    try:
        given = json.loads(call.arguments or "{}")
    except (ValueError, RecursionError):
        given = None
    if isinstance(given, dict):
        inner = ", ".join(
            f"{name}={json.dumps(held, ensure_ascii=False)}"
            for name, held in given.items()
        )
    else:
        inner = call.arguments
    return f"{_line(call.name, most)}({_line(inner, most)})"


def outcome(result: ToolResult) -> str:
    """Return in a few words what came of a call."""
    words = " ".join(filter(None, _words(result))) or "nothing"
    return f"failed: {words}" if result.is_error else words


def question(call: ToolCall) -> str:
    """Return what to ask the user before a call."""
    return f"The model calls {spelled(call, _ASKED)}. Allow it? [y/N] "


def _words(result: ToolResult) -> Iterator[str]:
    for part in result.parts:
        if isinstance(part, Text):
            yield _line(part.text.strip(), _OUTCOME)
        else:
            yield f"[{type(part).__name__.lower()}]"


def _line(text: str, most: int) -> str:
    """Return the beginning of a text in one line."""
    line = " ".join(plain(text[: 4 * most]).split())
    return line if len(line) <= most and len(text) <= 4 * most else f"{line[:most]}..."
