"""The request types of the official SDKs, as judges of a request body.

A body is right if a judge carries it whole: ``dump(validate(body)) == body``. To
validate alone proves little, since the SDKs drop what they do not know without a word,
and ``openrouter`` writes even a known field of the wrong type as if it were unset. What
a judge cannot carry although OpenRouter takes it stands in ``EXEMPT`` with its source,
and is set aside before that judge looks.
"""

from __future__ import annotations

import functools
import importlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails, SchemaSerializer, SchemaValidator

Protocol: TypeAlias = Literal["chat", "responses", "messages"]
Sdk: TypeAlias = Literal["openrouter", "openai", "anthropic"]
Location: TypeAlias = tuple[int | str, ...]
Steps: TypeAlias = list[tuple[str, str, str]]

_TYPES: dict[tuple[Sdk, Protocol], tuple[str, str]] = {
    ("openrouter", "chat"): ("openrouter.components", "ChatRequest"),
    ("openai", "chat"): (
        "openai.types.chat.completion_create_params",
        "CompletionCreateParams",
    ),
    ("openrouter", "responses"): ("openrouter.components", "ResponsesRequest"),
    ("openai", "responses"): (
        "openai.types.responses.response_create_params",
        "ResponseCreateParams",
    ),
    ("openrouter", "messages"): ("openrouter.components", "MessagesRequest"),
    ("anthropic", "messages"): (
        "anthropic.types.message_create_params",
        "MessageCreateParams",
    ),
}
"""The judges of each protocol: module and name of an SDK's type of a request."""

_REASONING_GUIDE = "OpenRouter docs, Reasoning tokens: a field the OpenAPI leaves out"
_PARAMETERS_GUIDE = "OpenRouter docs, Parameters: a field the OpenAPI leaves out"
_ROUTING_GUIDE = "OpenRouter docs, Provider routing: numbers, which the SDK has as text"
_OPEN_ENUM = "opaque to a client; the SDK drops a format newer than its enumeration"
_PDF_GUIDE = "OpenRouter docs, PDFs: annotations go back so that no file is read twice"
_OPENAI_INCLUDE = "OpenAI API reference, Responses: the value that asks for logprobs"
_CHAT_ONLY = "OpenRouter OpenAPI, ChatRequest: OpenRouter's own field"
_CHAT_MEDIA = "OpenRouter OpenAPI, ChatContentItems: OpenAI's parts have no video"
_TOOL_MEDIA = "OpenRouter OpenAPI, ChatToolMessage: OpenAI's tool messages are text"
_RESPONSES_ONLY = "OpenRouter OpenAPI, ResponsesRequest: OpenRouter's own field"
_RESPONSES_VIDEO = "OpenRouter OpenAPI, InputVideo: OpenAI's items have no video"
_MESSAGES_ONLY = "OpenRouter OpenAPI, MessagesRequest: OpenRouter's own field"
_SAMPLING = "OpenRouter OpenAPI, MessagesRequest: anthropic 2 dropped the field"

