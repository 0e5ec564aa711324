"""``step()`` and ``astep()``: ask from Python, with the display of the cell magic.

The magic and Python ask in the same way: parts become a user message, the conversation
sends it, a view draws the events, and the closed turn becomes a ``Reply``.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from stepmagic.ask.comparison import ask_each
from stepmagic.attachments.notebook.host import Host
from stepmagic.conversation.dialogue import Dialogue
from stepmagic.conversation.draft import Draft
from stepmagic.conversation.prompt import Prompt, build_prompt, named_values
from stepmagic.conversation.reply import Replies, Reply
from stepmagic.conversation.stream import Reader, TurnStream
from stepmagic.conversation.typed_answer import TypedQuestion
from stepmagic.display.interrupts import one_interrupt
from stepmagic.display.view import (
    TICK_S,
    View,
    draw,
    show_sent,
    view_for,
    watched,
)
from stepmagic.errors import SettingError
from stepmagic.schema import Schema
from stepmagic.schema.tools import to_tools
from stepmagic.server.catalogue import is_local
from stepmagic.server.options import (
    Options,
    Overrides,
    combinations,
    least_capable,
    with_tools,
)
from stepmagic.session import session
from stepmagic.settings import current
from stepmagic.transcript import Part
from stepmagic.transcript.events import StreamEvent


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
    """Ask a model and draw the answers; documented as ``functions.step``.

    Raises:
        StepError: No answer, or an incomplete one; what was received is kept.
        Interrupted: The user stopped it; what was received is kept.
    """
    models, efforts = (
        each if isinstance(each, list) else [each] for each in (model, effort)
    )
    if not models or not efforts:
        message = "model or effort is an empty list: name one, or leave it out."
        raise SettingError(message)
    each = combinations(_overrides(system, schema, parameters), models, efforts)
    question = _question(
        prompt, attachments, each, conversation, once=once, tools=tools
    )
    is_one = not (isinstance(model, list) or isinstance(effort, list))
    if is_one:
        return ask(question.prompt, question.dialogue, question.each[0])
    return ask_each(question.prompt, question.dialogue, question.each)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """What is asked, in which conversation, with which options."""

    prompt: Prompt
    dialogue: Dialogue
    each: list[Options]


def _overrides(
    system: str | None, schema: Any, parameters: Mapping[str, Any]
) -> Overrides:
    return Overrides(
        system=system,
        parameters=parameters,
        schema=None if schema is None else Schema.of(schema),
    )


def _question(
    prompt: str | Part,
    attachments: Iterable[Any],
    each: Sequence[Overrides],
    conversation: Dialogue | str | None,
    *,
    once: bool,
    tools: Iterable[Callable[..., Any]],
) -> _Question:
    """Return what ``step`` and ``astep`` ask.

    Raises:
        StepError: A value cannot be used or sent.
    """
    dialogue, options = prepare(each, conversation, once=once, tools=tools)
    host = Host.find()
    draft = Draft(
        text=prompt,
        values=named_values(attachments, host.namespace),
        placeholders=False,
    )
    built = build_prompt(draft, least_capable(options), host)
    return _Question(prompt=built, dialogue=dialogue, each=options)


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
    dialogue = conversation or here.conversation
    called = to_tools(tools) if tools else ()
    options = [with_tools(here.options(dialogue, one), called) for one in each]
    if once:
        return Dialogue("aside", dialogue.overrides, in_journal=False), options
    system = each[0].system
    if system is not None:
        dialogue.overrides = replace(dialogue.overrides, system=system)
    if new:
        dialogue.start_afresh()
    return dialogue, options


def ask(prompt: Prompt, conversation: Dialogue, options: Options) -> Reply:
    """Send a prompt, draw the answer as it arrives, and return it.

    An answer that is not of the type asked for is asked for once more, in another turn
    that shows the model what does not fit.

    Raises:
        StepError: No answer, or an incomplete one; what was received is kept.
        ValueMisfit: The answer is not of the type, nor was it when asked again.
        Interrupted: The user stopped it; what was received is kept.
    """
    if options.schema is None:
        return _ask_once(prompt, conversation, options)
    question = TypedQuestion[Reply](prompt, options.schema)
    for each in question:
        question.take(_ask_once(each, conversation, options))
    return question.answer


@one_interrupt()
def _ask_once(prompt: Prompt, conversation: Dialogue, options: Options) -> Reply:
    host = Host.find()
    options = watched(host, options)
    reader = Reader(confirms=host.can_ask)
    return _read(host, _send(host, prompt, conversation, options, reader), options)


def _read(host: Host, stream: TurnStream, options: Options) -> Reply:
    """Draw an answer as it arrives, and return it."""
    # The stream first: an interrupt may happen before the view is there.
    with _kept(host, stream, options), stream, _view(host, options) as view:
        draw(view, stream)
    return session().keep(host, Reply(stream.result(), options.schema))


@one_interrupt()
def continue_answer(conversation: Dialogue | str | None = None) -> Reply:
    """Continue the last answer where it broke off; draws and returns all of it.

    The same model is asked with the same effort, over the same protocol.

    Raises:
        StepError: There is nothing to continue, or the answer is still incomplete.
        Interrupted: The user stopped it; what was received is kept.
    """
    dialogue, (options,) = prepare([Overrides()], conversation)
    host = Host.find()
    options = watched(host, _asked_before(dialogue, options))
    return _read(host, dialogue.continue_answer(options), options)


def _asked_before(dialogue: Dialogue, options: Options) -> Options:
    """Return what the last answer was asked with.

    Except for the embedded engine, which has another name on the wire.
    """
    unfinished = dialogue.unfinished_turn()
    if is_local(options.model):
        return options
    return session().options(dialogue, unfinished.overrides)


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
    """Ask a model from async code; documented as ``functions.astep``.

    Raises:
        StepError: No answer, or an incomplete one; what was received is kept.
    """
    overrides = _overrides(system, schema, parameters)
    each = [replace(overrides, model=model, effort=effort)]
    asked = _question(prompt, attachments, each, conversation, once=once, tools=tools)
    (options,) = asked.each
    if options.schema is None:
        return await _ask_once_async(asked.prompt, asked.dialogue, options)
    question = TypedQuestion[Reply](asked.prompt, options.schema)
    for each_prompt in question:
        question.take(await _ask_once_async(each_prompt, asked.dialogue, options))
    return question.answer


async def _ask_once_async(
    prompt: Prompt, conversation: Dialogue, options: Options
) -> Reply:
    host = Host.find()
    options = watched(host, options)
    reader = Reader(loop=asyncio.get_running_loop())
    stream = _send(host, prompt, conversation, options, reader)
    with _kept(host, stream, options):
        async with stream:
            with _view(host, options) as view:
                async for event in stream.abeats(TICK_S):
                    if event is None:
                        view.tick()
                    else:
                        view.show(event)
    return session().keep(host, Reply(stream.result(), options.schema))


# What asking in a thread and in an event loop share


def _send(
    host: Host,
    prompt: Prompt,
    conversation: Dialogue,
    options: Options,
    reader: Reader,
) -> TurnStream:
    """Show what is sent with the question, and send it; returns the events to come."""
    show_sent(host, prompt.message, prompt.notices)
    return conversation.send(prompt.message, options, cell=host.cell, reader=reader)


def _view(host: Host, options: Options) -> View[StreamEvent]:
    return view_for(
        host, live=current().live, model=options.model, effort=options.effort
    )


@contextlib.contextmanager
def _kept(host: Host, stream: TurnStream, options: Options) -> Iterator[None]:
    """Make the answer the last reply, however the block ends."""
    try:
        yield
    finally:
        if stream.turn is not None:
            session().keep(host, Reply(stream.turn, options.schema))
