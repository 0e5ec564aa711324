"""What is shown of one turn, and its messages to the user.

Owns the reduction of a turn's events to an ``Answer`` that a view can draw at any
moment, in a notebook or in a terminal, and the headings of answers that are compared.
Does not depend on HTML or on where the answer is drawn.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Self, TypeAlias, assert_never

from stepmagic.transcript import (
    FinishReason,
    Part,
    Reasoning,
    Status,
    Text,
    Turn,
    Usage,
)
from stepmagic.transcript.events import (
    Assembly,
    ConfirmTool,
    Finish,
    Notice,
    PartDelta,
    PartEnd,
    PartStart,
    Retry,
    StreamEvent,
    ToolEnd,
    ToolStart,
    UsageReport,
)
from stepmagic.transcript.usage import format_cost, format_count, total

_MINUTE_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was received in one turn, complete or not."""

    parts: tuple[Part, ...] = ()
    """The parts of all messages, including tool results, in order."""
    status: Status = "complete"
    reason: FinishReason | None = None
    native_reason: str | None = None
    error: str | None = None
    model: str | None = None
    effort: str | None = None
    usage: Usage | None = None
    time_s: float | None = None
    thought_s: float | None = None
    call_times_s: tuple[float, ...] = ()
    """How long each function took, in the order of the results."""
    kept_notices: tuple[str, ...] = ()

    @classmethod
    def from_turn(cls, turn: Turn) -> Self:
        """Return the answer of a turn, without times: they are not saved with it."""
        return cls(
            parts=tuple(part for reply in turn.replies for part in reply.parts),
            status=turn.status,
            reason=turn.finish_reason,
            native_reason=turn.native_reason,
            error=turn.error,
            model=turn.model,
            effort=turn.effort,
            usage=turn.usage,
        )

    @property
    def text(self) -> str:
        """The visible Markdown."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))

    @property
    def notes(self) -> list[str]:
        """Messages to the user in addition to the text, a sentence or two each."""
        notes = []
        if self.status == "interrupted":
            notes.append(
                "Stopped by you. The text so far is kept; `%step continue` adds to it."
                if self.text
                else "Stopped by you before any text was received."
            )
        elif self.status == "error":
            what = "The answer was cut off" if self.text else "No answer was received"
            notes.append(f"{what}: {self.error}" if self.error else f"{what}.")
        elif self.reason in _REASONS:
            notes.append(_REASONS[self.reason])
        elif self.reason == "other" and self.native_reason:
            notes.append(f"The model stopped with the reason {self.native_reason!r}.")
        if self.status == "complete" and not self.text and not notes:
            notes.append("The model sent no text.")
        return [*self.kept_notices, *notes]

    @property
    def ending(self) -> str:
        """How the answer ended, in a few words; empty for an unknown reason."""
        if self.status in _ENDINGS:
            return _ENDINGS[self.status]
        return _ENDINGS.get(self.reason or "", "")

    @property
    def footer(self) -> str:
        """The model, tokens, time, cost and how the answer ended, in one line."""
        words = [self.model or "", f"effort {self.effort}" if self.effort else ""]
        if self.usage is not None:
            usage = self.usage
            words.append(
                f"{format_count(usage.prompt_tokens, 'token')} in, "
                f"{usage.completion_tokens:,} out"
            )
        words.append("" if self.time_s is None else format_time(self.time_s))
        if self.usage is not None and self.usage.cost_usd is not None:
            words.append(format_cost(self.usage.cost_usd))
        words.append(self.ending)
        return " · ".join(word for word in words if word)


_REASONS: dict[FinishReason | None, str] = {
    "length": (
        "Stopped at the length limit. `%step continue` adds the rest; "
        "`-p max_tokens=...` sets a higher limit."
    ),
    "content_filter": "Stopped by the provider's content filter.",
    "tool_calls": "The model is waiting for the results of the functions it called.",
}


_ENDINGS: dict[str, str] = {
    "interrupted": "stopped by you",
    "error": "cut off",
    "stop": "finished",
    "length": "stopped at the length limit",
    "content_filter": "stopped by a filter",
    "tool_calls": "waiting for functions",
}
"""By the status, or else by the finish reason."""


def format_time(time_s: float, *, digits: int = 1) -> str:
    """Return a duration: ``3.2 s``, ``1 min 5 s``."""
    if round(time_s, digits) < _MINUTE_S:
        return f"{time_s:.{digits}f} s"
    minutes, seconds = divmod(round(time_s), _MINUTE_S)
    return f"{minutes} min {seconds} s"


class AnswerFold:
    """Reduces the events of one turn to an answer; each event takes constant time.

    A turn with tools consists of several streams, one after the other: each ``Finish``
    closes the parts before it.

    Args:
        model: The model that was asked, until the answer names one.
        effort: The reasoning effort that was asked for.
        clock: A monotonic clock, in seconds.
    """

    def __init__(
        self,
        *,
        model: str | None = None,
        effort: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._model = model
        self._effort = effort
        self._clock = clock
        self._began_at = clock()
        self._thinking_since: float | None = None
        self._thought_s: float | None = None
        self._closed: list[Part] = []
        self._call_times_s: list[float] = []
        self._running_calls: dict[str, str] = {}
        """The names of the functions that are running, by the ids of their calls."""
        self._usages: list[Usage | None] = []
        self._kept_notices: list[str] = []
        self._assembly = Assembly()
        self._finish: Finish | None = None
        self.line = ""
        """What is happening before text arrives: a retry, a notice; otherwise empty."""

    @property
    def elapsed_s(self) -> float:
        """Seconds since the fold was created."""
        return self._clock() - self._began_at

    @property
    def is_thinking(self) -> bool:
        """Whether reasoning is being received."""
        return self._thinking_since is not None

    def feed(self, event: StreamEvent) -> None:
        """Take the next event of the turn."""
        self._assembly.feed(event)
        match event:
            case PartStart():
                self.line = ""
                self._watch(thinking=isinstance(event.part, Reasoning))
            case PartEnd():
                self._watch(thinking=False)
            case PartDelta() | UsageReport():
                pass
            case Finish():
                self._close(event)
            case Retry():
                self.line = (
                    f"{event.error} Trying again in {format_time(event.wait_s)} "
                    f"(attempt {event.attempt} of {event.attempts})."
                )
            case Notice():
                self._notice(event)
            case ToolStart():
                self._running_calls[event.call.id] = event.call.name
                self.line = self._running_line
            case ToolEnd():
                self._running_calls.pop(event.result.call_id, None)
                self.line = self._running_line
                self._closed.append(event.result)
                self._call_times_s.append(event.time_s)
            case ConfirmTool():
                self.line = f"{event.call.name} is waiting for your confirmation."
            case _:
                assert_never(event)

    def answer(self, stopped_by: BaseException | None = None) -> Answer:
        """Return the answer so far.

        It does not contain the message of an error, which the shell prints below it.

        Args:
            stopped_by: The exception that ended the turn early, if any.
        """
        finish = self._finish or Finish(reason="other")
        status: Status = "running" if self._finish is None else "complete"
        if isinstance(stopped_by, KeyboardInterrupt):
            status = "interrupted"
        elif stopped_by is not None or finish.reason == "error":
            status = "error"
        return Answer(
            parts=(*self._closed, *self._assembly.parts),
            status=status,
            reason=None if self._finish is None else finish.reason,
            native_reason=finish.native_reason,
            model=finish.model or self._model,
            effort=self._effort,
            usage=self._usage(),
            time_s=self.elapsed_s,
            thought_s=self._thought(),
            call_times_s=tuple(self._call_times_s),
            kept_notices=tuple(self._kept_notices),
        )

    @property
    def _running_line(self) -> str:
        names = ", ".join(self._running_calls.values())
        return f"Running {names} ..." if names else ""

    def _notice(self, notice: Notice) -> None:
        if notice.stays:
            self._kept_notices.append(notice.text)
        else:
            self.line = notice.text

    def _close(self, finish: Finish) -> None:
        self._watch(thinking=False)
        self._finish = None if finish.continues else finish
        self._model = finish.model or self._model
        self._closed += self._assembly.parts
        self._usages.append(self._assembly.usage)
        self._assembly = Assembly()

    def _watch(self, *, thinking: bool) -> None:
        """Start or stop the clock of the reasoning."""
        self._thought_s = self._thought()
        self._thinking_since = self._clock() if thinking else None

    def _thought(self) -> float | None:
        if self._thinking_since is None:
            return self._thought_s
        return (self._thought_s or 0.0) + self._clock() - self._thinking_since

    def _usage(self) -> Usage | None:
        usages: Iterable[Usage | None] = (*self._usages, self._assembly.usage)
        reported = [usage for usage in usages if usage is not None]
        return total(reported) if reported else None


SideEvent: TypeAlias = tuple[int, StreamEvent]
"""The index of a side and an event of its turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the models that are asked in a comparison, with its effort."""

    model: str
    effort: str | None = None

    @classmethod
    def of(cls, turn: Turn) -> Self:
        """Return which model a turn asked, and with which effort."""
        origins = [reply.origin for reply in turn.replies if reply.origin]
        return cls(model=origins[0].model if origins else "", effort=turn.effort)


def headings(sides: Iterable[Side]) -> list[str]:
    """Return a heading for each side: its number, and how it differs from others."""
    sides = list(sides)
    models_differ = len({side.model for side in sides}) > 1
    efforts_differ = len({side.effort for side in sides}) > 1
    lines = []
    for number, side in enumerate(sides, 1):
        words = [str(number)]
        if models_differ:
            words.append(side.model)
        if efforts_differ and side.effort:
            words.append(f"effort {side.effort}")
        lines.append(" · ".join(words))
    return lines
