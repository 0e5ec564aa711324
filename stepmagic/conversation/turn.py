"""A turn while it runs: its requests, their answers, the functions called, its end.

``TurnRun`` runs on the background loop. An answer that calls functions is followed by a
request with their results, until one calls none. Whatever stops it, the turn is closed
as complete, interrupted or error. Knows neither the tree nor the journal: it passes the
events to its stream, and whoever runs it reads ``turn`` meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from stepmagic.conversation.context import (
    Forecast,
    calibration,
    check_context,
    forecast,
)
from stepmagic.conversation.stream import TurnStream
from stepmagic.errors import StepError
from stepmagic.keys import Key
from stepmagic.server.cassette.endpoint import ReplayEndpoint
from stepmagic.server.endpoint import Endpoint, find_endpoint, refuse_key
from stepmagic.server.options import Options, build_request, following
from stepmagic.transcript import (
    Cell,
    Message,
    Origin,
    Status,
    ToolCall,
    ToolResult,
    Turn,
    Usage,
)
from stepmagic.transcript.events import (
    Assembly,
    Finish,
    Notice,
    Source,
    StreamEvent,
    UsageReport,
)
from stepmagic.transcript.usage import format_count
from stepmagic.wire import codec

if TYPE_CHECKING:
    from stepmagic.conversation.tool_calls import ToolRunner

_UNFINISHED = ("length", "content_filter", "error")
"""Reasons of an answer whose calls may be incomplete, or not meant."""


def encode(messages: Sequence[Message], options: Options) -> dict[str, Any]:
    """Return the body of the request that sends some messages.

    Raises:
        UnsupportedOption: The model or the protocol has no form for part of it.
    """
    return codec(options.api).encode(build_request(options, tuple(messages)))


def new_turn(
    prompt: Message, options: Options, *, parent: str | None, cell: Cell | None
) -> Turn:
    """Return a turn with an empty reply, as it is before the first byte."""
    return Turn(
        parent=parent,
        prompt=prompt,
        replies=(_empty_reply(options),),
        effort=options.effort,
        cell=cell,
    )


def compared(turns: Iterable[Turn]) -> list[Turn]:
    """Return turns asked at once, each with the first one's id; a single one as is."""
    first, *others = turns
    if not others:
        return [first]
    return [replace(turn, beside=first.id) for turn in (first, *others)]


def priced(event: StreamEvent, options: Options) -> StreamEvent:
    """Return a usage report with the list price where the server names no cost."""
    if not isinstance(event, UsageReport) or options.entry is None:
        return event
    usage = event.usage
    if usage.cost_usd is not None:
        return event
    cost_usd = options.entry.cost_usd(usage)
    return UsageReport(usage=replace(usage, cost_usd=cost_usd))


