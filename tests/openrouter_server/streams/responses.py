"""``/responses``, in the event order of recorded OpenRouter traffic of 2026.

Events carry no ``event:`` line; each has its ``sequence_number``. Open reasoning comes
as ``reasoning_text``, encrypted reasoning only with the finished item.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

from openrouter_server.content import (
    Call,
    Failure,
    Generation,
    data_frame,
    halves,
    logprob,
)

KEEP_ALIVE = b": \n\n"

_LOGPROBS = "message.output_text.logprobs"

Event = tuple[str, dict[str, Any]]


def frames(generation: Generation) -> Iterator[bytes]:
    """Yield the events of a streamed answer."""
    for number, (kind, fields) in enumerate(_events(generation)):
        yield data_frame({"type": kind, **fields, "sequence_number": number})
    yield b"data: [DONE]\n\n"


def body(generation: Generation) -> dict[str, Any]:
    """Return an answer that is not streamed."""
    return _finished(generation, [_item(item) for item in _items(generation)])


def error_frame(generation: Generation, failure: Failure, number: int) -> bytes:
    """Return the event that ends a stream in an error."""
    response = failed_body(generation, failure)
    kind = "response.failed"
    return data_frame({"type": kind, "response": response, "sequence_number": number})


def failed_body(generation: Generation, failure: Failure) -> dict[str, Any]:
    """Return a response that failed (OpenRouter OpenAPI, OpenResponsesResult)."""
    error = {"code": "server_error", "message": failure.message}
    kind = {"error_type": failure.error_type} if failure.error_type else {}
    return {**_response(generation), "status": "failed", "error": error, **kind}


def error_body(failure: Failure) -> dict[str, Any]:
    """Return the body of an HTTP error."""
    error: dict[str, Any] = {"code": failure.status, "message": failure.message}
    return {"error": error | ({"metadata": failure.details} if failure.details else {})}


def _events(generation: Generation) -> Iterator[Event]:
    yield "response.created", {"response": _response(generation)}
    yield "response.in_progress", {"response": _response(generation)}
    output = []
    for index, item in enumerate(_items(generation)):
        started = _item(item, is_done=False)
        yield "response.output_item.added", {"output_index": index, "item": started}
        for kind, fields in _inside(generation, item):
            yield kind, {"output_index": index, "item_id": item["id"], **fields}
        output.append(_item(item))
        yield "response.output_item.done", {"output_index": index, "item": output[-1]}
    response = _finished(generation, output)
    yield f"response.{response['status']}", {"response": response}


def _items(generation: Generation) -> Iterator[dict[str, Any]]:
    """Yield the finished output items."""
    content = generation.content
    if generation.reasoning or content.encrypted:
        yield _reasoning_item(generation)
    if content.text:
        yield {
            "id": _temporary("msg"),
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [_text_part(generation)],
        }
    for call in content.calls:
        yield _call_item(call)


def _reasoning_item(generation: Generation) -> dict[str, Any]:
    text, content = generation.reasoning, generation.content
    item: dict[str, Any] = {
        "id": _temporary("rs"),
        "type": "reasoning",
        "summary": [],
        "format": generation.reasoning_format,
    }
    if text:
        item["content"] = [{"type": "reasoning_text", "text": text}]
    if content.signature and text:
        item["signature"] = content.signature
    if content.encrypted:
        item["encrypted_content"] = content.encrypted
    return item


def _call_item(call: Call) -> dict[str, Any]:
    return {
        "id": _temporary("fc"),
        "type": "function_call",
        "status": "completed",
        "call_id": call.id,
        "name": call.name,
        "arguments": call.arguments,
    }


def _text_part(generation: Generation) -> dict[str, Any]:
    tokens = [token for frame in generation.text_frames for token in frame]
    return {
        "type": "output_text",
        "text": generation.content.text,
        "annotations": [],
        "logprobs": _logprobs(generation, tokens),
    }


def _item(item: dict[str, Any], *, is_done: bool = True) -> dict[str, Any]:
    """Return an item as it stands at its end or, empty, at its start."""
    if is_done:
        return item
    empty = {"content": [], "arguments": "", "status": "in_progress"}
    late = ("encrypted_content", "signature")
    begun = {name: value for name, value in item.items() if name not in late}
    return begun | {name: value for name, value in empty.items() if name in item}


def _inside(generation: Generation, item: dict[str, Any]) -> Iterator[Event]:
    """Yield the events between an item's start and its end."""
    match item:
        case {"type": "function_call", "arguments": arguments, "name": name}:
            kind = "response.function_call_arguments"
            for piece in halves(arguments):
                yield f"{kind}.delta", {"delta": piece}
            yield f"{kind}.done", {"name": name, "arguments": arguments}
        case {"type": "reasoning", "content": [part]}:
            pieces: list[dict[str, Any]] = [
                {"delta": text} for text in generation.reasoning_frames
            ]
            whole = {"text": part["text"]}
            yield from _part_events("response.reasoning_text", part, pieces, whole)
        case {"type": "message", "content": [part]}:
            pieces = [
                {"delta": "".join(tokens), "logprobs": _logprobs(generation, tokens)}
                for tokens in generation.text_frames
            ]
            whole = {"text": part["text"], "logprobs": part["logprobs"]}
            yield from _part_events("response.output_text", part, pieces, whole)


