"""``step()``: ask from Python, with the display of the cell magic.

One way for the magic and for Python: parts become a user message, the conversation
sends it, a view draws the events, and the closed turn becomes a ``Reply``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from stepmagic.catalogue import is_local
from stepmagic.conversation import Conversation
from stepmagic.display import View, is_live, show_sent, view_for
from stepmagic.display.asking import can_ask, is_allowed
from stepmagic.display.formatters import mark_drawn
from stepmagic.display.interrupts import one_interrupt
from stepmagic.display.shell import calling_cell, find_shell
from stepmagic.endpoint import refuse_key
from stepmagic.events import ConfirmTool
from stepmagic.keys import find_key
from stepmagic.options import Options, Overrides, with_tools
from stepmagic.prompt import Prompt, from_call
from stepmagic.repair import (
    ask_again,
    can_be_repaired,
    given_up,
    misfit,
    said_again,
)
from stepmagic.reply import Reply
from stepmagic.schema import Schema
from stepmagic.sending import Reader, Sending
from stepmagic.session import session
from stepmagic.settings import current
from stepmagic.tools import to_tools
from stepmagic.transcript import Part

_TICK_S = 0.1
"""How often a display may say how long it has been waiting."""


def step(
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
        model: Model id, for this turn.
        effort: Reasoning effort: high, medium or low.
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
        model=model,
        effort=effort,
        system=system,
        parameters=parameters,
        schema=None if schema is None else Schema.of(schema),
    )
    talk, options = prepare(overrides, conversation, once=once, tools=tools)
    shell = find_shell()
    namespace = {} if shell is None else shell.user_ns
    return ask(from_call(prompt, attachments, namespace, options), talk, options)


def prepare(
    overrides: Overrides,
    conversation: Conversation | str | None = None,
    *,
    once: bool = False,
    new: bool = False,
    tools: Iterable[Any] = (),
) -> tuple[Conversation, Options]:
    """Return the conversation to ask in and what to ask it with.

    Raises:
        SettingError: A value or a function cannot be used; nothing has changed then.
    """
    here = session()
    if isinstance(conversation, str):
        conversation = here.open(conversation)
    talk = conversation or here.conversation
    options = with_tools(here.options(talk, overrides), to_tools(tools))
    if once:
        return Conversation("aside", talk.overrides, in_journal=False), options
    if overrides.system is not None:
        talk.overrides = replace(talk.overrides, system=overrides.system)
    if new:
        talk.start_afresh()
    return talk, options


def ask(prompt: Prompt, conversation: Conversation, options: Options) -> Reply:
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
def _ask_once(prompt: Prompt, conversation: Conversation, options: Options) -> Reply:
    shell = find_shell()
    # Before anything is shown: what is refused must not stay in an output.
    refuse_key(find_key(), options.system, prompt.message)
    show_sent(shell, prompt.message, prompt.notices)
    options = _watched(shell, options)
    sending = conversation.send(
        prompt.message,
        options,
        cell=calling_cell(shell),
        reader=Reader(confirms=can_ask(shell)),
    )
    return _follow(shell, sending, options)


@one_interrupt()
def go_on(conversation: Conversation | str | None = None) -> Reply:
    """Go on with the last answer where it broke off; draws and returns it whole.

    The same model is asked with the same effort, over the same protocol.

    Raises:
        StepError: There is nothing to go on with, or no whole answer came of it.
        Interrupted: The user stopped it; what came stays in the conversation.
    """
    talk, options = prepare(Overrides(), conversation)
    shell = find_shell()
    options = _watched(shell, _asked_before(talk, options))
    return _follow(shell, talk.continue_answer(options), options)


def _watched(shell: Any, options: Options) -> Options:
    """Return the options with whether somebody looks on."""
    is_watched = shell is not None and is_live(current().live, shell)
    return replace(options, is_watched=is_watched)


def _asked_before(talk: Conversation, options: Options) -> Options:
    """Return what the last answer was asked with.

    But for the embedded engine, which goes by another name on the wire.
    """
    broken = talk.broken_off()
    if is_local(options.model):
        return options
    return session().options(talk, broken.overrides)


def _follow(shell: Any, sending: Sending, options: Options) -> Reply:
    """Draw an answer as it comes, and return it."""
    try:
        # An interrupt may come before the view is up.
        with sending:
            view = view_for(
                shell, live=current().live, model=options.model, effort=options.effort
            )
            with view:
                _draw(view, sending)
    finally:
        if sending.turn is not None:
            _keep(shell, Reply(sending.turn, options.schema))
    return _keep(shell, Reply(sending.result(), options.schema))


def _draw(view: View, sending: Sending) -> None:
    """Show a turn's events as they come; what a stop left unread is shown too."""
    try:
        with sending:
            for event in sending.beats(_TICK_S):
                if event is None:
                    view.tick()
                else:
                    view.show(event)
                if isinstance(event, ConfirmTool):
                    allowed = is_allowed(event.call)
                    sending.answer(event.call.id, allowed=allowed)
    finally:
        for event in sending.rest():
            view.show(event)


def _keep(shell: Any, reply: Reply) -> Reply:
    """Make an answer, whole or not, the last reply."""
    session().last = reply
    if shell is not None:
        mark_drawn(shell, reply.turn.id)
        shell.user_ns["_step"] = reply
    return reply
