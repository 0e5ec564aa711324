"""An answer that broke off, continued: two streams become one answer.

``UnfinishedTurn`` is the turn that broke off, with the text that continues set apart.
``ContinuedAnswer`` yields what was received before and then what arrives now, as if the
answer had never stopped; so the transcript, the journal and all displays get one answer
and need not know of it. ``ContinuedTurn`` runs that.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass, replace

from stepmagic.conversation.stream import TurnStream
from stepmagic.conversation.turn import TurnRun, new_turn
from stepmagic.errors import StepError
from stepmagic.server.options import Options, Overrides
from stepmagic.transcript import (
    Message,
    Part,
    Reasoning,
    Text,
    ToolCall,
    Turn,
    Usage,
    user,
)
from stepmagic.transcript.events import (
    Finish,
    PartDelta,
    PartEnd,
    PartStart,
    Source,
    SourceWrapper,
    StreamEvent,
)
from stepmagic.wire.history import UNSENT

CONTINUE = user(
    "Your answer broke off. Continue exactly where it stopped, in the middle of a word "
    "if need be: write only what comes next, and repeat nothing."
)
"""Asks for the rest; it is in the request only, never in the conversation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnfinishedTurn:
    """A turn whose answer broke off."""

    turn: Turn
    rounds: tuple[Message, ...]
    """Its complete replies: calls of functions, and what they returned."""
    before: tuple[Part, ...]
    """What was received of the last reply, except the text that continues."""
    text: Text | None
    """The text that continues."""
    is_sendable: bool
    """Whether the last reply has content to send back, for the model to continue."""

    @property
    def overrides(self) -> Overrides:
        """What asks as the turn was asked: the same model, effort and protocol."""
        origins = [reply.origin for reply in self.turn.replies if reply.origin]
        if not origins:
            return Overrides(effort=self.turn.effort)
        return Overrides(
            model=origins[-1].model,
            effort=self.turn.effort,
            parameters={"api": origins[-1].protocol},
        )

    @property
    def asked(self) -> tuple[Message, ...]:
        """The messages that ask for the rest, after the turns before."""
        if self.is_sendable:
            return (*self.turn.messages, CONTINUE)
        return (self.turn.prompt, *self.rounds)

    def rest(self, options: Options) -> Turn:
        """Return the turn of the rest only, before its first byte."""
        turn = self.turn
        rest = new_turn(turn.prompt, options, parent=turn.parent, cell=turn.cell)
        return replace(rest, id=turn.id)

    def waiting(self) -> Turn:
        """Return the complete turn as it is before the rest arrives."""
        replies = self.turn.replies
        if replies and replies[-1].role == "assistant":
            last = replace(replies[-1], status="running")
            replies = (*replies[:-1], last)
        return replace(self.turn, status="running", replies=replies)

    def joined(self, rest: Turn) -> Turn:
        """Return the complete turn, given that of the rest."""
        usage = rest.usage
        if self.turn.usage is not None:
            usage = self.turn.usage + (usage or Usage())
        return replace(
            self.turn,
            replies=(*self.rounds, *rest.replies),
            status=rest.status,
            finish_reason=rest.finish_reason,
            native_reason=rest.native_reason,
            usage=usage,
            model=rest.model,
            effort=rest.effort,
            generation_id=rest.generation_id,
            error=rest.error,
            ended_at=rest.ended_at,
        )


def unfinished(turn: Turn | None) -> UnfinishedTurn:
    """Return a turn as one to continue.

    Raises:
        StepError: There is none, or its answer is complete.
    """
    if turn is None:
        message = "nothing was asked yet: there is no answer to continue."
        raise StepError(message)
    if turn.status == "complete" and turn.finish_reason != "length":
        message = (
            "the last answer is complete: there is nothing to continue. Ask for more "
            "with %%step."
        )
        raise StepError(message)
    *rounds, last = turn.replies or (Message(role="assistant", parts=()),)
    if last.role != "assistant":
        rounds, last = [*rounds, last], Message(role="assistant", parts=())
    before, text = _divided(last.parts)
    return UnfinishedTurn(
        turn=turn,
        rounds=tuple(rounds),
        before=before,
        text=text,
        is_sendable=any(map(_is_sendable, last.parts)),
    )


def _divided(parts: tuple[Part, ...]) -> tuple[tuple[Part, ...], Text | None]:
    """Return the parts except the text that continues, and that text."""
    last_at = max((n for n, part in enumerate(parts) if _is_sendable(part)), default=-1)
    # Thinking after the last words was cut off before it led to any.
    before = [_unsent(part) if n > last_at else part for n, part in enumerate(parts)]
    texts = [n for n, part in enumerate(parts) if isinstance(part, Text)]
    text: Part | None = None
    if texts and texts[-1] >= last_at:
        text = before.pop(texts[-1])
    return tuple(before), text if isinstance(text, Text) else None


def _is_sendable(part: Part) -> bool:
    """Whether a part can be sent back to the model as its own content."""
    if isinstance(part, Text):
        return bool(part.text.strip())
    return not isinstance(part, Reasoning | ToolCall)


def _unsent(part: Part) -> Part:
    if not isinstance(part, Reasoning):
        return part
    return replace(part, provider_metadata={**part.provider_metadata, UNSENT: True})


