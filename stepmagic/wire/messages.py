"""The ``/messages`` protocol: how a request is written. ``Decoder`` reads the reply.

Anthropic's form, which OpenRouter and llama.cpp serve for any model. Sources:
OpenRouter's OpenAPI document (MessagesRequest) and SDK 1.3, Anthropic's reference and
SDK where they are silent, and recorded traffic.

    >>> from stepmagic.transcript import user
    >>> from stepmagic.wire import Request
    >>> body = encode(Request(model="stepfun/step-3.7-flash", messages=(user("Hi"),)))
    >>> body["messages"], body["max_tokens"]
    ([{'role': 'user', 'content': 'Hi'}], 32000)
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from stepmagic.errors import UnsupportedOption
from stepmagic.schema import FunctionSchema
from stepmagic.transcript import (
    File,
    Image,
    Media,
    Message,
    Opaque,
    Part,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
)
from stepmagic.wire.history import native, sendable
from stepmagic.wire.json_values import (
    count,
    mapping,
    response_format,
    tool_choice,
    tool_schema,
)
from stepmagic.wire.messages_reply import BLOCK, Decoder
from stepmagic.wire.parameters import no_form, plain_fields
from stepmagic.wire.request import Request

__all__ = ["MAX_TOKENS", "Decoder", "encode"]

MAX_TOKENS = 32_000
"""Most tokens of an answer where the user set none.

OpenRouter and llama.cpp let a request leave ``max_tokens`` out; Anthropic and Ollama
refuse one that does. The number is what every Claude since version 4 takes, and leaves
room for reasoning, which counts as part of the answer.
"""

_LEAST_ANSWER = 4_000
"""Tokens left for the answer behind a large thinking budget."""

_THINKING = ("thinking", "redacted_thinking")
_THOUGHT = ("thinking", "signature", "data")
_EFFORTS = ("low", "medium", "high", "xhigh", "max")
_REASONING = ("effort", "max_tokens", "exclude", "enabled")


def encode(request: Request) -> dict[str, Any]:
    """Return the body of a request.

    Raises:
        UnsupportedOption: The protocol has no form for an option or a part.
        SettingError: An option has a value that no protocol has.
    """
    given = request.parameters
    reasoning = given.get("reasoning", request.reasoning)
    body: dict[str, Any] = {
        "model": request.model,
        "messages": _messages(sendable(request, "messages")),
        "max_tokens": _most_tokens(mapping(reasoning)),
        **plain_fields(given, "messages"),
    }
    if request.stream:
        body["stream"] = True
    if request.system:
        body["system"] = request.system
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
    if choice := _tool_choice(request):
        body["tool_choice"] = choice
    if "stop" in given:
        stop = given["stop"]
        body["stop_sequences"] = [stop] if isinstance(stop, str) else list(stop)
    if reasoning is not None:
        body["thinking"] = _thinking(reasoning)
    if config := _output_config(mapping(reasoning), given):
        body["output_config"] = config
    return body | dict(given.get("extra_body", {}))


def _most_tokens(reasoning: Mapping[str, Any]) -> int:
    """Return the default of ``max_tokens``; a thinking budget must be less than it."""
    return max(MAX_TOKENS, count(reasoning.get("max_tokens")) + _LEAST_ANSWER)


def _tool(tool: FunctionSchema) -> dict[str, Any]:
    form: dict[str, Any] = {"name": tool.name}
    if tool.description:
        form["description"] = tool.description
    form["input_schema"] = tool_schema(tool)
    if tool.strict:
        form["strict"] = True
    return form


def _tool_choice(request: Request) -> dict[str, Any]:
    """Return how tools are chosen, which includes whether in parallel."""
    given = request.parameters
    if "tool_choice" not in given and not request.tools:
        return {}
    mode, name = tool_choice(given.get("tool_choice", "auto"))
    choice: dict[str, Any] = {"type": "any" if mode == "required" else mode}
    if name:
        choice["name"] = name
    if "parallel_tool_calls" in given and mode != "none":
        choice["disable_parallel_tool_use"] = not given["parallel_tool_calls"]
    return choice if choice != {"type": "auto"} or "tool_choice" in given else {}


def _thinking(reasoning: Mapping[str, Any]) -> dict[str, Any]:
    """Return the ``thinking`` object for OpenRouter's ``reasoning`` object."""
    if other := [name for name in reasoning if name not in _REASONING]:
        what = f"reasoning.{other[0]}"
        raise no_form(what, "messages", "chat", "responses")
    if _is_off(reasoning):
        return {"type": "disabled"}
    budget = reasoning.get("max_tokens")
    thinking: dict[str, Any] = (
        {"type": "enabled", "budget_tokens": budget} if budget else {"type": "adaptive"}
    )
    if reasoning.get("exclude"):
        thinking["display"] = "omitted"
    return thinking


def _is_off(reasoning: Mapping[str, Any]) -> bool:
    return reasoning.get("enabled") is False or reasoning.get("effort") == "none"


