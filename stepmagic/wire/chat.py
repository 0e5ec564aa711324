"""The codec of ``/chat/completions``, OpenRouter's and every compatible server's.

Owns the form of a request; ``chat_reply`` reads the answer. What is true of the
three protocols alike is in ``history`` and ``parameters``. Source: ChatRequest and
ChatMessages of OpenRouter's OpenAPI document.

    >>> from stepmagic.transcript import user
    >>> from stepmagic.wire.request import Request
    >>> request = Request(model="m", messages=(user("Hi"),), parameters={"stop": "."})
    >>> encode(request)
    {'model': 'm', 'messages': [{'role': 'user', 'content': 'Hi'}], 'stop': '.', \
'stream': True}
"""

from __future__ import annotations

import mimetypes
from collections.abc import Iterable, Mapping
from typing import Any

from stepmagic.errors import UnsupportedOption
from stepmagic.schema import FunctionSchema
from stepmagic.transcript import (
    File,
    Image,
    Message,
    Part,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    Video,
)
from stepmagic.wire.chat_reply import ANNOTATIONS, FIELD, Decoder
from stepmagic.wire.history import native, sendable
from stepmagic.wire.json_values import (
    content_parts,
    objects,
    response_format,
    result_parts,
    tool_choice,
    tool_schema,
)
from stepmagic.wire.parameters import no_form, plain_fields
from stepmagic.wire.request import Request

__all__ = ["Decoder", "encode"]


def encode(request: Request) -> dict[str, Any]:
    """Return the body of a request.

    Raises:
        UnsupportedOption: This protocol has no form for an option or a part.
    """
    messages: list[dict[str, Any]] = []
    if request.system:
        messages.append({"role": "system", "content": request.system})
    for message in sendable(request, "chat"):
        messages += _messages(message)
    body: dict[str, Any] = {"model": request.model, "messages": messages}
    body |= plain_fields(request.parameters, "chat")
    body |= _codec_fields(request)
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
    if request.stream:
        body["stream"] = True
    return body | dict(request.parameters.get("extra_body", {}))


def _codec_fields(request: Request) -> dict[str, Any]:
    """Return the fields that need more than another name."""
    given = request.parameters
    fields: dict[str, Any] = {}
    reasoning = given.get("reasoning", request.reasoning)
    if reasoning is not None:
        fields["reasoning"] = dict(reasoning)
    if "stop" in given:
        fields["stop"] = given["stop"]
    if "top_logprobs" in given:
        fields["logprobs"] = True
    if "response_format" in given:
        fields["response_format"] = _response_format(given["response_format"])
    if "tool_choice" in given:
        fields["tool_choice"] = _tool_choice(given["tool_choice"])
    return fields


def _response_format(value: str | Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(value, str):
        kind, _ = response_format(value)
        return {"type": kind}
    return dict(value)


def _tool_choice(value: str | Mapping[str, Any]) -> str | dict[str, Any]:
    mode, name = tool_choice(value)
    return {"type": "function", "function": {"name": name}} if mode == "tool" else mode


def _tool(tool: FunctionSchema) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name}
    if tool.description:
        function["description"] = tool.description
    function["parameters"] = tool_schema(tool)
    if tool.strict:
        function["strict"] = True
    return {"type": "function", "function": function}


def _messages(message: Message) -> list[dict[str, Any]]:
    """Return the messages that one of ours becomes: each tool result is its own."""
    if message.role == "user":
        return [{"role": "user", "content": _content(message.parts)}]
    if message.role == "assistant":
        return [_assistant(message)]
    return [_result(part) for part in message.parts if isinstance(part, ToolResult)]


def _result(result: ToolResult) -> dict[str, Any]:
    content = _content(result_parts(result))
    return {"role": "tool", "tool_call_id": result.call_id, "content": content}


def _content(parts: Iterable[Part]) -> str | list[dict[str, Any]]:
    """Return one text as a string, anything else as a list in the same order."""
    match content_parts(parts):
        case []:
            return ""
        case [Text(text=text)]:
            return text
        case several:
            return [_content_part(part) for part in several]


def _content_part(part: Part) -> dict[str, Any]:
    match part:
        case Text():
            return {"type": "text", "text": part.text}
        case Image():
            image = {"url": part.location}
            if part.detail:
                image["detail"] = part.detail
            return {"type": "image_url", "image_url": image}
        case Video():
            return {"type": "video_url", "video_url": {"url": part.location}}
        case File():
            suffix = mimetypes.guess_extension(part.media_type) or ""
            file = {
                "filename": part.name or f"file{suffix}",
                "file_data": part.location,
            }
            return {"type": "file", "file": file}
        case _:
            raise _out_of_place(part, "a prompt")


def _assistant(message: Message) -> dict[str, Any]:
    calls: list[dict[str, Any]] = []
    images: list[dict[str, Any]] = []
    thoughts: list[Reasoning] = []
    annotations: list[Mapping[str, Any]] = []
    for part in message.parts:
        match part:
            case Text():
                annotations += objects(part.provider_metadata.get(ANNOTATIONS))
            case Reasoning():
                thoughts.append(part)
            case ToolCall():
                function = {"name": part.name, "arguments": part.arguments}
                call = {"id": part.id, "type": "function", "function": function}
                calls.append(call)
            case Image():
                images.append({"image_url": {"url": part.location}})
            case _:
                raise _out_of_place(part, "an answer")
    form: dict[str, Any] = {"role": "assistant", "content": message.text}
    form |= _reasoning(thoughts)
    # A file that was parsed once is not parsed, nor paid for, again.
    files = [note for note in annotations if note.get("type") == "file"]
    fields = {"tool_calls": calls, "images": images, ANNOTATIONS: files}
    return form | {name: value for name, value in fields.items() if value}


def _reasoning(thoughts: Iterable[Reasoning]) -> dict[str, Any]:
    """Return the details as received, or else the readable text; never both."""
    thoughts = list(thoughts)
    if details := [native(part) for part in thoughts if native(part) is not None]:
        return {"reasoning_details": details}
    spoken = [part for part in thoughts if part.text]
    if not spoken:
        return {}
    field = spoken[0].provider_metadata.get(FIELD, "reasoning")
    return {field: "\n\n".join(part.text for part in spoken)}


def _out_of_place(part: Part, where: str) -> UnsupportedOption:
    return no_form(f"{type(part).__name__.casefold()} in {where}", "chat")
