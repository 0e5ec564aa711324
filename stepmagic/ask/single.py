"""``step()``: ask from Python, with the display of the cell magic.

One way for the magic and for Python: parts become a user message, the conversation
sends it, a view draws the events, and the closed turn becomes a ``Reply``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, overload

from stepmagic.ask.comparison import ask_each
from stepmagic.ask.render import TICK_S, draw, keep, watched
from stepmagic.attachments.notebook.host import Host
from stepmagic.conversation.dialogue import Dialogue
from stepmagic.conversation.draft import Draft
from stepmagic.conversation.prompt import Prompt, build_prompt, named_values
from stepmagic.conversation.reply import Replies, Reply
from stepmagic.conversation.stream import Reader, TurnStream
from stepmagic.conversation.typed_answer import (
    ask_again,
    can_be_repaired,
    given_up,
    misfit,
    said_again,
)
from stepmagic.display.interrupts import one_interrupt
from stepmagic.display.view import show_sent, view_for
from stepmagic.keys import find_key
from stepmagic.schema import Schema
from stepmagic.schema.tools import to_tools
from stepmagic.server.catalogue import is_local
from stepmagic.server.endpoint import refuse_key
from stepmagic.server.options import (
    Options,
    Overrides,
    handling_for,
    least_able,
    spread,
    with_tools,
)
from stepmagic.session import session
from stepmagic.settings import current
from stepmagic.transcript import Part


@overload
def step(
    prompt: str | Part,
    *attachments: Any,
    conversation: Dialogue | str | None = None,
    once: bool = False,
    model: str | None = None,
    effort: str | None = None,
    system: str | None = None,
    schema: Any = None,
    tools: Iterable[Callable[..., Any]] = (),
    **parameters: Any,
) -> Reply: ...


@overload
def step(
    prompt: str | Part,
    *attachments: Any,
    conversation: Dialogue | str | None = None,
    once: bool = False,
    model: str | list[str] | None = None,
    effort: str | list[str] | None = None,
    system: str | None = None,
    schema: Any = None,
    tools: Iterable[Callable[..., Any]] = (),
    **parameters: Any,
) -> Reply | Replies: ...


def step(
    prompt: str | Part,
    *attachments: Any,
    conversation: Dialogue | str | None = None,
    once: bool = False,
    model: str | list[str] | None = None,
    effort: str | list[str] | None = None,
    system: str | None = None,
    schema: Any = None,
    tools: Iterable[Callable[..., Any]] = (),
    **parameters: Any,
) -> Reply | Replies:
    """Ask a model; streams into the notebook and returns the ``Reply``.

        from stepmagic import step
        reply = step("Why is the sky blue?", effort="low", max_tokens=300)
        reply.text

    Args:
        prompt: The question.
        attachments: What to send before it: DataFrames, images, figures, videos, paths,
            functions, errors, text, replies.
        conversation: A ``Conversation`` or the name of one; the current by default.
        once: Ask aside, without reading or changing the conversation.
        model: Model id, for this turn; a list asks several side by side.
        effort: Reasoning effort: high, medium or low; a list asks with each, side by
            side. Lists return ``Replies``, in their order.
        system: System prompt of the conversation from here on.
        schema: The type to answer with, which ``reply.value`` is then of: a pydantic
            model, dataclass, TypedDict, enum, ``list[T]``, plain type or JSON Schema.
        tools: Functions the model may call; see ``tool``.
        parameters: Any parameter by the wire's own name; also ``api``, ``stream``,
            ``detail`` (of images) and ``frames`` (of a video).

    Raises:
        StepError: No answer, or not a whole one; what came stays in the conversation.
        ValueMisfit: The answer is not of the type, nor was it when asked again.
        Interrupted: The user stopped it; what came stays in the conversation.
    """
    overrides = Overrides(
        system=system,
        parameters=parameters,
        schema=None if schema is None else Schema.of(schema),
    )
    models, efforts = (
        each if isinstance(each, list) else [each] for each in (model, effort)
    )
    each = spread(overrides, models, efforts)
    talk, options = prepare(each, conversation, once=once, tools=tools)
    host = Host.find()
    draft = _draft(prompt, attachments, host)
    asked = build_prompt(draft, handling_for(least_able(options)), host)
    is_one = not (isinstance(model, list) or isinstance(effort, list))
    return ask(asked, talk, options[0]) if is_one else ask_each(asked, talk, options)


def _draft(prompt: str | Part, attachments: Iterable[Any], host: Host) -> Draft:
    values = named_values(attachments, host.namespace)
    return Draft(text=prompt, values=values, placeholders=False)


def prepare(
    each: Sequence[Overrides],
    conversation: Dialogue | str | None = None,
    *,
    once: bool = False,
    new: bool = False,
    tools: Iterable[Any] = (),
) -> tuple[Dialogue, list[Options]]:
    """Return the conversation to ask in and what to ask it with, as often as wanted.

    Raises:
        SettingError: A value or a function cannot be used; nothing has changed then.
    """
    here = session()
    if isinstance(conversation, str):
        conversation = here.open(conversation)
    talk = conversation or here.conversation
    called = to_tools(tools)
    options = [with_tools(here.options(talk, one), called) for one in each]
    if once:
        return Dialogue("aside", talk.overrides, in_journal=False), options
    system = each[0].system
    if system is not None:
        talk.overrides = replace(talk.overrides, system=system)
    if new:
        talk.start_afresh()
    return talk, options


def ask(prompt: Prompt, conversation: Dialogue, options: Options) -> Reply:
    """Send a prompt, draw the answer as it comes, and return it.

    An answer that is not of the type asked for is asked for once more, in a turn of its
    own that tells the model what was wrong.

    Raises:
        AttachmentError: The prompt holds the API key.
        StepError: No answer, or not a whole one; what came stays in the conversation.
        ValueMisfit: The answer is not of the type, nor was it when asked again.
        Interrupted: The user stopped it; what came stays in the conversation.
    """
    reply = _ask_once(prompt, conversation, options)
    if options.schema is None or (wrong := misfit(reply)) is None:
        return reply
    if not can_be_repaired(reply):
        raise given_up(reply, wrong, times=1)
    again = Prompt(message=ask_again(wrong), notices=(said_again(wrong),))
    reply = _ask_once(again, conversation, options)
    if (wrong := misfit(reply)) is not None:
        raise given_up(reply, wrong, times=2)
    return reply


@one_interrupt()
def _ask_once(prompt: Prompt, conversation: Dialogue, options: Options) -> Reply:
    host = Host.find()
    # Before anything is shown: what is refused must not stay in an output.
    refuse_key(find_key(), options.system, prompt.message)
    show_sent(host, prompt.message, prompt.notices)
    options = watched(host, options)
    stream = conversation.send(
        prompt.message,
        options,
        cell=host.cell,
        reader=Reader(confirms=host.can_ask),
    )
    return _follow(host, stream, options)


@one_interrupt()
def go_on(conversation: Dialogue | str | None = None) -> Reply:
    """Go on with the last answer where it broke off; draws and returns it whole.

    The same model is asked with the same effort, over the same protocol.

    Raises:
        StepError: There is nothing to go on with, or no whole answer came of it.
        Interrupted: The user stopped it; what came stays in the conversation.
    """
    talk, (options,) = prepare([Overrides()], conversation)
    host = Host.find()
    options = watched(host, _asked_before(talk, options))
    return _follow(host, talk.continue_answer(options), options)


def _asked_before(talk: Dialogue, options: Options) -> Options:
    """Return what the last answer was asked with.

    But for the embedded engine, which goes by another name on the wire.
    """
    broken = talk.unfinished_turn()
    if is_local(options.model):
        return options
    return session().options(talk, broken.overrides)


def _follow(host: Host, stream: TurnStream, options: Options) -> Reply:
    """Draw an answer as it comes, and return it."""
    try:
        # An interrupt may come before the view is up.
        with stream:
            view = view_for(
                host, live=current().live, model=options.model, effort=options.effort
            )
            with view:
                draw(view, stream)
    finally:
        if stream.turn is not None:
            keep(host, Reply(stream.turn, options.schema))
    return keep(host, Reply(stream.result(), options.schema))


async def astep(
    prompt: str | Part,
    *attachments: Any,
    conversation: Dialogue | str | None = None,
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
    host = Host.find()
    draft = _draft(prompt, attachments, host)
    asked = build_prompt(draft, handling_for(options), host)
    reply = await _ask(host, asked, talk, options)
    if options.schema is None or (wrong := misfit(reply)) is None:
        return reply
    if not can_be_repaired(reply):
        raise given_up(reply, wrong, times=1)
    again = Prompt(message=ask_again(wrong), notices=(said_again(wrong),))
    reply = await _ask(host, again, talk, options)
    if (wrong := misfit(reply)) is not None:
        raise given_up(reply, wrong, times=2)
    return reply


async def _ask(host: Host, prompt: Prompt, talk: Dialogue, options: Options) -> Reply:
    # Before anything is shown: what is refused must not stay in an output.
    refuse_key(find_key(), options.system, prompt.message)
    show_sent(host, prompt.message, prompt.notices)
    options = watched(host, options)
    stream = talk.send(
        prompt.message,
        options,
        cell=host.cell,
        reader=Reader(loop=asyncio.get_running_loop()),
    )
    try:
        async with stream:
            view = view_for(
                host, live=current().live, model=options.model, effort=options.effort
            )
            with view:
                async for event in stream.abeats(TICK_S):
                    if event is None:
                        view.tick()
                    else:
                        view.show(event)
    finally:
        if stream.turn is not None:
            keep(host, Reply(stream.turn, options.schema))
    return keep(host, Reply(stream.result(), options.schema))
