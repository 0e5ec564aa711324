"""Function calls of the model and their results, each pair in one line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from stepmagic.markdown.characters import one_line
from stepmagic.transcript import Part, Text, ToolCall, ToolResult

_ARGUMENTS, _OUTCOME = 80, 60
"""Most characters of the arguments and of the result in a line."""

_ASKED = 2_000
"""Most characters of the arguments that a confirmation shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallWithResult:
    """A call and its result, which are displayed together."""

    call: ToolCall
    result: ToolResult | None = None
    """None while the function is running, and if it never ran."""
    time_s: float | None = None


DisplayedPart: TypeAlias = Part | CallWithResult
"""What is displayed as one piece."""


def pair_calls(
    parts: Iterable[Part], times_s: Iterable[float] = ()
) -> list[DisplayedPart]:
    """Return parts with each result at the place of its call.

    Args:
        parts: The parts of all rounds, in order. A later round may use an id again.
        times_s: How long each function took, in the order of the results.
    """
    shown: list[DisplayedPart] = []
    waiting: dict[str, int] = {}
    times = iter(times_s)
    for part in parts:
        if isinstance(part, ToolCall):
            waiting[part.id] = len(shown)
            shown.append(CallWithResult(call=part))
        elif isinstance(part, ToolResult):
            _pair(part, shown, waiting, next(times, None))
        else:
            shown.append(part)
    return shown


def _pair(
    result: ToolResult,
    shown: list[DisplayedPart],
    waiting: dict[str, int],
    time_s: float | None,
) -> None:
    place = waiting.pop(result.call_id, None)
    called = None if place is None else shown[place]
    if place is None or not isinstance(called, CallWithResult):
        shown.append(result)
    else:
        shown[place] = replace(called, result=result, time_s=time_s)


def format_call(call: ToolCall, most: int = _ARGUMENTS) -> str:
    """Return a call in one line, like Python code: ``area(width=2)``."""
    try:
        given = json.loads(call.arguments or "{}")
    except (ValueError, RecursionError):
        given = None
    if isinstance(given, dict):
        inner = ", ".join(
            f"{name}={json.dumps(value, ensure_ascii=False)}"
            for name, value in given.items()
        )
    else:
        inner = call.arguments
    return f"{one_line(call.name, most)}({one_line(inner, most)})"


def summarize_result(result: ToolResult) -> str:
    """Return the result of a call in a few words."""
    words = " ".join(filter(None, _words(result))) or "nothing"
    return f"failed: {words}" if result.is_error else words


def question(call: ToolCall) -> str:
    """Return the question to the user before a function is called."""
    return f"The model wants to call {format_call(call, _ASKED)}. Allow it? [y/N] "


def _words(result: ToolResult) -> Iterator[str]:
    for part in result.parts:
        if isinstance(part, Text):
            yield one_line(part.text.strip(), _OUTCOME)
        else:
            yield f"[{type(part).__name__.lower()}]"
