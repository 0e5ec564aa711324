"""Ask several at once: models, efforts, or both, with the answers side by side."""

from __future__ import annotations

from collections.abc import Sequence

from stepmagic.ask.render import draw, keep, watched
from stepmagic.attachments.notebook.host import Host
from stepmagic.conversation.dialogue import Dialogue
from stepmagic.conversation.prompt import Prompt
from stepmagic.conversation.reply import Replies, Reply
from stepmagic.conversation.stream import Reader
from stepmagic.display.answer import Side
from stepmagic.display.interrupts import one_interrupt
from stepmagic.display.view import comparison_view_for, show_sent
from stepmagic.keys import find_key
from stepmagic.server.endpoint import refuse_key
from stepmagic.server.options import Options
from stepmagic.session import session
from stepmagic.settings import current
from stepmagic.transcript import Turn


@one_interrupt()
def ask_each(
    prompt: Prompt, conversation: Dialogue, each: Sequence[Options]
) -> Replies:
    """Send a prompt with each of some options at once; returns their replies.

    One that fails is a reply with ``status`` error beside the others. The conversation
    goes on with the first that came, and the last reply is that one.

    Raises:
        AttachmentError: The prompt holds the API key.
        StepError: It could not be sent, or none of them was answered.
        Interrupted: The user stopped them; what came stays in the conversation.
    """
    host = Host.find()
    # Before anything is shown: what is refused must not stay in an output.
    refuse_key(find_key(), each[0].system, prompt.message)
    show_sent(host, prompt.message, prompt.notices)
    each = [watched(host, options) for options in each]
    together = conversation.send_each(
        prompt.message,
        each,
        cell=host.cell,
        reader=Reader(confirms=host.can_ask),
    )
    sides = [Side(model=one.model, effort=one.effort) for one in each]
    try:
        # An interrupt may come before the view is up.
        with together, comparison_view_for(host, sides, live=current().live) as view:
            try:
                draw(view, together)
            finally:
                view.conclude(_going_on(conversation, together.turns))
    finally:
        if turns := together.turns:
            last = _head(conversation, turns)
            keep(host, Reply(last, each[0].schema), beside=turns)
    return Replies(Reply(turn, each[0].schema) for turn in together.result())


def _head(conversation: Dialogue, turns: Sequence[Turn]) -> Turn:
    """Return the one that the conversation goes on with; the first if with none."""
    head = conversation.tree.head
    return next((turn for turn in turns if turn.id == head), turns[0])


def _going_on(conversation: Dialogue, turns: Sequence[Turn]) -> str:
    """Return the line that says which one is kept, and how to keep another."""
    came = [number for number, turn in enumerate(turns, 1) if not turn.is_void]
    # One that was asked aside is kept nowhere, and `%step` knows only the kernel's own.
    if not came or conversation not in session().conversations.values():
        return ""
    ways = " or ".join(f"`%step use {number}`" for number in came[1:])
    more = f" {ways} keeps another." if ways else ""
    return f"The conversation goes on with {came[0]}.{more}"
