"""What asking one and asking several share: the drawing, and the last reply."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TypeVar

from stepmagic.attachments.notebook.host import Host
from stepmagic.conversation.reply import Reply
from stepmagic.conversation.stream import EventStream
from stepmagic.display.html.calls import question
from stepmagic.display.view import View, is_live
from stepmagic.server.options import Options
from stepmagic.session import session
from stepmagic.settings import current
from stepmagic.transcript import Turn

Event = TypeVar("Event")

TICK_S = 0.1
"""How often a display may update how long it has been waiting."""


def watched(host: Host, options: Options) -> Options:
    """Return the options with whether someone is watching."""
    is_watched = host.has_shell and is_live(current().live, host)
    return replace(options, is_watched=is_watched)


def draw(view: View[Event], stream: EventStream[Event]) -> None:
    """Show events as they arrive; those that a stop left unread are shown too."""
    try:
        with stream:
            for event in stream.beats(TICK_S):
                if event is None:
                    view.tick()
                    continue
                view.show(event)
                if (asked := stream.confirmation(event)) is not None:
                    turn_stream, call = asked
                    is_allowed = Host.confirm(question(call))
                    turn_stream.answer(call.id, allowed=is_allowed)
    finally:
        for event in stream.rest():
            view.show(event)


def keep(host: Host, reply: Reply, compared: Iterable[Turn] = ()) -> Reply:
    """Make an answer, complete or not, the last reply.

    Args:
        host: Whose ``_step`` it becomes.
        reply: The answer.
        compared: Turns that were drawn next to it.
    """
    session().last = reply
    if host.has_shell:
        for turn in (reply.turn, *compared):
            session().drawn.add(host, turn.id)
        host.push({"_step": reply})
    return reply