EXEMPT: dict[tuple[Sdk, Protocol], dict[str, str]] = {
    ("openrouter", "chat"): {
        "reasoning.enabled": _REASONING_GUIDE,
        "reasoning.exclude": _REASONING_GUIDE,
        "reasoning.max_tokens": _REASONING_GUIDE,
        "verbosity": _PARAMETERS_GUIDE,
        "provider.max_price": _ROUTING_GUIDE,
        "messages[].annotations": _PDF_GUIDE,
        "messages[].reasoning_content": _REASONING_GUIDE,
        "messages[].reasoning_details[].format": _OPEN_ENUM,
    },
    ("openai", "chat"): {
        "cache_control": _CHAT_ONLY,
        "min_p": _CHAT_ONLY,
        "models": _CHAT_ONLY,
        "plugins": _CHAT_ONLY,
        "provider": _CHAT_ONLY,
        "reasoning": _CHAT_ONLY,
        "repetition_penalty": _CHAT_ONLY,
        "session_id": _CHAT_ONLY,
        "top_a": _CHAT_ONLY,
        "top_k": _CHAT_ONLY,
        "messages[].annotations": _PDF_GUIDE,
        "messages[].images": _CHAT_ONLY,
        "messages[].reasoning": _CHAT_ONLY,
        "messages[].reasoning_content": _REASONING_GUIDE,
        "messages[].reasoning_details": _CHAT_ONLY,
        "messages[].content[type=video_url]": _CHAT_MEDIA,
        "messages[role=tool].content[type=image_url]": _TOOL_MEDIA,
        "messages[role=tool].content[type=file]": _TOOL_MEDIA,
    },
    ("openrouter", "responses"): {
        "reasoning.exclude": _REASONING_GUIDE,
        "provider.max_price": _ROUTING_GUIDE,
        "include": _OPENAI_INCLUDE,
        "input[].format": _OPEN_ENUM,
    },
    ("openai", "responses"): {
        "cache_control": _RESPONSES_ONLY,
        "frequency_penalty": _RESPONSES_ONLY,
        "models": _RESPONSES_ONLY,
        "plugins": _RESPONSES_ONLY,
        "presence_penalty": _RESPONSES_ONLY,
        "provider": _RESPONSES_ONLY,
        "reasoning.enabled": _RESPONSES_ONLY,
        "reasoning.exclude": _REASONING_GUIDE,
        "reasoning.max_tokens": _RESPONSES_ONLY,
        "session_id": _RESPONSES_ONLY,
        "stop": _RESPONSES_ONLY,
        "top_k": _RESPONSES_ONLY,
        "input[].format": _RESPONSES_ONLY,
        "input[].signature": _RESPONSES_ONLY,
        "input[].content[type=input_video]": _RESPONSES_VIDEO,
    },
    ("openrouter", "messages"): {
        "provider.max_price": _ROUTING_GUIDE,
    },
    ("anthropic", "messages"): {
        "models": _MESSAGES_ONLY,
        "plugins": _MESSAGES_ONLY,
        "provider": _MESSAGES_ONLY,
        "session_id": _MESSAGES_ONLY,
        "temperature": _SAMPLING,
        "top_k": _SAMPLING,
        "top_p": _SAMPLING,
        "user": _MESSAGES_ONLY,
    },
}
"""What a judge cannot carry: path of a field, or kind of part, to its source.

``name[]`` is every item of a list, ``name[key=word]`` the items of that kind.
"""

_DEFAULTS = {"service_tier", "store", "stream"}
"""Fields the openrouter SDK writes though nobody set them."""

_STEP = re.compile(r"(\w+)(?:\[(?:(\w+)=)?(\w*)\])?")


