"""``step()`` and ``astep()``: the functions to ask with, and their types.

The type of an answer follows from the arguments: a type given as ``schema`` is that of
``reply.value``, and a list of models or efforts makes ``Replies``. Unions, ``Literal``
and JSON Schemas are checked when the answer is read; until type checkers understand
them as arguments (PEP 747), their values are typed as ``object``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar, overload

from stepmagic.ask import single
from stepmagic.ask.conversation import Conversation, dialogue_of
from stepmagic.conversation.reply import Replies, Reply
from stepmagic.schema import Records
from stepmagic.transcript import Part

Value = TypeVar("Value")
Record = TypeVar("Record")


@overload
def step(
    prompt: str | Part,
    *attachments: object,
    conversation: Conversation | str | None = None,
    once: bool = False,
    model: str | None = None,
    effort: str | None = None,
    system: str | None = None,
    schema: type[list[Record]],
    tools: Iterable[Callable[..., object]] = (),
    **parameters: object,
) -> Reply[Records[Record]]: ...


@overload
def step(
    prompt: str | Part,
    *attachments: object,
    conversation: Conversation | str | None = None,
    once: bool = False,
    model: str | None = None,
    effort: str | None = None,
    system: str | None = None,
    schema: type[Value],
    tools: Iterable[Callable[..., object]] = (),
    **parameters: object,
) -> Reply[Value]: ...


@overload
def step(
    prompt: str | Part,
    *attachments: object,
    conversation: Conversation | str | None = None,
    once: bool = False,
    model: str | None = None,
    effort: str | None = None,
    system: str | None = None,
    schema: object = None,
    tools: Iterable[Callable[..., object]] = (),
    **parameters: object,
) -> Reply: ...


@overload
def step(
    prompt: str | Part,
    *attachments: object,
    conversation: Conversation | str | None = None,
    once: bool = False,
    model: list[str],
    effort: str | list[str] | None = None,
    system: str | None = None,
    schema: type[list[Record]],
    tools: Iterable[Callable[..., object]] = (),
    **parameters: object,
) -> Replies[Records[Record]]: ...


@overload
def step(
    prompt: str | Part,
    *attachments: object,
    conversation: Conversation | str | None = None,
    once: bool = False,
    model: list[str],
    effort: str | list[str] | None = None,
    system: str | None = None,
    schema: type[Value],
    tools: Iterable[Callable[..., object]] = (),
    **parameters: object,
) -> Replies[Value]: ...


@overload
def step(
    prompt: str | Part,
    *attachments: object,
    conversation: Conversation | str | None = None,
    once: bool = False,
    model: list[str],
    effort: str | list[str] | None = None,
    system: str | None = None,
    schema: object = None,
    tools: Iterable[Callable[..., object]] = (),
    **parameters: object,
) -> Replies: ...


@overload
def step(
    prompt: str | Part,
    *attachments: object,
    conversation: Conversation | str | None = None,
    once: bool = False,
    model: str | None = None,
    effort: list[str],
    system: str | None = None,
    schema: type[list[Record]],
    tools: Iterable[Callable[..., object]] = (),
    **parameters: object,
) -> Replies[Records[Record]]: ...


@overload
def step(
    prompt: str | Part,
    *attachments: object,
    conversation: Conversation | str | None = None,
    once: bool = False,
    model: str | None = None,
    effort: list[str],
    system: str | None = None,
    schema: type[Value],
    tools: Iterable[Callable[..., object]] = (),
    **parameters: object,
) -> Replies[Value]: ...


@overload
def step(
    prompt: str | Part,
    *attachments: object,
    conversation: Conversation | str | None = None,
    once: bool = False,
    model: str | None = None,
    effort: list[str],
    system: str | None = None,
    schema: object = None,
    tools: Iterable[Callable[..., object]] = (),
    **parameters: object,
) -> Replies: ...


def step(
    prompt: str | Part,
    *attachments: object,
    conversation: Conversation | str | None = None,
    once: bool = False,
    model: str | list[str] | None = None,
    effort: str | list[str] | None = None,
    system: str | None = None,
    schema: object = None,
    tools: Iterable[Callable[..., object]] = (),
    **parameters: Any,
) -> Reply | Replies:
    """Ask a model; streams into the notebook and returns the ``Reply``.

        from stepmagic import step
        reply = step("Why is the sky blue?", effort="low", max_tokens=300)
        reply.text, reply.usage.completion_tokens, reply.cost_usd, reply.duration_s

    With a type, ``reply.value`` is of it; with a list, there is a reply for each item:

        step("Two primes.", schema=list[int]).value
        step("Two primes.", effort=["low", "high"]).text

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
            model, dataclass, TypedDict, enum, ``list[T]``, plain type, union or JSON
            Schema.
        tools: Functions the model may call; see ``tool``.
        parameters: Any parameter by the wire's own name, such as ``temperature`` or
            ``max_tokens`` (tokens); also ``api``, ``stream``, ``detail`` (of images)
            ``frames`` (of a video or an animation) and ``pages`` (of a PDF or TIFF:
            ``"2,4-7"``).

    Returns:
        The answer, complete; ``Replies`` where ``model`` or ``effort`` is a list.

    Raises:
        StepError: There is no answer, or an incomplete one, which the conversation
            keeps. All errors are in ``stepmagic.errors``.
        ValueMisfit: The answer is not of the type, nor was it when asked again.
        Interrupted: The user stopped it; what was received stays in the conversation.
    """
    return single.step(
        prompt,
        *attachments,
        conversation=dialogue_of(conversation),
        once=once,
        model=model,
        effort=effort,
        system=system,
        schema=schema,
        tools=tools,
        **parameters,
    )


@overload
async def astep(
    prompt: str | Part,
    *attachments: object,
    conversation: Conversation | str | None = None,
    once: bool = False,
    model: str | None = None,
    effort: str | None = None,
    system: str | None = None,
    schema: type[list[Record]],
    tools: Iterable[Callable[..., object]] = (),
    **parameters: object,
) -> Reply[Records[Record]]: ...


@overload
async def astep(
    prompt: str | Part,
    *attachments: object,
    conversation: Conversation | str | None = None,
    once: bool = False,
    model: str | None = None,
    effort: str | None = None,
    system: str | None = None,
    schema: type[Value],
    tools: Iterable[Callable[..., object]] = (),
    **parameters: object,
) -> Reply[Value]: ...


@overload
async def astep(
    prompt: str | Part,
    *attachments: object,
    conversation: Conversation | str | None = None,
    once: bool = False,
    model: str | None = None,
    effort: str | None = None,
    system: str | None = None,
    schema: object = None,
    tools: Iterable[Callable[..., object]] = (),
    **parameters: object,
) -> Reply: ...


async def astep(
    prompt: str | Part,
    *attachments: object,
    conversation: Conversation | str | None = None,
    once: bool = False,
    model: str | None = None,
    effort: str | None = None,
    system: str | None = None,
    schema: object = None,
    tools: Iterable[Callable[..., object]] = (),
    **parameters: Any,
) -> Reply:
    """Ask a model from async code; takes what ``step`` takes, one model and effort.

        replies = await asyncio.gather(*(astep(q, once=True) for q in questions))

    Async functions of ``tools`` run in the event loop that awaits it.
    ``tool(confirm=True)`` is denied: a question would block that loop.

    Raises:
        StepError: There is no answer, or an incomplete one, which the conversation
            keeps. All errors are in ``stepmagic.errors``.
        ValueMisfit: The answer is not of the type, nor was it when asked again.
    """
    return await single.astep(
        prompt,
        *attachments,
        conversation=dialogue_of(conversation),
        once=once,
        model=model,
        effort=effort,
        system=system,
        schema=schema,
        tools=tools,
        **parameters,
    )
