"""A comparison: several models, efforts, or both, asked the same at once."""

from __future__ import annotations

from collections.abc import Sequence

from stepmagic.attachments.notebook.host import Host
from stepmagic.conversation.dialogue import Dialogue
from stepmagic.conversation.prompt import Prompt
from stepmagic.conversation.reply import Replies, Reply
from stepmagic.conversation.stream import Reader
from stepmagic.display.answer import Side
from stepmagic.display.interrupts import one_interrupt
from stepmagic.display.view import comparison_view_for, draw, show_sent, watched
from stepmagic.server.options import Options
from stepmagic.session import session
from stepmagic.settings import current
from stepmagic.transcript import Turn


@one_interrupt()
def ask_each(
    prompt: Prompt, conversation: Dialogue, each: Sequence[Options]
) -> Replies:
    """Send a prompt with each of some options at once; returns their replies.

    One that fails is a reply with ``status`` error among the others. The conversation
    continues with the first that has an answer, which becomes the last reply.

    Raises:
        StepError: It could not be sent, or none of them was answered.
        Interrupted: The user stopped them; what was received is kept.
    """
    host = Host.find()
    show_sent(host, prompt.message, prompt.notices)
    each = [watched(host, options) for options in each]
    streams = conversation.send_each(
        prompt.message,
        each,
        cell=host.cell,
        reader=Reader(confirms=host.can_ask),
    )
    sides = [Side(model=one.model, effort=one.effort) for one in each]
    try:
        # An interrupt may happen before the view is there.
        with streams, comparison_view_for(host, sides, live=current().live) as view:
            try:
                draw(view, streams)
            finally:
                view.conclude(_conclusion(conversation, streams.turns))
    finally:
        if turns := streams.turns:
            last = _head(conversation, turns)
            session().keep(host, Reply(last, each[0].schema), compared=turns)
    return Replies(Reply(turn, each[0].schema) for turn in streams.result())


def _head(conversation: Dialogue, turns: Sequence[Turn]) -> Turn:
    """Return the turn that the conversation continues with; the first if with none."""
    head = conversation.tree.head
    return next((turn for turn in turns if turn.id == head), turns[0])


def _conclusion(conversation: Dialogue, turns: Sequence[Turn]) -> str:
    """Return the line that says which one is kept, and how to keep another."""
    answered = [number for number, turn in enumerate(turns, 1) if not turn.is_void]
    # One asked aside is kept nowhere, and `%step` knows only the kernel's own.
    if not answered or conversation not in session().conversations.values():
        return ""
    ways = " or ".join(f"`%step use {number}`" for number in answered[1:])
    more = f" {ways} keeps another." if ways else ""
    return f"The conversation continues with {answered[0]}.{more}"