class TurnRun:
    """One turn: ``prepare`` it, ``begin`` it in the tree, then ``run`` it, once each.

    Args:
        stream: Takes the events to the reader.
        prompt: The question.
        options: What the user asks it with.
    """

    def __init__(self, stream: TurnStream, prompt: Message, options: Options) -> None:
        self.stream = stream
        self.options = options
        """What it is asked with; as its server takes it, once it is prepared."""
        self.key: Key | None = None
        """The key that is sent with it, and nowhere else."""
        self.notice = ""
        """What the user should know of the context, once it is prepared."""
        self.source: Source
        """Where the answer to the latest request comes from, once it is prepared."""
        self.finish = Finish(reason="other", native_reason="interrupted")
        """How it ended, once it has; includes any error on the way."""
        self._prompt = prompt
        self._messages: tuple[Message, ...] = ()
        """What the first request sends."""
        self._expected: Forecast
        """About how many tokens the first request takes."""
        self._endpoint: Endpoint | ReplayEndpoint
        self._turn: Turn
        """As it was when its last reply began; closed, once it is over."""
        self._assembly = Assembly()
        """The reply that is received."""
        self._tools: ToolRunner | None = None
        """While functions run."""
        self._rounds = 0

    # Before the turn begins: errors that need no server are raised here.

    async def prepare(self, turns: Sequence[Turn]) -> None:
        """Make the request that asks after some turns; nothing is sent.

        Raises:
            StepError: It cannot be sent.
        """
        report = self.stream.report
        self._endpoint = await asyncio.to_thread(find_endpoint, self.options, report)
        self.key = self._endpoint.key
        refuse_key(self.key, self.options.system, self._prompt)
        asked = self._asked()
        self._expected = forecast(self.options, turns, *asked)
        self.notice = check_context(
            self.options, turns, *asked, expected=self._expected
        )
        before = (message for turn in turns for message in turn.messages)
        self._messages = (*before, *asked)
        self.options = self._endpoint.adapt(self.options)
        self.source = await self._request(self._messages, self.options)

    def _asked(self) -> tuple[Message, ...]:
        """Return the messages that ask, after the turns before."""
        return (self._prompt,)

    async def _request(self, messages: tuple[Message, ...], options: Options) -> Source:
        source = self._endpoint.exchange(options, encode(messages, options))
        await source.ready()
        return source

    def begin(self, turn: Turn) -> None:
        """Take the turn that is in the tree now, as it is before the first byte."""
        self._turn = turn
        self.stream.turn_id = turn.id

    # While it runs

    @property
    def turn(self) -> Turn:
        """The turn with what was received so far; closed, once it is over."""
        if self._tools is not None and (results := self._tools.results):
            return _with_results(self._turn, results)
        if self._turn.status != "running":
            return self._turn
        reply = replace(self._turn.replies[-1], parts=self._assembly.parts)
        return _with_reply(self._turn, reply, self._assembly.usage)

    async def run(self) -> None:
        """Ask, and read the answers; whatever happens, the turn is closed then."""
        try:
            await self._receive()
            while finish := self._finish_with_calls():
                await self._call_tools(finish)
                if await self._ask_again(finish):
                    await self._receive()
        finally:
            self._close()

    async def _receive(self) -> None:
        async with contextlib.aclosing(self.source.events()) as events:
            async for received in events:
                event = priced(received, self.options)
                self._assembly.feed(event)
                if not isinstance(event, Finish):
                    self.stream.publish(event)
        usage = self._assembly.usage
        # The server counts the definitions of functions too; no estimate does.
        if usage is not None and not self.options.tools:
            calibration().record(self._expected, usage.prompt_tokens)

    def _finish_with_calls(self) -> Finish | None:
        """Return how an answer ended that calls functions; None where it is the last.

        Calls are looked for in the parts: a finish reason may not mention them.
        """
        finish = self._assembly.finish
        is_last = self._rounds == self.options.tool_rounds
        if finish is None or finish.reason in _UNFINISHED or is_last:
            return None
        return finish if self.options.tools and self._calls() else None

    def _calls(self) -> list[ToolCall]:
        return [part for part in self._assembly.parts if isinstance(part, ToolCall)]

    async def _call_tools(self, finish: Finish) -> None:
        """Call the functions that the answer asks for; adds their results to the turn.

        Calls that are stopped have a result too: what a function did until then is
        done, and the model should know.
        """
        from stepmagic.conversation.tool_calls import ToolRunner  # noqa: PLC0415 - with the first call

        self.stream.publish(replace(finish, continues=True))
        reply = _reply(self._assembly, finish, self.options, "complete")
        self._turn = _with_reply(self._turn, reply, self._assembly.usage)
        runner = ToolRunner(self.options, key=self.key, stream=self.stream)
        calls, self._assembly = self._calls(), Assembly()
        self._rounds += 1
        self._tools = runner
        try:
            await runner.run(calls)
        finally:
            self._turn = _with_results(self._turn, runner.results)
            self._tools = None

    async def _ask_again(self, finish: Finish) -> bool:
        """Make the request with the results; returns whether there is one."""
        is_last = self._rounds == self.options.tool_rounds
        if is_last:
            rounds = format_count(self._rounds, "round")
            text = f"{rounds} of functions, the most there may be: asked to answer now."
            self.stream.publish(Notice(text=f"{text} `%config StepMagic.tool_rounds`."))
        options = following(self.options, finish.provider, is_last=is_last)
        messages = (*self._messages, *self._turn.replies)
        try:
            self.source = await self._request(messages, options)
        except StepError as error:
            self._assembly.feed(Finish(reason="error", error=error))
            return False
        replies = (*self._turn.replies, _empty_reply(self.options))
        self._turn = replace(self._turn, replies=replies)
        return True

    def _close(self) -> None:
        """Close the turn; without a finish of the answer it was stopped."""
        ends = [] if self._assembly.finish else self.source.cut()
        for event in ends:
            self._assembly.feed(event)
        status: Status = "interrupted"
        if (finish := self._assembly.finish) is not None:
            status = "error" if finish.error else "complete"
            self.finish = finish
        self._turn = self._closed(status)
        for event in ends:
            self.stream.publish(event)

    def _closed(self, status: Status) -> Turn:
        finish = self.finish
        reply = _reply(self._assembly, finish, self.options, status)
        return replace(
            _with_reply(self._turn, reply, self._assembly.usage),
            status=status,
            finish_reason=finish.reason,
            native_reason=finish.native_reason,
            model=finish.model or self.options.model,
            generation_id=finish.id,
            error=str(finish.error) if finish.error else None,
            ended_at=time.time(),
        )


def _with_results(turn: Turn, results: Iterable[ToolResult]) -> Turn:
    reply = Message(role="tool", parts=tuple(results))
    return replace(turn, replies=(*turn.replies, reply))


def _empty_reply(options: Options) -> Message:
    origin = Origin(protocol=options.api, model=options.model)
    return Message(role="assistant", parts=(), origin=origin, status="running")


def _reply(
    assembly: Assembly, finish: Finish, options: Options, status: Status
) -> Message:
    origin = Origin(protocol=options.api, model=options.model, provider=finish.provider)
    return Message(role="assistant", parts=assembly.parts, origin=origin, status=status)


def _with_reply(turn: Turn, reply: Message, usage: Usage | None) -> Turn:
    """Return a turn with its open reply as it is now.

    While functions run no reply is open: nothing was received either.
    """
    *before, last = turn.replies
    if last.status != "running":
        return turn
    return replace(turn, replies=(*before, reply), usage=_added(turn.usage, usage))


def _added(before: Usage | None, usage: Usage | None) -> Usage | None:
    return before + usage if before and usage else before or usage
