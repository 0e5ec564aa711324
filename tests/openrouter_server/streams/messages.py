"""``/messages``, in the event order of OpenRouter traffic seen for an open model.

Events have names, ``[DONE]`` included. The start knows no usage, the end does. Thinking
that nobody signed opens with an empty signature and closes without one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from openrouter_server.content import Failure, Generation, compact, halves

KEEP_ALIVE = b": OPENROUTER PROCESSING\n\n"

_STOP_REASONS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
}
_ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
"""Anthropic API reference, Errors."""


def frames(generation: Generation) -> Iterator[bytes]:
    """Yield the events of a streamed answer."""
    yield _event("message_start", message=_message(generation))
    yield _event("ping")
    for index, block in enumerate(_blocks(generation)):
        yield from _block_frames(generation, index, block)
    yield _event("message_delta", delta=_stop(generation), usage=_usage(generation))
    yield _event("message_stop")
    yield b"event: data\ndata: [DONE]\n\n"


def body(generation: Generation) -> dict[str, Any]:
    """Return an answer that is not streamed."""
    return {
        **_message(generation),
        "content": list(_blocks(generation)),
        **_stop(generation),
        "usage": _usage(generation),
    }


def error_frame(_generation: Generation, failure: Failure, _number: int) -> bytes:
    """Return the event that ends a stream in an error."""
    return _event("error", **error_body(failure))


def failed_body(_generation: Generation, failure: Failure) -> dict[str, Any]:
    """Return the error itself: the protocol has no reply that failed on the way."""
    return error_body(failure)


def error_body(failure: Failure) -> dict[str, Any]:
    """Return the body of an HTTP error."""
    kind = _ERROR_TYPES.get(failure.status, "api_error")
    error = {"type": kind, "message": failure.message}
    if failure.error_type:
        error["error_type"] = failure.error_type
    return {"type": "error", "error": error, "request_id": None}


def _event(kind: str, **fields: Any) -> bytes:
    payload = compact({"type": kind, **fields})
    return b"event: %s\ndata: %s\n\n" % (kind.encode(), payload)


def _blocks(generation: Generation) -> Iterator[dict[str, Any]]:
    """Yield the finished content blocks."""
    content = generation.content
    if generation.reasoning:
        signature = content.signature or ""
        thinking = generation.reasoning
        yield {"type": "thinking", "thinking": thinking, "signature": signature}
    if content.encrypted:
        yield {"type": "redacted_thinking", "data": content.encrypted}
    if content.text:
        yield {"type": "text", "text": content.text}
    for call in content.calls:
        arguments = json.loads(call.arguments)
        yield {"type": "tool_use", "id": call.id, "name": call.name, "input": arguments}


def _block_frames(
    generation: Generation, index: int, block: Mapping[str, Any]
) -> Iterator[bytes]:
    empty = {"thinking": "", "signature": "", "text": "", "input": {}}
    start = {name: empty.get(name, value) for name, value in block.items()}
    yield _event("content_block_start", index=index, content_block=start)
    for delta in _deltas(generation, block):
        yield _event("content_block_delta", index=index, delta=delta)
    yield _event("content_block_stop", index=index)


def _deltas(
    generation: Generation, block: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    match block["type"]:
        case "thinking":
            for text in generation.reasoning_frames:
                yield {"type": "thinking_delta", "thinking": text}
            if block["signature"]:
                yield {"type": "signature_delta", "signature": block["signature"]}
        case "text":
            for tokens in generation.text_frames:
                yield {"type": "text_delta", "text": "".join(tokens)}
        case "tool_use":
            for piece in halves(json.dumps(block["input"])):
                yield {"type": "input_json_delta", "partial_json": piece}


def _message(generation: Generation) -> dict[str, Any]:
    """Return the message before it says anything."""
    return {
        "id": generation.id,
        "type": "message",
        "role": "assistant",
        "container": None,
        "content": [],
        "model": generation.model,
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {
            "input_tokens": 0,
            "output_tokens": 0,
            "cache_creation_input_tokens": None,
            "cache_read_input_tokens": None,
        },
        "provider": generation.provider,
    }


def _stop(generation: Generation) -> dict[str, Any]:
    return {
        "stop_reason": _STOP_REASONS[generation.finish_reason],
        "stop_sequence": None,
        "stop_details": None,
        "container": None,
    }


def _usage(generation: Generation) -> dict[str, Any]:
    tokens = generation.tokens
    input_usd, output_usd = generation.prices_usd
    return {
        "input_tokens": tokens.prompt - tokens.cached,
        "output_tokens": tokens.completion,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": tokens.cached,
        "output_tokens_details": {"thinking_tokens": tokens.reasoning},
        "cost": generation.cost_usd,
        "is_byok": False,
        "cost_details": {
            "upstream_inference_cost": generation.cost_usd,
            "upstream_inference_input_cost": input_usd,
            "upstream_inference_output_cost": output_usd,
        },
    }
