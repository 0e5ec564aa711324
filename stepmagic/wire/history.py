"""The history as it may be sent: valid in order, reasoning only where it belongs.

Reasoning is sent back, unmodified, to the protocol, model and provider it is from.
Elsewhere readable reasoning may travel as text; what is signed or encrypted is dropped,
and visible text always stays. What an interrupt or an error left half-done is mended
here, so that the tree may keep it as it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from stepmagic.transcript import (
    Message,
    Opaque,
    Part,
    Protocol,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
)
from stepmagic.wire.request import Request

NATIVE = "native"
"""Key in a reasoning part's metadata of the provider's complete object."""

FORMAT = "format"
"""Key in a reasoning part's metadata of the provider's reasoning format; known from
the first fragment on, so that a part that was cut can be judged."""

SIGNED = "signed"
"""A format for reasoning whose signature, if it has one, arrives at its end."""

UNSENT = "unsent"
"""Key in a reasoning part's metadata that keeps it out of requests: it was in the
middle of an answer that was continued, where no protocol has a place for it."""

_SECRET_KEYS = ("signature", "encrypted_content", "data")
_OPEN_FORMATS = (None, "", "unknown")
"""Formats whose text carried no signature in any recorded stream."""

_OPEN_FAMILIES = ("stepfun", "deepseek", "qwen", "glm", "kimi")
"""Model families whose recorded reasoning is plain text without a signature."""


def sendable(request: Request, protocol: Protocol) -> tuple[Message, ...]:
    """Return the request's messages as the protocol may carry them.

    An assistant message with nothing left to say is dropped, tool calls without a
    result are dropped and so are results without a call, and user messages that follow
    one another become one.
    """
    kept: list[Message] = []
    for message, answered in _with_answered(request.messages):
        home = _is_home(message, request, protocol)
        parts = tuple(_mended(message, answered, home=home))
        if not any(_says_something(part) for part in parts):
            continue
        if kept and message.role == "user" == kept[-1].role:
            kept[-1] = replace(kept[-1], parts=kept[-1].parts + parts)
        else:
            # A copy of each message costs more than all the rest.
            is_unchanged = parts == message.parts
            kept.append(message if is_unchanged else replace(message, parts=parts))
    return tuple(kept)


def unfinished_format(model: str | None) -> str:
    """Return the format of reasoning text if the stream does not name it.

    A protocol that sends the signature last does not show, while the text arrives,
    whether there will be one. It is taken for granted but for the families of models
    that never sign.

    Args:
        model: The model that answers, as the server names it, where it has done so.
    """
    name = (model or "").casefold()
    return "unknown" if any(family in name for family in _OPEN_FAMILIES) else SIGNED


def native(part: Reasoning | Opaque | ToolCall | Text) -> Any:
    """Return the provider's own finished object for a part, or None."""
    return part.provider_metadata.get(NATIVE)


def _with_answered(
    messages: Iterable[Message],
) -> Iterable[tuple[Message, set[str]]]:
    """Yield each message with the ids of the calls of its round that have a result.

    A round is an answer and the tool messages right behind it. Ids are looked at in one
    round, since some models number them again in each answer.
    """
    rounds: list[list[Message]] = []
    for message in messages:
        if message.role == "tool" and rounds:
            rounds[-1].append(message)
        else:
            rounds.append([message])
    for one in rounds:
        parts = [part for message in one for part in message.parts]
        calls = {part.id for part in parts if isinstance(part, ToolCall)}
        results = {part.call_id for part in parts if isinstance(part, ToolResult)}
        for message in one:
            yield message, calls & results


def _is_home(message: Message, request: Request, protocol: Protocol) -> bool:
    """Whether the message is from the provider that the request goes to."""
    origin = message.origin
    if origin is None or (origin.protocol, origin.model) != (protocol, request.model):
        return False
    return _may_reach(request.parameters.get("provider"), origin.provider)


def _may_reach(routing: Any, provider: str | None) -> bool:
    """Whether provider routing lets a request reach the provider of that name.

    Routing names slugs (``google-vertex``) and replies name providers as displayed
    (``Google``); one that begins with the other is taken for the same.
    """
    only = routing.get("only") if isinstance(routing, Mapping) else None
    if not only or provider is None:
        return True
    name = _plain_name(provider)
    slugs = [_plain_name(str(slug)) for slug in only]
    return any(slug.startswith(name) or name.startswith(slug) for slug in slugs)


def _plain_name(name: str) -> str:
    return "".join(each for each in name.casefold() if each.isalnum())


def _mended(message: Message, answered: set[str], *, home: bool) -> Iterable[Part]:
    for position, part in enumerate(message.parts):
        match part:
            case Reasoning() if part.provider_metadata.get(UNSENT):
                pass
            case Reasoning():
                cut = message.status != "complete" and all(
                    isinstance(later, Reasoning) for later in message.parts[position:]
                )
                if home and native(part) is not None and not cut:
                    yield part
                elif _is_open(part):
                    yield part if home else Reasoning(text=part.text)
            case ToolCall(id=call) | ToolResult(call_id=call) if call not in answered:
                pass
            case ToolCall() | Text() if not home and part.provider_metadata:
                yield replace(part, provider_metadata={})
            case Opaque() if not home:
                pass
            case _:
                yield part


def _is_open(part: Reasoning) -> bool:
    """Whether a part is readable text without a signature or encryption.

    Both the metadata and the provider's object in it are looked at: a block that was
    cut before its signature arrived shows by its format that it would have been signed.
    """
    complete = native(part)
    forms = [part.provider_metadata, complete if isinstance(complete, Mapping) else {}]
    return bool(part.text) and all(
        form.get(FORMAT) in _OPEN_FORMATS
        and not any(form.get(key) for key in _SECRET_KEYS)
        for form in forms
    )


def _says_something(part: Part) -> bool:
    return not isinstance(part, Reasoning) and not (
        isinstance(part, Text) and not part.text
    )
