"""An answer that broke off, gone on with: two streams become one answer.

``Broken`` is a turn taken apart: what was said, and the text that goes on. ``Resumed``
stands between the request and the turn; it yields what came before and then what comes
now, as if the answer had never stopped. So the transcript, the journal and all displays
get one answer, and need to know nothing of it.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass, replace

from stepmagic.conversation.turn import begun
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
    StreamEvent,
)
from stepmagic.wire.history import UNSENT

GO_ON = user(
    "Your answer broke off. Go on exactly where it stopped, in the middle of a word if "
    "need be: write only what comes next, and repeat nothing."
)
"""Asks for the rest; stands in the request alone, never in the conversation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """A turn whose answer broke off."""

    turn: Turn
    rounds: tuple[Message, ...]
    """Its replies that are whole: calls of functions, and what they returned."""
    before: tuple[Part, ...]
    """What came of the last reply beside the text that goes on."""
    text: Text | None
    """The text that goes on."""
    is_said: bool
    """Whether the model can be shown its own words, to go on from them."""

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
        """The messages that ask for the rest, behind the turns before."""
        if self.is_said:
            return (*self.turn.messages, GO_ON)
        return (self.turn.prompt, *self.rounds)

    def begun(self, options: Options) -> Turn:
        """Return the turn of the rest alone, before its first byte."""
        turn = self.turn
        rest = begun(turn.prompt, options, parent=turn.parent, cell=turn.cell)
        return replace(rest, id=turn.id)

    def waiting(self) -> Turn:
        """Return the whole turn as it stands before the rest has come."""
        replies = self.turn.replies
        if replies and replies[-1].role == "assistant":
            last = replace(replies[-1], status="running")
            replies = (*replies[:-1], last)
        return replace(self.turn, status="running", replies=replies)


def take_apart(turn: Turn | None) -> Broken:
    """Return the turn as one to go on with.

    Raises:
        StepError: There is none, or its answer is whole.
    """
    if turn is None:
        message = "nothing was asked yet: there is no answer to go on with."
        raise StepError(message)
    if turn.status == "complete" and turn.finish_reason != "length":
        message = (
            "the last answer is whole: there is nothing to go on with. Ask for more "
            "with %%step."
        )
        raise StepError(message)
    *rounds, last = turn.replies or (Message(role="assistant", parts=()),)
    if last.role != "assistant":
        rounds, last = [*rounds, last], Message(role="assistant", parts=())
    before, text = _apart(last.parts)
    return Broken(
        turn=turn,
        rounds=tuple(rounds),
        before=before,
        text=text,
        is_said=any(map(_is_said, last.parts)),
    )


def _apart(parts: tuple[Part, ...]) -> tuple[tuple[Part, ...], Text | None]:
    """Return what came beside the text that goes on, and that text."""
    said_at = max((n for n, part in enumerate(parts) if _is_said(part)), default=-1)
    # Thinking behind the last words was cut off before it led to any.
    kept = [_unsent(part) if n > said_at else part for n, part in enumerate(parts)]
    texts = [n for n, part in enumerate(parts) if isinstance(part, Text)]
    text: Part | None = None
    if texts and texts[-1] >= said_at:
        text = kept.pop(texts[-1])
    return tuple(kept), text if isinstance(text, Text) else None


def _is_said(part: Part) -> bool:
    """Whether a part is words, or a thing, that the model can be shown as its own."""
    if isinstance(part, Text):
        return bool(part.text.strip())
    return not isinstance(part, Reasoning | ToolCall)


def _unsent(part: Part) -> Part:
    if not isinstance(part, Reasoning):
        return part
    return replace(part, provider_metadata={**part.provider_metadata, UNSENT: True})


class Resumed:
    """The events of an answer that goes on, from its first word."""

    def __init__(self, source: Source, broken: Broken) -> None:
        """Prepare to ask; nothing is sent yet.

        Args:
            source: The request for the rest.
            broken: What there is.
        """
        self._source = source
        self._broken = broken
        self._before: tuple[Part, ...] = broken.before
        self._text = broken.text
        self._is_held = broken.text is not None
        """Whether the text has yet to be shown: it waits for what is joined to it."""
        self._places: dict[int, int] = {}
        """Where the parts of the rest stand in the whole."""
        self._joined: int | None = None
        """The part of the rest that the text goes on in."""
        self._next = 0

    async def ready(self) -> None:
        """Find out who answers; the request for the rest does that."""
        await self._source.ready()

    async def events(self) -> AsyncGenerator[StreamEvent, None]:
        """Yield what came before, then what comes; the last is a ``Finish``."""
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

    def so_far(self) -> list[StreamEvent]:
        """Return what ``cut`` would now, and go on reading."""
        ends = [self._ended(e) for e in self._source.so_far() if isinstance(e, PartEnd)]
        if self._is_held and self._text is not None:
            ends.append(PartEnd(index=self._next, part=self._text))
        return [*ends]

    def whole(self, rest: Turn) -> Turn:
        """Return the whole turn, given that of the rest; as it was, if none came."""
        broken = self._broken
        if not self._places and rest.status != "complete":
            return broken.turn
        usage = rest.usage
        if broken.turn.usage is not None:
            usage = broken.turn.usage + (usage or Usage())
        return replace(
            broken.turn,
            replies=(*broken.rounds, *rest.replies),
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

    def _opening(self) -> Iterator[StreamEvent]:
        before, self._before = self._before, ()
        for part in before:
            yield from self._whole(part)

    def _whole(self, part: Part) -> Iterator[StreamEvent]:
        index = self._new_place()
        yield PartStart(index=index, part=part)
        yield PartEnd(index=index, part=part)

    def _new_place(self) -> int:
        self._next += 1
        return self._next - 1

    def _let_go(self) -> Iterator[StreamEvent]:
        """Show the text as it is, where nothing was joined to it."""
        if self._is_held and self._text is not None:
            self._is_held = False
            yield from self._whole(self._text)

    def _placed(self, event: StreamEvent) -> Iterator[StreamEvent]:
        match event:
            case PartStart():
                yield from self._begun(event)
            case PartDelta():
                yield replace(event, index=self._places[event.index])
            case PartEnd():
                yield self._ended(event)
            case Finish():
                yield from self._let_go()
                yield event
            case _:
                yield event

    def _begun(self, event: PartStart) -> Iterator[StreamEvent]:
        if self._is_held and isinstance(event.part, Text):
            self._is_held = False
            self._joined = event.index
        elif not isinstance(event.part, Reasoning):
            yield from self._let_go()
        self._places[event.index] = index = self._new_place()
        yield PartStart(index=index, part=self._fitted(event.index, event.part))

    def _ended(self, event: PartEnd) -> PartEnd:
        part = self._fitted(event.index, event.part)
        return PartEnd(index=self._places[event.index], part=part)

    def _fitted(self, index: int, part: Part) -> Part:
        """Return a part of the rest as it stands in the whole."""
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
        return _unsent(part) if self._broken.is_said else part