class ContinuedTurn(TurnRun):
    """The rest of an answer that broke off, as a turn with the complete answer.

    Args:
        stream: Takes the events to the reader.
        unfinished: The turn that broke off.
        options: What the user asks for the rest with.
    """

    def __init__(
        self, stream: TurnStream, unfinished: UnfinishedTurn, options: Options
    ) -> None:
        super().__init__(stream, unfinished.turn.prompt, options)
        self._unfinished = unfinished
        self._answer: ContinuedAnswer

    async def prepare(self, turns: Sequence[Turn]) -> None:
        """Make the request for the rest; nothing is sent.

        Raises:
            StepError: It cannot be sent.
        """
        await super().prepare(turns)
        before = (message for turn in turns for message in turn.messages)
        # What later requests follow, once the rest calls functions.
        self._messages = (*before, self._prompt, *self._unfinished.rounds)

    def _asked(self) -> tuple[Message, ...]:
        return self._unfinished.asked

    def begin(self, turn: Turn) -> None:
        """Take the turn that is in the tree now, as it was when it broke off."""
        self._unfinished = replace(self._unfinished, turn=turn)
        self.source = self._answer = ContinuedAnswer(self.source, self._unfinished)
        super().begin(self._unfinished.rest(self.options))

    @property
    def turn(self) -> Turn:
        """The complete turn; as it was, where nothing more was received."""
        rest = super().turn
        if not self._answer.has_begun and rest.status != "complete":
            return self._unfinished.turn
        if rest.status == "running" and (held := self._answer.held) is not None:
            *rounds, last = rest.replies
            last = replace(last, parts=(*last.parts, held))
            rest = replace(rest, replies=(*rounds, last))
        return self._unfinished.joined(rest)


class ContinuedAnswer(SourceWrapper):
    """The events of an answer that continues, from its first word.

    Args:
        source: The request for the rest.
        unfinished: What there is.
    """

    def __init__(self, source: Source, unfinished: UnfinishedTurn) -> None:
        super().__init__(source)
        self._unfinished = unfinished
        self._before: tuple[Part, ...] = unfinished.before
        self._text = unfinished.text
        self._is_held = unfinished.text is not None
        """Whether the text has yet to be shown: it waits for what is joined to it."""
        self._indices: dict[int, int] = {}
        """Where the parts of the rest are in the complete answer."""
        self._joined: int | None = None
        """The part of the rest that continues the text."""
        self._next = 0

    @property
    def has_begun(self) -> bool:
        """Whether a part of the rest has arrived."""
        return bool(self._indices)

    @property
    def held(self) -> Text | None:
        """The text that waits for what is joined to it; None once it was shown."""
        return self._text if self._is_held else None

    async def events(self) -> AsyncGenerator[StreamEvent, None]:
        """Yield what was received before, then what arrives; a ``Finish`` is last."""
        for event in self._opening():
            yield event
        async with contextlib.aclosing(self._source.events()) as events:
            async for event in events:
                for placed in self._placed(event):
                    yield placed

    def cut(self) -> list[StreamEvent]:
        """Return the ends of the parts that were open when the reading stopped."""
        events = [placed for end in self._source.cut() for placed in self._placed(end)]
        return [*self._opening(), *events, *self._let_go()]

    def _opening(self) -> Iterator[StreamEvent]:
        before, self._before = self._before, ()
        for part in before:
            yield from self._start_and_end(part)

    def _start_and_end(self, part: Part) -> Iterator[StreamEvent]:
        index = self._new_index()
        yield PartStart(index=index, part=part)
        yield PartEnd(index=index, part=part)

    def _new_index(self) -> int:
        self._next += 1
        return self._next - 1

    def _let_go(self) -> Iterator[StreamEvent]:
        """Show the text as it is, where nothing was joined to it."""
        if self._is_held and self._text is not None:
            self._is_held = False
            yield from self._start_and_end(self._text)

    def _placed(self, event: StreamEvent) -> Iterator[StreamEvent]:
        match event:
            case PartStart():
                yield from self._started(event)
            case PartDelta():
                yield replace(event, index=self._indices[event.index])
            case PartEnd():
                yield self._ended(event)
            case Finish():
                yield from self._let_go()
                yield event
            case _:
                yield event

    def _started(self, event: PartStart) -> Iterator[StreamEvent]:
        if self._is_held and isinstance(event.part, Text):
            self._is_held = False
            self._joined = event.index
        elif not isinstance(event.part, Reasoning):
            yield from self._let_go()
        self._indices[event.index] = index = self._new_index()
        yield PartStart(index=index, part=self._fitted(event.index, event.part))

    def _ended(self, event: PartEnd) -> PartEnd:
        part = self._fitted(event.index, event.part)
        return PartEnd(index=self._indices[event.index], part=part)

    def _fitted(self, index: int, part: Part) -> Part:
        """Return a part of the rest as it is in the complete answer."""
        if index == self._joined and isinstance(part, Text) and self._text is not None:
            return replace(
                part,
                text=self._text.text + part.text,
                logprobs=self._text.logprobs + part.logprobs,
                provider_metadata={
                    **self._text.provider_metadata,
                    **part.provider_metadata,
                },
            )
        # What was thought in the middle of an answer has no place in a request.
        return _unsent(part) if self._unfinished.is_sendable else part
