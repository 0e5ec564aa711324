"""A turn while it is answered: as it begins, as it stands, and closed.

Pure: makes turns of what came, and puts them nowhere.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace

from stepmagic.events import Assembly, Finish, PartEnd, StreamEvent, UsageReport
from stepmagic.options import Options
from stepmagic.transcript import Cell, Message, Origin, Status, Turn


def begun(
    prompt: Message, options: Options, *, parent: str | None, cell: Cell | None
) -> Turn:
    """Return a turn with an empty reply, as it stands before the first byte."""
    origin = Origin(protocol=options.api, model=options.model)
    reply = Message(role="assistant", parts=(), origin=origin, status="running")
    return Turn(
        parent=parent,
        prompt=prompt,
        replies=(reply,),
        effort=options.effort,
        cell=cell,
    )


def side_by_side(turns: Iterable[Turn]) -> list[Turn]:
    """Return turns that are asked together, each knowing that; one alone as it is."""
    first, *others = turns
    if not others:
        return [first]
    return [replace(turn, beside=first.id) for turn in (first, *others)]


def so_far(turn: Turn, assembly: Assembly, ends: Iterable[StreamEvent]) -> Turn:
    """Return a running turn with what came.

    Args:
        turn: As it began.
        assembly: What came.
        ends: How the parts that are open would end, were it stopped now.
    """
    parts = dict(enumerate(assembly.parts))
    for event in ends:
        if isinstance(event, PartEnd):
            parts[event.index] = event.part
    reply = replace(turn.replies[0], parts=tuple(parts.values()))
    return replace(turn, replies=(reply,), usage=assembly.usage)


def closed(turn: Turn, assembly: Assembly, finish: Finish, options: Options) -> Turn:
    """Return a turn with all that came; without a finish of its own it was stopped."""
    status: Status = "error" if finish.error else "complete"
    if assembly.finish is None:
        status = "interrupted"
    origin = Origin(protocol=options.api, model=options.model, provider=finish.provider)
    reply = Message(
        role="assistant", parts=assembly.parts, origin=origin, status=status
    )
    return replace(
        turn,
        replies=(reply,),
        status=status,
        finish_reason=finish.reason,
        native_reason=finish.native_reason,
        usage=assembly.usage,
        model=finish.model or options.model,
        generation_id=finish.id,
        error=str(finish.error) if finish.error else None,
        ended_at=time.time(),
    )


def priced(event: StreamEvent, options: Options) -> StreamEvent:
    """Return a usage report with the list price where the server names no cost."""
    if not isinstance(event, UsageReport) or options.entry is None:
        return event
    usage = event.usage
    if usage.cost_usd is not None:
        return event
    cost_usd = options.entry.cost_usd(usage)
    return UsageReport(usage=replace(usage, cost_usd=cost_usd))