def _output_config(
    reasoning: Mapping[str, Any], given: Mapping[str, Any]
) -> dict[str, Any]:
    config: dict[str, Any] = {}
    effort = reasoning.get("effort")
    if effort and not _is_off(reasoning):
        if effort not in _EFFORTS:
            what = f"reasoning effort {effort!r}"
            raise no_form(what, "messages", "chat", "responses")
        config["effort"] = effort
    if "response_format" in given:
        kind, schema = response_format(given["response_format"])
        if kind == "json_schema":
            config["format"] = {"type": kind, "schema": schema.get("schema", {})}
        elif kind != "text":
            what = f"response_format {kind!r}"
            raise no_form(what, "messages", "chat", "responses")
    return config


def _messages(messages: Iterable[Message]) -> list[dict[str, Any]]:
    """Return messages whose roles alternate, as Anthropic requires.

    A tool's results are part of the user message that follows, and are first in it.
    """
    made: list[dict[str, Any]] = []
    for message in messages:
        role = "assistant" if message.role == "assistant" else "user"
        blocks = [block for part in message.parts for block in _blocks(part, message)]
        # Thinking that nothing follows, its call having had no result, is refused.
        while blocks and blocks[-1].get("type") in _THINKING:
            blocks.pop()
        if made and made[-1]["role"] == role:
            made[-1]["content"] += blocks
        elif blocks:
            made.append({"role": role, "content": blocks})
    for form in made:
        match form["content"]:
            case [{"type": "text", "text": text, **extra}] if not extra:
                form["content"] = text
    return made


def _blocks(part: Part, message: Message) -> Iterable[dict[str, Any]]:
    """Yield the block of a part, if it is not empty."""
    match part:
        case Text():
            # Anthropic refuses a text block without a visible character in it.
            if part.text.strip():
                known = mapping(part.provider_metadata.get(BLOCK))
                yield {"type": "text", "text": part.text, **known}
        case Reasoning():
            # Readable reasoning from elsewhere has no form here.
            block = mapping(native(part))
            if any(block.get(name) for name in _THOUGHT):
                yield dict(block)
        case Opaque():
            if block := mapping(native(part)):
                yield dict(block)
        case ToolCall():
            yield _tool_use(part)
        case ToolResult():
            yield _tool_result(part)
        case _ if message.role == "assistant":
            what = f"{type(part).__name__.casefold()} in an answer"
            raise no_form(what, "messages", "chat")
        case _:
            yield _media(part)


def _tool_use(part: ToolCall) -> dict[str, Any]:
    """Return the block of a call; arguments that are not a JSON object are left out.

    The protocol cannot express them, and the tool's result says what was wrong.
    """
    try:
        arguments = json.loads(part.arguments)
    except (ValueError, RecursionError):
        arguments = None
    return {
        "type": "tool_use",
        "id": part.id,
        "name": part.name,
        "input": dict(mapping(arguments)),
        **mapping(part.provider_metadata.get(BLOCK)),
    }


def _tool_result(part: ToolResult) -> dict[str, Any]:
    form: dict[str, Any] = {"type": "tool_result", "tool_use_id": part.call_id}
    match part.parts:
        case ():
            form["content"] = ""
        case (Text(text=text),):
            form["content"] = text
        case parts:
            form["content"] = [_result_block(inner) for inner in parts]
    if part.is_error:
        form["is_error"] = True
    return form


def _result_block(part: Part) -> dict[str, Any]:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    return _media(part)


def _media(part: Part) -> dict[str, Any]:
    """Return the block of an image or a document; how closely to look has no form."""
    match part:
        case Image():
            return {"type": "image", "source": _source(part)}
        case File(media_type="" | "application/pdf"):
            return _document(part, _source(part))
        case File(data=bytes()) if part.media_type.startswith("text/"):
            return _document(part, _text_source(part))
        case File():
            raise _no_document(part)
        case _:
            kind = type(part).__name__.casefold()
            raise no_form(kind, "messages", "chat", "responses")


def _source(part: Media) -> dict[str, Any]:
    if part.url is None:
        data = part.base64
        return {"type": "base64", "media_type": part.media_type, "data": data}
    head, comma, data = part.url.partition(",")
    if comma and head.startswith("data:") and head.endswith(";base64"):
        media_type = head.removeprefix("data:").removesuffix(";base64")
        return {"type": "base64", "media_type": media_type, "data": data}
    return {"type": "url", "url": part.url}


def _text_source(part: File) -> dict[str, Any]:
    try:
        text = (part.data or b"").decode()
    except UnicodeDecodeError as exc:
        raise _no_document(part) from exc
    return {"type": "text", "media_type": "text/plain", "data": text}


def _document(part: File, source: dict[str, Any]) -> dict[str, Any]:
    form = {"type": "document", "source": source}
    return {**form, "title": part.name} if part.name else form


def _no_document(part: File) -> UnsupportedOption:
    what = f"file {part.name!r} ({part.media_type}, not PDF or text)"
    return no_form(what, "messages", "chat", "responses")
