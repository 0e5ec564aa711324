"""What happens while a turn runs: the closed set of stream events, and their fold.

One event stream has several consumers: the transcript (through ``Assembly``), the
journal and every display. Events are values; nothing here does I/O.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass, replace
from typing import Protocol, TypeAlias, assert_never

from stepmagic.errors import StepError
from stepmagic.transcript import (
    File,
    FinishReason,
    Image,
    Opaque,
    Part,
    Reasoning,
    Text,
    TokenLogprob,
    ToolCall,
    ToolResult,
    Usage,
    Video,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartStart:
    """A part begins; ``part`` is what is known of it, its text usually empty."""

    index: int
    """Position in the message, counted from 0 in the order in which parts begin."""
    part: Part


@dataclass(frozen=True, slots=True, kw_only=True)
class PartDelta:
    """More of a part: text, readable reasoning, or a tool call's arguments."""

    index: int
    text: str
    logprobs: tuple[TokenLogprob, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PartEnd:
    """A part is finished; ``part`` is complete and replaces what arrived before."""

    index: int
    part: Part


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageReport:
    """Tokens and cost of the answer; a later report of a stream replaces an earlier."""

    usage: Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """The stream is over: the last event, exactly one for each stream.

    A turn that calls functions is several streams, one after the other.
    """

    reason: FinishReason
    native_reason: str | None = None
    """The provider's own word for it."""
    id: str | None = None
    """The server's id of the generation."""
    model: str | None = None
    """The model that answered, as the server names it."""
    provider: str | None = None
    error: StepError | None = None
    """What went wrong, where ``reason`` is ``error``; the parts so far stay valid."""
    continues: bool = False
    """Whether the turn continues: functions are called, and another stream follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """The request failed before its first token and is sent again."""

    attempt: int
    """The next attempt, counted from 2."""
    attempts: int
    wait_s: float
    error: StepError


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One line the user should see, such as that the turn waits for another."""

    text: str
    stays: bool = False
    """Whether it stays with the answer; else it goes when the answer begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolStart:
    """A function that the model called begins to run."""

    call: ToolCall


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolEnd:
    """A called function returned or failed."""

    result: ToolResult
    time_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmTool:
    """A function waits for the user's permission; denied where no consumer answers."""

    call: ToolCall


StreamEvent: TypeAlias = (
    PartStart
    | PartDelta
    | PartEnd
    | UsageReport
    | Finish
    | Retry
    | Notice
    | ToolStart
    | ToolEnd
    | ConfirmTool
)


@dataclass(slots=True)
class _Growing:
    """A part that has begun, with the text fragments received since."""

    part: Part
    fragments: list[str]
    logprobs: list[TokenLogprob]
    ended: bool = False

    def joined(self) -> Part:
        """Return the part with the fragments received since the last call."""
        if not self.ended and (self.fragments or self.logprobs):
            self.part = _extended(
                self.part, "".join(self.fragments), tuple(self.logprobs)
            )
        self.fragments.clear()
        self.logprobs.clear()
        return self.part


def _extended(part: Part, added: str, logprobs: tuple[TokenLogprob, ...]) -> Part:
    """Return a part with more text; a part that has none stays as it is."""
    match part:
        case Text():
            return replace(
                part, text=part.text + added, logprobs=part.logprobs + logprobs
            )
        case Reasoning():
            return replace(part, text=part.text + added)
        case ToolCall():
            return replace(part, arguments=part.arguments + added)
        case Image() | Video() | File() | ToolResult() | Opaque():
            return part
        case _:
            assert_never(part)


class Source(Protocol):
    """Where the events of an answer come from: a request, or a wrapper around one."""

    async def ready(self) -> None:
        """Find out who answers, before anything is asked.

        Raises:
            StepError: There is no one to ask.
        """

    def events(self) -> AsyncGenerator[StreamEvent, None]:
        """Yield the events; the last is a ``Finish``, with any error."""

    def cut(self) -> list[StreamEvent]:
        """Return the ends of the parts that were open when the reading stopped."""


class SourceWrapper(Source):
    """A source around another: passes everything on, until a method is overridden."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def ready(self) -> None:
        """Find out who answers."""
        await self._source.ready()

    def events(self) -> AsyncGenerator[StreamEvent, None]:
        """Yield the events; the last is a ``Finish``, with any error."""
        return self._source.events()

    def cut(self) -> list[StreamEvent]:
        """Return the ends of the parts that were open when the reading stopped."""
        return self._source.cut()


class Assembly:
    """Folds the events of one message into its parts; feeding costs O(1) an event."""

    def __init__(self) -> None:
        self._growing: dict[int, _Growing] = {}
        self.usage: Usage | None = None
        self.finish: Finish | None = None

    def feed(self, event: StreamEvent) -> None:
        """Take the next event of the stream."""
        match event:
            case PartDelta():
                growing = self._growing[event.index]
                growing.fragments.append(event.text)
                growing.logprobs.extend(event.logprobs)
            case PartStart():
                self._growing[event.index] = _Growing(event.part, [], [])
            case PartEnd():
                ended = _Growing(event.part, [], [], ended=True)
                self._growing[event.index] = ended
            case UsageReport():
                self.usage = event.usage
            case Finish():
                self.finish = event
            case Retry() | Notice() | ToolStart() | ToolEnd() | ConfirmTool():
                pass
            case _:
                assert_never(event)

    def part(self, index: int) -> Part:
        """Return one part as it is now."""
        return self._growing[index].joined()

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts so far, in order; unfinished ones with the text they have."""
        return tuple(growing.joined() for _, growing in sorted(self._growing.items()))


def assemble(events: Iterable[StreamEvent]) -> Assembly:
    """Return the fold of a complete stream."""
    assembly = Assembly()
    for event in events:
        assembly.feed(event)
    return assembly
