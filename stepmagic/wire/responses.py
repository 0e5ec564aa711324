"""The ``/responses`` protocol: how a request is written. ``Decoder`` reads the reply.

Stateless: the full history is sent with every request, ``store`` is always false and
there is no ``previous_response_id``. Sources: OpenRouter's OpenAPI document
(ResponsesRequest) and SDK 1.3, OpenAI's reference where they are silent, and recorded
traffic.

    >>> from stepmagic.transcript import user
    >>> from stepmagic.wire import Request
    >>> encode(Request(model="stepfun/step-3.7-flash", messages=(user("Hi"),)))["input"]
    [{'role': 'user', 'content': 'Hi'}]
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
    Opaque,
    Part,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    Video,
)
from stepmagic.wire.history import native, sendable
from stepmagic.wire.json_values import (
    content_parts,
    mapping,
    response_format,
    result_parts,
    tool_choice,
    tool_schema,
)
from stepmagic.wire.parameters import no_form, plain_fields
from stepmagic.wire.request import Request
from stepmagic.wire.responses_reply import CONTENT, ITEM, Decoder

__all__ = ["Decoder", "encode"]

ENCRYPTED = "reasoning.encrypted_content"
"""The ``include`` value without which encrypted reasoning never arrives, and so could
not go back."""

_REASONED = ("encrypted_content", "content", "summary", "signature")


def encode(request: Request) -> dict[str, Any]:
    """Return the body of a request.

    Raises:
        UnsupportedOption: The protocol has no form for an option or a part.
        SettingError: An option has a value that no protocol has.
    """
    given = request.parameters
    body: dict[str, Any] = {
        "model": request.model,
        "input": _input(sendable(request, "responses")),
        "store": False,
        **plain_fields(given, "responses"),
    }
    if request.stream:
        body["stream"] = True
    if request.system:
        body["instructions"] = request.system
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
    if "tool_choice" in given:
        body["tool_choice"] = _tool_choice(given["tool_choice"])
    if "stop" in given:
        body["stop"] = given["stop"]
    if text := _text_options(given):
        body["text"] = text
    reasoning = given.get("reasoning", request.reasoning)
    if reasoning is not None:
        body["reasoning"] = dict(reasoning)
        if _thinks(reasoning):
            body["include"] = _with_encrypted(body.get("include", []))
    return body | dict(given.get("extra_body", {}))


def _thinks(reasoning: Mapping[str, Any]) -> bool:
    """Whether reasoning is asked for, rather than turned off."""
    return reasoning.get("enabled") is not False and reasoning.get("effort") != "none"


def _with_encrypted(included: list[str]) -> list[str]:
    # Only with a reasoning object: OpenAI refuses it for models that do not reason
    # (microsoft/agent-framework#7483).
    return included if ENCRYPTED in included else [*included, ENCRYPTED]


def _tool(tool: FunctionSchema) -> dict[str, Any]:
    form: dict[str, Any] = {"type": "function", "name": tool.name}
    if tool.description:
        form["description"] = tool.description
    # Unlike in the other two protocols, `strict` is required (OpenAI SDK).
    return {**form, "parameters": tool_schema(tool), "strict": tool.strict}


def _tool_choice(value: str | Mapping[str, Any]) -> str | dict[str, Any]:
    mode, name = tool_choice(value)
    return {"type": "function", "name": name} if mode == "tool" else mode


def _text_options(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the ``text`` object: the format of the answer and its verbosity."""
    options: dict[str, Any] = {}
    if "response_format" in given:
        kind, schema = response_format(given["response_format"])
        if kind not in ("text", "json_object", "json_schema"):
            what = f"response_format {kind!r}"
            raise no_form(what, "responses", "chat")
        options["format"] = {"type": kind, **schema}
    if "verbosity" in given:
        options["verbosity"] = given["verbosity"]
    return options


def _input(messages: Iterable[Message]) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    for message in messages:
        if message.role == "user":
            content = content_parts(message.parts)
            items.append({"role": "user", "content": _content(content)})
        elif message.role == "assistant":
            items += _output(message, first=len(items))
        else:
            items += _results(message)
    return items