def type_faults(protocol: Protocol, body: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the SDKs' types find wrong with a body, one line each."""
    for (sdk, judged), exempt in EXEMPT.items():
        if judged == protocol:
            yield from sdk_faults(sdk, protocol, body, exempt)


def sdk_faults(
    sdk: Sdk, protocol: Protocol, body: Mapping[str, Any], exempt: Iterable[str]
) -> Iterator[str]:
    """Yield what one SDK's types find wrong with a body, some paths set aside."""
    asked = functools.reduce(without, exempt, dict(body))
    try:
        kept = _judge(sdk, protocol)(asked)
    except ValidationError as exc:
        yield f"{sdk} SDK: {_first(exc, asked)}"
    else:
        for path in differences(asked, kept):
            yield f"{sdk} SDK: {path}"


def differences(asked: Any, kept: Any, place: str = "") -> Iterator[str]:
    """Yield where the second of two JSON values is not the first."""
    if isinstance(asked, dict) and isinstance(kept, dict):
        for name in asked.keys() | kept.keys():
            inner = f"{place}.{name}" if place else name
            if name not in kept:
                yield f"{inner} is not in its types, or has a value they do not take"
            elif name in asked:
                yield from differences(asked[name], kept[name], inner)
            elif place or name not in _DEFAULTS:
                yield f"{inner} is added as {kept[name]!r}"
    elif isinstance(asked, list) and isinstance(kept, list) and len(asked) == len(kept):
        for index, (one, other) in enumerate(zip(asked, kept, strict=True)):
            yield from differences(one, other, f"{place}[{index}]")
    elif asked != kept or isinstance(asked, bool) != isinstance(kept, bool):
        yield f"{place} changes from {asked!r} to {kept!r}"


def without(body: Any, path: str) -> Any:
    """Return a body without what a path names; the body itself stays as it is."""
    return _without(body, _STEP.findall(path))


def _without(value: Any, steps: Steps) -> Any:
    (name, key, word), *rest = steps
    if not isinstance(value, dict) or name not in value:
        return value
    inner = value[name]
    if isinstance(inner, list) and (rest or key):
        named = [not key or _is(item, key, word) for item in inner]
        items = [
            _without(item, rest) if is_named else item
            for item, is_named in zip(inner, named, strict=True)
            if rest or not is_named
        ]
        return {**value, name: items}
    if rest:
        return {**value, name: _without(inner, rest)}
    return value if key else {key: value[key] for key in value if key != name}


def _is(item: Any, key: str, word: str) -> bool:
    return isinstance(item, dict) and item.get(key) == word


@functools.cache
def _judge(sdk: Sdk, protocol: Protocol) -> Callable[[Any], Any]:
    """Return what writes a body the way an SDK would; it raises ``ValidationError``."""
    module, name = _TYPES[sdk, protocol]
    kind = getattr(importlib.import_module(module), name)
    return _model_judge(kind) if sdk == "openrouter" else _typed_dict_judge(kind)


def _model_judge(kind: type[BaseModel]) -> Callable[[Any], Any]:
    def kept(body: Any) -> Any:
        form = kind.model_validate(body).model_dump_json(by_alias=True)
        return _unwrapped(json.loads(form))

    return kept


def _unwrapped(value: Any) -> Any:
    """Return the SDK's form with the unions' unknown members as they came."""
    if isinstance(value, dict):
        if value.get("is_unknown") is True and "raw" in value:
            return value["raw"]
        return {name: _unwrapped(item) for name, item in value.items()}
    return [_unwrapped(item) for item in value] if isinstance(value, list) else value


def _typed_dict_judge(kind: Any) -> Callable[[Any], Any]:
    schema = _eager(TypeAdapter(kind).core_schema)
    validator, serializer = SchemaValidator(schema), SchemaSerializer(schema)

    def kept(body: Any) -> Any:
        return json.loads(serializer.to_json(validator.validate_python(body)))

    return kept


def _eager(schema: Any) -> Any:
    """Return a core schema whose ``Iterable`` fields are checked at once, as lists.

    Pydantic checks an ``Iterable`` while somebody iterates it, and then a union has
    already chosen its member by the first items.
    """
    if isinstance(schema, dict):
        made = {name: _eager(inner) for name, inner in schema.items()}
        return {**made, "type": "list"} if made.get("type") == "generator" else made
    if isinstance(schema, list | tuple):
        return type(schema)(_eager(inner) for inner in schema)
    return schema


def _first(exc: ValidationError, body: Any) -> str:
    """Return the error that lies deepest in the body.

    A union gives errors for each of its members; those that the body does not name by
    its ``type`` or ``role`` are left out where others remain.
    """
    errors = exc.errors()
    strangers = {e["loc"][:-1] for e in errors if e["type"] == "literal_error"}
    meant = [e for e in errors if not _prefixes(e["loc"]) & strangers]
    places = [(_place(error, body), error["msg"]) for error in meant or errors]
    place, message = max(places, key=lambda found: len(found[0]))
    shown = "".join(
        f"[{step}]" if isinstance(step, int) else f".{step}" for step in place
    )
    return f"{shown.lstrip('.') or 'body'}: {message}"


def _prefixes(location: Location) -> set[Location]:
    return {location[:length] for length in range(1, len(location))}


def _place(error: ErrorDetails, body: Any) -> list[int | str]:
    """Return the steps of an error's location that the body has, or should have."""
    steps: list[int | str] = []
    for step in error["loc"]:
        is_key = isinstance(body, dict) and step in body
        is_index = isinstance(body, list) and isinstance(step, int) and step < len(body)
        if is_key or is_index:
            steps.append(step)
            body = body[step]
    return [*steps, error["loc"][-1]] if error["type"] == "missing" else steps
