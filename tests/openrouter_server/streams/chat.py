"""``/chat/completions``, in the frame shapes of recorded OpenRouter traffic of 2026.

Every delta names the role. Reasoning comes twice in a delta, once as text and once as
details. The finish reason comes twice too, the second time with the usage.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from openrouter_server.content import (
    Failure,
    Generation,
    data_frame,
    halves,
    logprob,
)

KEEP_ALIVE = b": OPENROUTER PROCESSING\n\n"

_NATIVE = {"tool_calls": "tool_use", "length": "max_tokens"}


def frames(generation: Generation) -> Iterator[bytes]:
    """Yield the events of a streamed answer."""
    for text in generation.reasoning_frames:
        yield _delta(
            generation,
            content="",
            reasoning=text,
            reasoning_details=[_detail(generation, text=text)],
        )
    for detail in _sealed(generation):
        yield _delta(generation, content="", reasoning=None, reasoning_details=[detail])
    for tokens in generation.text_frames:
        yield _delta(generation, tokens, content="".join(tokens))
    for index, call in enumerate(generation.content.calls):
        named = {"id": call.id, "type": "function"}
        function = {"name": call.name, "arguments": ""}
        yield _call_delta(generation, {"index": index, **named, "function": function})
        for piece in halves(call.arguments):
            function = {"arguments": piece}
            yield _call_delta(generation, {"index": index, "function": function})
    last = {"content": "", "role": "assistant"}
    silent = {**last, "reasoning": None} if generation.reasoning else last
    yield data_frame(_chunk(generation, choices=[_end(generation, silent)]))
    usage = {"usage": _usage(generation)}
    choices = [_end(generation, last)]
    yield data_frame(_chunk(generation, service_tier=None, choices=choices, **usage))
    yield b"data: [DONE]\n\n"


def body(generation: Generation) -> dict[str, Any]:
    """Return an answer that is not streamed."""
    content = generation.content
    message: dict[str, Any] = {
        "role": "assistant",
        "content": content.text or None,
        "refusal": None,
        "reasoning": generation.reasoning or None,
    }
    if content.calls:
        message["tool_calls"] = [
            {
                "type": "function",
                "index": index,
                "id": call.id,
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for index, call in enumerate(content.calls)
        ]
    if details := _details(generation):
        message["reasoning_details"] = details
    tokens = [token for frame in generation.text_frames for token in frame]
    choice = {
        "index": 0,
        "logprobs": _logprobs(generation, tokens),
        "finish_reason": generation.finish_reason,
        "native_finish_reason": _native(generation),
        "message": message,
    }
    return {
        **_chunk(generation, system_fingerprint=None, choices=[choice]),
        "object": "chat.completion",
        "usage": _usage(generation),
    }


def error_frame(generation: Generation, failure: Failure, _number: int) -> bytes:
    """Return the chunk that ends a stream in an error (OpenRouter docs, Streaming)."""
    choice = {"index": 0, "delta": {"content": ""}, "finish_reason": "error"}
    error = error_body(failure)["error"]
    return data_frame(_chunk(generation, error=error, choices=[choice]))


def failed_body(generation: Generation, failure: Failure) -> dict[str, Any]:
    """Return a reply with the error in its choice (OpenRouter docs, Errors)."""
    whole = body(generation)
    error = error_body(failure)["error"]
    whole["choices"][0] |= {"finish_reason": "error", "error": error}
    return whole


def error_body(failure: Failure) -> dict[str, Any]:
    """Return the body of an HTTP error."""
    error: dict[str, Any] = {"message": failure.message, "code": failure.status}
    return {"error": error | ({"metadata": failure.details} if failure.details else {})}


def _chunk(generation: Generation, **fields: Any) -> dict[str, Any]:
    return {
        "id": generation.id,
        "object": "chat.completion.chunk",
        "created": generation.created,
        "model": generation.model,
        "provider": generation.provider,
        **fields,
    }


def _delta(
    generation: Generation, tokens: list[str] | None = None, **fields: Any
) -> bytes:
    choice: dict[str, Any] = {
        "index": 0,
        "delta": {"role": "assistant", **fields},
        "finish_reason": None,
        "native_finish_reason": None,
    }
    if tokens and (likelihoods := _logprobs(generation, tokens)):
        choice["logprobs"] = likelihoods
    return data_frame(_chunk(generation, choices=[choice]))


def _call_delta(generation: Generation, call: dict[str, Any]) -> bytes:
    return _delta(generation, content=None, tool_calls=[call])


def _end(generation: Generation, delta: dict[str, Any]) -> dict[str, Any]:
    return {
        "index": 0,
        "delta": delta,
        "finish_reason": generation.finish_reason,
        "native_finish_reason": _native(generation),
    }


def _native(generation: Generation) -> str:
    return _NATIVE.get(generation.finish_reason, generation.finish_reason)


def _detail(generation: Generation, **fields: Any) -> dict[str, Any]:
    form = generation.reasoning_format
    return {"type": "reasoning.text", **fields, "format": form, "index": 0}


def _sealed(generation: Generation) -> Iterator[dict[str, Any]]:
    """Yield the fragments that carry no text: the signature, the encrypted part."""
    if generation.content.signature and generation.reasoning:
        yield _detail(generation, signature=generation.content.signature)
    if generation.content.encrypted:
        yield {
            "type": "reasoning.encrypted",
            "data": generation.content.encrypted,
            "format": generation.reasoning_format,
            "index": 1 if generation.reasoning else 0,
        }


def _details(generation: Generation) -> list[dict[str, Any]]:
    """Return the details as the reply that is not streamed has them: merged."""
    sealed = list(_sealed(generation))
    if not generation.reasoning:
        return sealed
    merged = _detail(generation, text=generation.reasoning)
    if generation.content.signature:
        merged["signature"] = generation.content.signature
    return [merged, *(one for one in sealed if one["type"] != merged["type"])]


def _logprobs(generation: Generation, tokens: list[str]) -> dict[str, Any] | None:
    if not (generation.asked.get("logprobs") and generation.content.logprobs):
        return None
    top = generation.asked.get("top_logprobs") or 0
    return {"content": [logprob(token, top) for token in tokens], "refusal": None}


def _usage(generation: Generation) -> dict[str, Any]:
    tokens = generation.tokens
    prompt_usd, completion_usd = generation.prices_usd
    return {
        "prompt_tokens": tokens.prompt,
        "completion_tokens": tokens.completion,
        "total_tokens": tokens.prompt + tokens.completion,
        "cost": generation.cost_usd,
        "is_byok": False,
        "prompt_tokens_details": {
            "cached_tokens": tokens.cached,
            "cache_write_tokens": 0,
            "audio_tokens": 0,
            "video_tokens": 0,
        },
        "cost_details": {
            "upstream_inference_cost": generation.cost_usd,
            "upstream_inference_prompt_cost": prompt_usd,
            "upstream_inference_completions_cost": completion_usd,
        },
        "completion_tokens_details": {
            "reasoning_tokens": tokens.reasoning,
            "image_tokens": 0,
            "audio_tokens": 0,
        },
    }
