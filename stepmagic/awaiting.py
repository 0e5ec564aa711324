"""``astep()``: ask from async code, with the display of the cell magic."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from stepmagic.ask import prepare
from stepmagic.conversation import Conversation
from stepmagic.display import show_sent, view_for
from stepmagic.display.shell import calling_cell, find_shell
from stepmagic.drawing import TICK_S, keep, watched
from stepmagic.endpoint import refuse_key
from stepmagic.keys import find_key
from stepmagic.options import Options, Overrides
from stepmagic.prompt import Prompt, from_call
from stepmagic.repair import ask_again, can_be_repaired, given_up, misfit, said_again
from stepmagic.reply import Reply
from stepmagic.schema import Schema
from stepmagic.sending import Reader
from stepmagic.settings import current
from stepmagic.transcript import Part


async def astep(
    prompt: str | Part,
    *attachments: Any,
    conversation: Conversation | str | None = None,
    once: bool = False,
    model: str | None = None,
    effort: str | None = None,
    system: str | None = None,
    schema: Any = None,
    tools: Iterable[Callable[..., Any]] = (),
    **parameters: Any,
) -> Reply:
    """Ask a model from async code; takes what ``step`` takes, one model and effort.

        replies = await asyncio.gather(*(astep(q, once=True) for q in questions))

    Async functions of ``tools`` run in the loop that awaits it. ``tool(confirm=True)``
    is denied: a question would hold up all that runs there.

    Raises:
        StepError: No answer, or not a whole one; what came stays in the conversation.
        ValueMisfit: The answer is not of the type, nor was it when asked again.
    """
    overrides = Overrides(
        model=model,
        effort=effort,
        system=system,
        parameters=parameters,
        schema=None if schema is None else Schema.of(schema),
    )
    talk, (options,) = prepare([overrides], conversation, once=once, tools=tools)
    shell = find_shell()
    namespace = {} if shell is None else shell.user_ns
    asked = from_call(prompt, attachments, namespace, options)
    reply = await _ask(shell, asked, talk, options)
    if options.schema is None or (wrong := misfit(reply)) is None:
        return reply
    if not can_be_repaired(reply):
        raise given_up(reply, wrong, times=1)
    again = Prompt(message=ask_again(wrong), notices=(said_again(wrong),))
    reply = await _ask(shell, again, talk, options)
    if (wrong := misfit(reply)) is not None:
        raise given_up(reply, wrong, times=2)
    return reply


async def _ask(
    shell: Any, prompt: Prompt, talk: Conversation, options: Options
) -> Reply:
    # Before anything is shown: what is refused must not stay in an output.
    refuse_key(find_key(), options.system, prompt.message)
    show_sent(shell, prompt.message, prompt.notices)
    options = watched(shell, options)
    sending = talk.send(
        prompt.message,
        options,
        cell=calling_cell(shell),
        reader=Reader(home=asyncio.get_running_loop()),
    )
    try:
        async with sending:
            view = view_for(
                shell, live=current().live, model=options.model, effort=options.effort
            )
            with view:
                async for event in sending.abeats(TICK_S):
                    if event is None:
                        view.tick()
                    else:
                        view.show(event)
    finally:
        if sending.turn is not None:
            keep(shell, Reply(sending.turn, options.schema))
    return keep(shell, Reply(sending.result(), options.schema))