def _part_events(
    kind: str, part: dict[str, Any], pieces: list[dict[str, Any]], whole: dict[str, Any]
) -> Iterator[Event]:
    empty = {**part, "text": ""} | ({"logprobs": []} if "logprobs" in part else {})
    yield "response.content_part.added", {"content_index": 0, "part": empty}
    for piece in pieces:
        yield f"{kind}.delta", {"content_index": 0, **piece}
    yield f"{kind}.done", {"content_index": 0, **whole}
    yield "response.content_part.done", {"content_index": 0, "part": part}


def _response(generation: Generation) -> dict[str, Any]:
    """Return the response object before it has any output."""
    asked = generation.asked
    return {
        "id": generation.id,
        "object": "response",
        "created_at": generation.created,
        "model": generation.model,
        "status": "in_progress",
        "completed_at": None,
        "output": [],
        "error": None,
        "incomplete_details": None,
        "tools": asked.get("tools", []),
        "tool_choice": asked.get("tool_choice", "auto"),
        "parallel_tool_calls": asked.get("parallel_tool_calls", True),
        "max_output_tokens": asked.get("max_output_tokens"),
        "temperature": asked.get("temperature", 1),
        "top_p": asked.get("top_p", 1),
        "presence_penalty": asked.get("presence_penalty", 0),
        "frequency_penalty": asked.get("frequency_penalty", 0),
        "top_logprobs": asked.get("top_logprobs", 0),
        "max_tool_calls": None,
        "metadata": asked.get("metadata", {}),
        "background": False,
        "previous_response_id": None,
        "service_tier": "auto",
        "truncation": "disabled",
        "store": False,
        "instructions": asked.get("instructions"),
        "text": {"format": {"type": "text"}, **(asked.get("text") or {})},
        "reasoning": asked.get("reasoning"),
        "safety_identifier": None,
        "prompt_cache_key": None,
        "usage": None,
    }


def _finished(generation: Generation, output: list[dict[str, Any]]) -> dict[str, Any]:
    reasons = {"length": "max_output_tokens", "content_filter": "content_filter"}
    cut_short = reasons.get(generation.finish_reason)
    return {
        **_response(generation),
        "status": "incomplete" if cut_short else "completed",
        "completed_at": generation.created + 1,
        "output": output,
        "incomplete_details": {"reason": cut_short} if cut_short else None,
        "usage": _usage(generation),
    }


def _logprobs(generation: Generation, tokens: list[str]) -> list[dict[str, Any]]:
    included = generation.asked.get("include") or ()
    top = generation.asked.get("top_logprobs") or 0
    if not generation.content.logprobs or not (top or _LOGPROBS in included):
        return []
    return [logprob(token, top) for token in tokens]


def _usage(generation: Generation) -> dict[str, Any]:
    tokens = generation.tokens
    input_usd, output_usd = generation.prices_usd
    return {
        "input_tokens": tokens.prompt,
        "input_tokens_details": {
            "cached_tokens": tokens.cached,
            "cache_write_tokens": 0,
        },
        "output_tokens": tokens.completion,
        "output_tokens_details": {"reasoning_tokens": tokens.reasoning},
        "total_tokens": tokens.prompt + tokens.completion,
        "cost": generation.cost_usd,
        "is_byok": False,
        "cost_details": {
            "upstream_inference_cost": generation.cost_usd,
            "upstream_inference_input_cost": input_usd,
            "upstream_inference_output_cost": output_usd,
        },
    }


def _temporary(prefix: str) -> str:
    """Return an item id, which OpenRouter makes up anew for each reply."""
    return f"{prefix}_tmp_{secrets.token_hex(6)}"
