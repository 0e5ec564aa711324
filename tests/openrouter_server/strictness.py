"""Whether a request may be answered, and with which words it is refused.

The order is OpenRouter's own: the key, then the model, then the body. Only a wrong body
is a fault of the client; a key or a model that does not exist is a mistake of its user,
which a right client passes on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from openrouter_server.models import STEPFUN, model_entry
from openrouter_server.ordering import chat_faults, messages_faults, responses_faults
from openrouter_server.sdk_types import Protocol, type_faults

_ORDERING = {
    "chat": chat_faults,
    "responses": responses_faults,
    "messages": messages_faults,
}
_NEVER_STEPFUN = ("parallel_tool_calls", "verbosity", "max_completion_tokens")
_MANDATORY = "Reasoning is mandatory for this endpoint and cannot be disabled."
_MEDIA = {
    "image": "image",
    "image_url": "image",
    "input_image": "image",
    "video_url": "video",
    "input_video": "video",
    "file": "file",
    "input_file": "file",
    "document": "file",
}
"""Kind of a content part to the modality a model must take."""

_MOST_STOPS = 4
_MOST_TOP_LOGPROBS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a request gets no answer."""

    status: int
    message: str
    is_fault: bool = False
    """Whether no right client would have sent it."""


def refusal(
    protocol: Protocol, headers: Mapping[str, str], body: Any, key: str
) -> Refusal | None:
    """Return why a request is refused, or None if it is right.

    Args:
        protocol: Whose form the body has.
        headers: Names in lower case.
        body: The parsed JSON.
        key: The one key that is known.
    """
    if (wrong_key := key_refusal(headers, key, protocol)) is not None:
        return wrong_key
    if not isinstance(body, dict):
        return Refusal(status=400, message="Invalid JSON", is_fault=True)
    model = body.get("model")
    entry = model_entry(model) if isinstance(model, str) else None
    if entry is None:
        return Refusal(status=404, message=f"No endpoints found for {model}.")
    faults = body_faults(protocol, body)
    if not faults and entry["id"] == STEPFUN:
        faults = list(_stepfun_faults(body))
    if faults:
        return Refusal(status=400, message="; ".join(faults), is_fault=True)
    # PDF "works on any model": OpenRouter reads it for those that take no files
    # (OpenRouter docs, PDF Inputs).
    taken = {*entry["architecture"]["input_modalities"], "file"}
    missing = _media(body) - taken
    if missing:
        message = f"No endpoints found that support {min(missing)} input"
        return Refusal(status=404, message=message)
    return None


def body_faults(protocol: Protocol, body: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with a body, whichever model it asks."""
    # The rules of order read fields that right types have.
    return list(type_faults(protocol, body)) or [
        *_ORDERING[protocol](body),
        *_parameter_faults(protocol, body),
    ]


def key_refusal(
    headers: Mapping[str, str], key: str, protocol: Protocol | None = None
) -> Refusal | None:
    """Return why a key is refused; ``/messages`` takes Anthropic's header too."""
    sent = headers.get("authorization")
    if sent is None and protocol == "messages" and "x-api-key" in headers:
        sent = f"Bearer {headers['x-api-key']}"
    if sent is None:
        return Refusal(status=401, message="Missing Authentication header")
    if sent != f"Bearer {key}":
        return Refusal(status=401, message="User not found.")
    return None


def _parameter_faults(protocol: Protocol, body: Mapping[str, Any]) -> Iterator[str]:
    if body.get("tool_choice") is not None and not body.get("tools"):
        yield "tool_choice: there are no tools to choose from"
    top = body.get("top_logprobs")
    if top is not None and not 0 <= top <= _MOST_TOP_LOGPROBS:
        yield f"top_logprobs: from 0 to {_MOST_TOP_LOGPROBS}, not {top}"
    if protocol == "chat" and top is not None and not body.get("logprobs"):
        yield "top_logprobs: needs logprobs"
    stop = body.get("stop")
    if isinstance(stop, list) and len(stop) > _MOST_STOPS:
        yield f"stop: at most {_MOST_STOPS}, not {len(stop)}"
    reasoning = body.get("reasoning") or {}
    effort = reasoning.get("effort")
    if effort is not None and reasoning.get("max_tokens") is not None:
        yield "reasoning: takes effort or max_tokens, not both"
    if effort is not None and body.get("reasoning_effort", effort) != effort:
        yield "reasoning_effort: contradicts reasoning.effort"


def _stepfun_faults(body: Mapping[str, Any]) -> Iterator[str]:
    reasoning = body.get("reasoning") or {}
    thinking = body.get("thinking") or {}
    if (
        "none" in (reasoning.get("effort"), body.get("reasoning_effort"))
        or reasoning.get("enabled") is False
        or thinking.get("type") == "disabled"
    ):
        yield _MANDATORY
    for name in _NEVER_STEPFUN:
        if body.get(name) is not None:
            yield f"{name}: {STEPFUN} does not take it"
    if (body.get("text") or {}).get("verbosity") is not None:
        yield f"text.verbosity: {STEPFUN} does not take it"


def _media(value: Any) -> set[str]:
    """Return the modalities, text aside, of the content parts in a body's messages."""
    if isinstance(value, dict):
        found = {_MEDIA[kind] for kind in [value.get("type")] if kind in _MEDIA}
        names = ("messages", "input", "content", "output")
        return found.union(*(_media(value[name]) for name in names if name in value))
    if isinstance(value, list):
        return set().union(*map(_media, value))
    return set()
