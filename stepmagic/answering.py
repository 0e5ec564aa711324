"""A turn while it is answered: as it begins, as it stands, and closed.

A turn with functions is several rounds: an answer that calls some, and their results.
Pure: makes turns of what came, and puts them nowhere.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace

from stepmagic.events import Assembly, Finish, PartEnd, StreamEvent, UsageReport
from stepmagic.options import Options
from stepmagic.transcript import (
    Cell,
    Message,
    Origin,
    Status,
    ToolResult,
    Turn,
    Usage,
)


def begun(
    prompt: Message, options: Options, *, parent: str | None, cell: Cell | None
) -> Turn:
    """Return a turn with an empty reply, as it stands before the first byte."""
    return Turn(
        parent=parent,
        prompt=prompt,
        replies=(_empty(options),),
        effort=options.effort,
        cell=cell,
    )


def side_by_side(turns: Iterable[Turn]) -> list[Turn]:
    """Return turns that are asked together, each knowing that; one alone as it is."""
    first, *others = turns
    if not others:
        return [first]
    return [replace(turn, beside=first.id) for turn in (first, *others)]


def asked_again(turn: Turn, options: Options) -> Turn:
    """Return a turn with one more reply, empty before its first byte."""
    return replace(turn, replies=(*turn.replies, _empty(options)))


def so_far(turn: Turn, assembly: Assembly, ends: Iterable[StreamEvent]) -> Turn:
    """Return a running turn with what came.

    Args:
        turn: As the round began.
        assembly: What came since.
        ends: How the parts that are open would end, were it stopped now.
    """
    parts = dict(enumerate(assembly.parts))
    for event in ends:
        if isinstance(event, PartEnd):
            parts[event.index] = event.part
    reply = replace(turn.replies[-1], parts=tuple(parts.values()))
    return _with_reply(turn, reply, assembly.usage)


def answered(turn: Turn, assembly: Assembly, finish: Finish, options: Options) -> Turn:
    """Return a turn whose last reply is whole, though the turn goes on."""
    reply = _reply(assembly, finish, options, "complete")
    return _with_reply(turn, reply, assembly.usage)


def with_results(turn: Turn, results: Iterable[ToolResult]) -> Turn:
    """Return a turn with what its last answer's functions gave."""
    return replace(
        turn, replies=(*turn.replies, Message(role="tool", parts=tuple(results)))
    )


def closed(turn: Turn, assembly: Assembly, finish: Finish, options: Options) -> Turn:
    """Return a turn with all that came; without a finish of its own it was stopped."""
    status: Status = "error" if finish.error else "complete"
    if assembly.finish is None:
        status = "interrupted"
    reply = _reply(assembly, finish, options, status)
    return replace(
        _with_reply(turn, reply, assembly.usage),
        status=status,
        finish_reason=finish.reason,
        native_reason=finish.native_reason,
        model=finish.model or options.model,
        generation_id=finish.id,
        error=str(finish.error) if finish.error else None,
        ended_at=time.time(),
    )


def _empty(options: Options) -> Message:
    origin = Origin(protocol=options.api, model=options.model)
    return Message(role="assistant", parts=(), origin=origin, status="running")


def _reply(
    assembly: Assembly, finish: Finish, options: Options, status: Status
) -> Message:
    origin = Origin(protocol=options.api, model=options.model, provider=finish.provider)
    return Message(role="assistant", parts=assembly.parts, origin=origin, status=status)


def _with_reply(turn: Turn, reply: Message, usage: Usage | None) -> Turn:
    """Return a turn with its open reply as it is now.

    None is open while functions run: then nothing came either.
    """
    *before, last = turn.replies
    if last.status != "running":
        return turn
    return replace(turn, replies=(*before, reply), usage=_added(turn.usage, usage))


def _added(before: Usage | None, usage: Usage | None) -> Usage | None:
    return before + usage if before and usage else before or usage


def priced(event: StreamEvent, options: Options) -> StreamEvent:
    """Return a usage report with the list price where the server names no cost."""
    if not isinstance(event, UsageReport) or options.entry is None:
        return event
    usage = event.usage
    if usage.cost_usd is not None:
        return event
    cost_usd = options.entry.cost_usd(usage)
    return UsageReport(usage=replace(usage, cost_usd=cost_usd))
