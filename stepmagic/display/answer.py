"""What is shown of one turn, and the words for it.

Owns the fold of a turn's events into something a view can draw at any moment, for a
notebook as for a terminal. Knows nothing of HTML and of where it is drawn.
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
    """What came back in one turn, whole or not."""

    parts: tuple[Part, ...] = ()
    """Of every message, tool results included, in order."""
    status: Status = "complete"
    reason: FinishReason | None = None
    native_reason: str | None = None
    error: str | None = None
    model: str | None = None
    effort: str | None = None
    usage: Usage | None = None
    time_s: float | None = None
    thought_s: float | None = None
    called_s: tuple[float, ...] = ()
    """How long each function took, in the order of the results."""
    kept_notices: tuple[str, ...] = ()

    @classmethod
    def from_turn(cls, turn: Turn) -> Self:
        """Return the answer of a turn; without times, which a redraw must not show."""
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
        """What the reader must know beside the text, a sentence each."""
        notes = []
        if self.status == "interrupted":
            notes.append(
                "Stopped by you. What came is kept; `%step continue` goes on."
                if self.text
                else "Stopped by you before any text came."
            )
        elif self.status == "error":
            what = "The answer broke off" if self.text else "No answer came"
            notes.append(f"{what}: {self.error}" if self.error else f"{what}.")
        elif self.reason in _REASONS:
            notes.append(_REASONS[self.reason])
        elif self.reason == "other" and self.native_reason:
            notes.append(f"The model stopped, saying {self.native_reason!r}.")
        if self.status == "complete" and not self.text and not notes:
            notes.append("The model sent no text.")
        return [*self.kept_notices, *notes]

    @property
    def ending(self) -> str:
        """How the answer ended, in a word or a few; empty where none of them fits."""
        if self.status in _ENDINGS:
            return _ENDINGS[self.status]
        return _ENDINGS.get(self.reason or "", "")

    @property
    def footer(self) -> str:
        """Who answered, what it took and how it ended, in one line."""
        said = [self.model or "", f"effort {self.effort}" if self.effort else ""]
        if self.usage is not None:
            usage = self.usage
            said.append(
                f"{format_count(usage.prompt_tokens, 'token')} in, "
                f"{usage.completion_tokens:,} out"
            )
        said.append("" if self.time_s is None else format_time(self.time_s))
        if self.usage is not None and self.usage.cost_usd is not None:
            said.append(format_cost(self.usage.cost_usd))
        said.append(self.ending)
        return " · ".join(word for word in said if word)


_REASONS: dict[FinishReason | None, str] = {
    "length": (
        "Stopped at the length limit. `%step continue` goes on; `-p max_tokens=...` "
        "allows more."
    ),
    "content_filter": "Stopped by the provider's content filter.",
    "tool_calls": "The model waits for the functions it called.",
}


_ENDINGS: dict[str, str] = {
    "interrupted": "stopped by you",
    "error": "broke off",
    "stop": "finished",
    "length": "stopped at the length limit",
    "content_filter": "stopped by a filter",
    "tool_calls": "waits for functions",
}
"""For a status that says more than the reason does, or for the reason."""


def format_time(time_s: float, *, digits: int = 1) -> str:
    """Return a duration: ``3.2 s``, ``1 min 5 s``."""
    if round(time_s, digits) < _MINUTE_S:
        return f"{time_s:.{digits}f} s"
    minutes, seconds = divmod(round(time_s), _MINUTE_S)
    return f"{minutes} min {seconds} s"


class AnswerFold:
    """Folds the events of one turn; an event costs O(1).

    A turn with tools is several streams, one after the other: each ``Finish`` closes
    the parts before it.
    """

    def __init__(
        self,
        *,
        model: str | None = None,
        effort: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with nothing; ``model`` is whom we asked, until it names itself."""
        self._model = model
        self._effort = effort
        self._clock = clock
        self._began_at = clock()
        self._thinking_since: float | None = None
        self._thought_s: float | None = None
        self._closed: list[Part] = []
        self._called_s: list[float] = []
        self._calling: dict[str, str] = {}
        """Names of the functions that run, by the ids of the calls."""
        self._usages: list[Usage | None] = []
        self._kept_notices: list[str] = []
        self._assembly = Assembly()
        self._finish: Finish | None = None
        self.line = ""
        """What happens now instead of an answer: a retry, a notice; empty with text."""

    @property
    def elapsed_s(self) -> float:
        """Seconds since the fold was made."""
        return self._clock() - self._began_at

    @property
    def is_thinking(self) -> bool:
        """Whether the part that grows is reasoning."""
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
                self._calling[event.call.id] = event.call.name
                self.line = self._running
            case ToolEnd():
                self._calling.pop(event.result.call_id, None)
                self.line = self._running
                self._closed.append(event.result)
                self._called_s.append(event.time_s)
            case ConfirmTool():
                self.line = f"{event.call.name} waits for your yes."
            case _:
                assert_never(event)

    def answer(self, stopped_by: BaseException | None = None) -> Answer:
        """Return what there is by now.

        Without the words of an error: the shell prints them below the answer.

        Args:
            stopped_by: What ended the turn before its time, if anything did.
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
            called_s=tuple(self._called_s),
            kept_notices=tuple(self._kept_notices),
        )

    @property
    def _running(self) -> str:
        names = ", ".join(self._calling.values())
        return f"Running {names} ..." if names else ""

    def _notice(self, notice: Notice) -> None:
        if notice.stays:
            self._kept_notices.append(notice.text)
        else:
            self.line = notice.text

    def _close(self, finish: Finish) -> None:
        self._watch(thinking=False)
        self._finish = None if finish.goes_on else finish
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
"""The number of a side, counted from 0, and an event of its turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """Who is asked, and how."""

    model: str
    effort: str | None = None

    @classmethod
    def of(cls, turn: Turn) -> Self:
        """Return whom a turn asked."""
        origins = [reply.origin for reply in turn.replies if reply.origin]
        return cls(model=origins[0].model if origins else "", effort=turn.effort)


def headings(sides: Iterable[Side]) -> list[str]:
    """Return a heading for each: its number, and what tells it from the others."""
    sides = list(sides)
    tells_models = len({side.model for side in sides}) > 1
    tells_efforts = len({side.effort for side in sides}) > 1
    found = []
    for number, side in enumerate(sides, 1):
        words = [str(number)]
        if tells_models:
            words.append(side.model)
        if tells_efforts and side.effort:
            words.append(f"effort {side.effort}")
        found.append(" · ".join(words))
    return found