def _content(parts: list[Part]) -> str | list[dict[str, Any]]:
    """Return input content: one text as a string, anything else as a list."""
    match parts:
        case []:
            return ""
        case [Text(text=text)]:
            return text
        case _:
            return [_content_part(part) for part in parts]


def _content_part(part: Part) -> dict[str, Any]:
    match part:
        case Text():
            return {"type": "input_text", "text": part.text}
        case Image():
            return {
                "type": "input_image",
                "image_url": part.location,
                "detail": part.detail or "auto",
            }
        case Video():
            return {"type": "input_video", "video_url": part.location}
        case File(url=str()):
            named = {"filename": part.name} if part.name else {}
            return {"type": "input_file", **named, "file_url": part.location}
        case File():
            suffix = mimetypes.guess_extension(part.media_type) or ""
            return {
                "type": "input_file",
                "filename": part.name or f"file{suffix}",
                "file_data": part.location,
            }
        case _:
            raise _out_of_place(part, "a prompt")


def _results(message: Message) -> Iterable[dict[str, Any]]:
    for result in message.parts:
        if not isinstance(result, ToolResult):
            continue
        parts = content_parts(result_parts(result))
        if any(isinstance(part, Video) for part in parts):
            what = "video in a tool's result"
            raise no_form(what, "responses", "chat")
        yield {
            "type": "function_call_output",
            "call_id": result.call_id,
            "output": _content(parts),
        }


def _output(message: Message, *, first: int) -> list[dict[str, Any]]:
    """Return the output items that an assistant message was received as, in order.

    Args:
        message: An assistant message.
        first: Position in the input of its first item.
    """
    items: list[dict[str, Any]] = []
    last: Any = None
    for part in message.parts:
        item: Any = None
        match part:
            case Text():
                item = part.provider_metadata.get(ITEM)
                content = _output_content(part)
                if content and item is not None and item == last:
                    items[-1]["content"].append(content)
                elif content:
                    items.append(_output_message(item, content, first + len(items)))
            case Reasoning() | Opaque():
                if complete := _native_item(part):
                    items.append(complete)
            case ToolCall():
                items.append(_function_call(part))
            case _:
                raise _out_of_place(part, "an answer")
        last = item
    # Reasoning that nothing follows, its call having had no result, is refused.
    while items and items[-1].get("type") == "reasoning":
        items.pop()
    return items


def _native_item(part: Reasoning | Opaque) -> dict[str, Any]:
    """Return the item that a part was received as, or nothing.

    Readable reasoning from elsewhere has no form here, and a reasoning item's id alone
    means nothing to a server that stores nothing.
    """
    item = dict(mapping(native(part)))
    says = isinstance(part, Opaque) or any(item.get(name) for name in _REASONED)
    return item if says else {}


def _out_of_place(part: Part, where: str) -> UnsupportedOption:
    what = f"{type(part).__name__.casefold()} in {where}"
    return no_form(what, "responses", "chat")


def _output_message(
    item: Mapping[str, Any] | None, content: dict[str, Any], number: int
) -> dict[str, Any]:
    """Return a message item; an id is required, so one from elsewhere is given one."""
    known = mapping(item)
    status = known.get("status", "completed")
    return {
        "type": "message",
        "role": "assistant",
        "id": f"msg_{number}",
        **known,
        "status": "incomplete" if status == "in_progress" else status,
        "content": [content],
    }


def _output_content(part: Text) -> dict[str, Any]:
    """Return the content part of a text; nothing for an empty one."""
    known = mapping(part.provider_metadata.get(CONTENT))
    kind = known.get("type", "output_text")
    if kind not in ("output_text", "refusal"):
        return dict(known)
    if not part.text:
        return {}
    if kind == "refusal":
        return {**known, "refusal": part.text}
    return {"type": kind, "annotations": [], **known, "text": part.text}


def _function_call(part: ToolCall) -> dict[str, Any]:
    return {
        "type": "function_call",
        **mapping(part.provider_metadata.get(ITEM)),
        "call_id": part.id,
        "name": part.name,
        "arguments": part.arguments or "{}",
    }
