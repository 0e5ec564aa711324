"""What asking one and asking several share: the drawing, and the last reply."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from types import TracebackType
from typing import Protocol, Self, TypeVar

from stepmagic.attachments.notebook.host import Host
from stepmagic.conversation.reply import Reply
from stepmagic.conversation.stream import TurnStream
from stepmagic.display.formatters import mark_drawn
from stepmagic.display.html.calls import question
from stepmagic.display.view import is_live
from stepmagic.server.options import Options
from stepmagic.session import session
from stepmagic.settings import current
from stepmagic.transcript import ToolCall, Turn

Event = TypeVar("Event")
Drawn_contra = TypeVar("Drawn_contra", contravariant=True)
Read = TypeVar("Read")

TICK_S = 0.1
"""How often a display may say how long it has been waiting."""


class Screen(Protocol[Drawn_contra]):
    """A view, as far as it is fed."""

    def show(self, event: Drawn_contra) -> None:
        """Take the next event."""

    def tick(self) -> None:
        """Draw what is due."""


class Source(Protocol[Read]):
    """What is under way: a turn, or several."""

    def __enter__(self) -> Self:
        """Begin to read."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop what is not over."""

    def beats(self, every_s: float) -> Iterator[Read | None]:
        """Yield the events, and None whenever none came for a while."""

    def confirmation(self, event: Read) -> tuple[TurnStream, ToolCall] | None:
        """Return the call that an event asks about, and who takes the answer."""

    def rest(self) -> Iterator[Read]:
        """Yield the events that came but were not read."""


def watched(host: Host, options: Options) -> Options:
    """Return the options with whether somebody looks on."""
    is_watched = host.has_shell and is_live(current().live, host)
    return replace(options, is_watched=is_watched)


def draw(view: Screen[Event], source: Source[Event]) -> None:
    """Show events as they come; what a stop left unread is shown too."""
    try:
        with source:
            for event in source.beats(TICK_S):
                if event is None:
                    view.tick()
                    continue
                view.show(event)
                if (asked := source.confirmation(event)) is not None:
                    stream, call = asked
                    stream.answer(call.id, allowed=Host.confirm(question(call)))
    finally:
        for event in source.rest():
            view.show(event)


def keep(host: Host, reply: Reply, beside: Iterable[Turn] = ()) -> Reply:
    """Make an answer, whole or not, the last reply.

    Args:
        host: Whose ``_step`` it becomes.
        reply: The answer.
        beside: Turns that were drawn beside it.
    """
    session().last = reply
    if host.has_shell:
        for turn in (reply.turn, *beside):
            mark_drawn(host, turn.id)
        host.push({"_step": reply})
    return reply
