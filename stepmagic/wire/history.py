"""The history as it may be sent: valid in order, reasoning only where it belongs.

Reasoning goes back unmodified to the protocol, model and provider it came from.
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
"""Key in a reasoning part's metadata of the provider's whole, finished object."""

FORMAT = "format"
"""Key in the metadata of a part that was cut: the provider's reasoning format."""

_SECRET_KEYS = ("signature", "encrypted_content", "data")
_OPEN_FORMATS = (None, "", "unknown")
"""Formats whose text carries no signature (wire.md 2.2)."""


def sendable(request: Request, protocol: Protocol) -> tuple[Message, ...]:
    """Return the request's messages as the protocol may carry them.

    An assistant message with nothing left to say is dropped, tool calls without a
    result are dropped and so are results without a call, and user messages that come
    to stand side by side become one.
    """
    answered = _answered(request.messages)
    kept: list[Message] = []
    for message in request.messages:
        home = _is_home(message, request, protocol)
        parts = tuple(_mended(message.parts, answered, home=home))
        if not any(_says_something(part) for part in parts):
            continue
        if kept and message.role == "user" == kept[-1].role:
            kept[-1] = replace(kept[-1], parts=kept[-1].parts + parts)
        else:
            kept.append(replace(message, parts=parts))
    return tuple(kept)


def native(part: Reasoning | Opaque | ToolCall | Text) -> Any:
    """Return the provider's own finished object for a part, or None."""
    return part.provider_metadata.get(NATIVE)


def _answered(messages: Iterable[Message]) -> set[str]:
    """Return the ids of the tool calls that have both a call and a result."""
    parts = [part for message in messages for part in message.parts]
    calls = {part.id for part in parts if isinstance(part, ToolCall)}
    results = {part.call_id for part in parts if isinstance(part, ToolResult)}
    return calls & results


def _is_home(message: Message, request: Request, protocol: Protocol) -> bool:
    """Whether the message came from where the request goes."""
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
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def _mended(parts: Iterable[Part], answered: set[str], *, home: bool) -> Iterable[Part]:
    for part in parts:
        match part:
            case Reasoning():
                if (home and native(part) is not None) or _is_open(part):
                    yield part if home else Reasoning(text=part.text)
            case ToolCall(id=call) | ToolResult(call_id=call) if call not in answered:
                pass
            case ToolCall() | Text() if not home:
                yield replace(part, provider_metadata={})
            case Opaque() if not home:
                pass
            case _:
                yield part


def _is_open(part: Reasoning) -> bool:
    """Whether a part is readable text that nobody signed or encrypted."""
    form = native(part)
    form = form if isinstance(form, Mapping) else part.provider_metadata
    return bool(
        part.text
        and form.get(FORMAT) in _OPEN_FORMATS
        and not any(form.get(key) for key in _SECRET_KEYS)
    )


def _says_something(part: Part) -> bool:
    return not isinstance(part, Reasoning) and not (
        isinstance(part, Text) and not part.text
    )
