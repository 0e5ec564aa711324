"""What the codecs write passes the official SDKs' types unchanged.

``dump(validate(body)) == body`` but for the fields that ``sdk_types.EXEMPT`` lists with
their sources. Each of those is used here, and needed.
"""

from __future__ import annotations

import functools
from typing import Any

import pytest

from openrouter_server import STEPFUN
from openrouter_server.sdk_types import EXEMPT, Sdk, sdk_faults, without
from openrouter_server.strictness import body_faults
from stepmagic.errors import UnsupportedOption
from stepmagic.transcript import (
    File,
    Image,
    Message,
    Origin,
    Part,
    Protocol,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    Video,
    user,
)
from stepmagic.wire import PROTOCOLS, Request, codec
from stepmagic.wire.chat_reply import ANNOTATIONS, FIELD
from stepmagic.wire.history import NATIVE
from stepmagic.wire.parameters import PARAMETERS, check_parameter
from wire_requests import ADD, HI, SCHEMA

every_protocol = pytest.mark.parametrize("protocol", PROTOCOLS)

VALUES: dict[str, list[Any]] = {
    "reasoning": [
        {"effort": "low"},
        {"max_tokens": 2000},
        {"enabled": True},
        {"effort": "high", "exclude": True},
    ],
    "reasoning_effort": ["low"],
    "temperature": [0, 0.7, 2],
    "max_tokens": [3000],
    "max_completion_tokens": [16],
    "top_p": [0.9],
    "top_k": [40],
    "min_p": [0.05],
    "top_a": [0.1],
    "stop": ["END", ["a", "b", "c", "d"]],
    "frequency_penalty": [-2, 0.5],
    "presence_penalty": [0.5],
    "repetition_penalty": [1.1],
    "seed": [7],
    "logit_bias": [{"50256": -100}],
    "logprobs": [True, False],
    "top_logprobs": [5],
    "response_format": ["text", "json_object", SCHEMA],
    "tool_choice": ["auto", "none", "required", "add"],
    "parallel_tool_calls": [True, False],
    "models": [["openai/gpt-4.1-mini"]],
    "provider": [
        {"order": ["stepfun"], "allow_fallbacks": False, "require_parameters": True},
        {"only": ["stepfun"], "max_price": {"prompt": 1, "completion": 2}},
        {"sort": "throughput", "zdr": True, "data_collection": "deny"},
    ],
    "plugins": [
        [{"id": "file-parser", "pdf": {"engine": "native"}}, {"id": "response-healing"}]
    ],
    "session_id": ["notebook-1"],
    "service_tier": ["auto"],
    "metadata": [{"user_id": "someone"}],
    "cache_control": [{"type": "ephemeral"}],
    "user": ["someone"],
    "verbosity": ["low"],
    "include": [["message.output_text.logprobs"], ["reasoning.encrypted_content"]],
    "truncation": ["auto"],
    "stream_options": [{"include_usage": True}],
    "extra_body": [{"temperature": 0.3}],
}
"""Values of every parameter; each goes through every protocol that has it."""

PARTS: dict[str, Part] = {
    "text": Text(text="Which month is the outlier?"),
    "image": Image(media_type="image/png", data=b"png", detail="high"),
    "image URL": Image(url="https://example.org/a.png"),
    "video": Video(media_type="video/mp4", data=b"mp4"),
    "video URL": Video(url="https://example.org/a.mp4"),
    "PDF": File(media_type="application/pdf", data=b"pdf", name="a.pdf"),
    "PDF URL": File(media_type="application/pdf", url="https://example.org/a.pdf"),
    "text file": File(media_type="text/plain", data=b"a,b", name="a.csv"),
}
NO_FORM = {("messages", "video"), ("messages", "video URL")}
NO_FORM_IN_RESULTS = {*NO_FORM, ("responses", "video"), ("responses", "video URL")}

CALL = ToolCall(id="call_1", name="add", arguments='{"a": 1}')
YES = Text(text="Yes.")
BAD_CALL = ToolCall(id="call_2", name="add", arguments="{no json")


def encoded(protocol: Protocol, **fields: Any) -> dict[str, Any]:
    """Return a body, checked; its parameters are a user's."""
    for name, value in fields.get("parameters", {}).items():
        check_parameter(name, value)
    asked = {"model": STEPFUN, "messages": (HI,), **fields}
    body = codec(protocol).encode(Request(**asked))
    assert body_faults(protocol, body) == []
    return body


def said(protocol: Protocol, *parts: Part) -> Message:
    origin = Origin(protocol=protocol, model=STEPFUN, provider="StepFun")
    return Message(role="assistant", parts=parts, origin=origin)


def returned(*parts: Part, call: ToolCall = CALL, is_error: bool = False) -> Message:
    result: Any = ToolResult(
        call_id=call.id,
        name=call.name,
        parts=parts,  # type: ignore[arg-type] # the kinds a result takes
        is_error=is_error,
    )
    return Message(role="tool", parts=(result,))


PARAMETER_CASES = [
    (protocol, name, value)
    for name, values in VALUES.items()
    for protocol in PROTOCOLS
    if PARAMETERS[name].field(protocol) is not None
    for value in values
]


def with_parameter(protocol: Protocol, name: str, value: Any) -> dict[str, Any]:
    tools = (ADD,) if "tool" in name else ()
    return encoded(protocol, parameters={name: value}, tools=tools)


def test_every_parameter_has_values() -> None:
    assert VALUES.keys() == PARAMETERS.keys()


@pytest.mark.parametrize(("protocol", "name", "value"), PARAMETER_CASES)
def test_parameter_survives(protocol: Protocol, name: str, value: Any) -> None:
    if (protocol, value) == ("messages", "json_object"):
        with pytest.raises(UnsupportedOption):
            with_parameter(protocol, name, value)
    else:
        with_parameter(protocol, name, value)


@every_protocol
@pytest.mark.parametrize("stream", [True, False])
def test_system_tools_and_stream_survive(protocol: Protocol, *, stream: bool) -> None:
    encoded(protocol, system="Be brief", tools=(ADD,), stream=stream)


@every_protocol
@pytest.mark.parametrize("kind", PARTS)
def test_part_of_a_prompt_survives(protocol: Protocol, kind: str) -> None:
    messages = (user(PARTS[kind], "What is this?"),)
    if (protocol, kind) in NO_FORM:
        with pytest.raises(UnsupportedOption):
            encoded(protocol, messages=messages)
    else:
        encoded(protocol, messages=messages)


@every_protocol
@pytest.mark.parametrize("kind", PARTS)
def test_part_of_a_tool_result_survives(protocol: Protocol, kind: str) -> None:
    messages = (HI, said(protocol, CALL), returned(PARTS[kind]))
    if (protocol, kind) in NO_FORM_IN_RESULTS:
        with pytest.raises(UnsupportedOption):
            encoded(protocol, messages=messages)
    else:
        encoded(protocol, messages=messages)


DETAIL = {"type": "reasoning.text", "text": "Hm.", "format": "unknown", "index": 0}
ITEM = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [],
    "content": [{"type": "reasoning_text", "text": "Hm."}],
    "format": "unknown",
}
THINKING = {"type": "thinking", "thinking": "Hm.", "signature": ""}
SCAN = {"type": "file", "file": {"hash": "1f", "name": "a.pdf", "content": []}}


def thought(native: dict[str, Any]) -> Reasoning:
    return Reasoning(text="Hm.", provider_metadata={NATIVE: native})


ANSWERS: dict[Protocol, dict[str, Message]] = {
    "chat": {
        "open": said("chat", thought(DETAIL), YES),
        "signed": said("chat", thought({**DETAIL, "signature": "c2ln"}), YES),
        "new format": said("chat", thought({**DETAIL, "format": "next-v1"}), YES),
        "new type": said("chat", thought({"type": "reasoning.next", "a": 1}), YES),
        "only text": said("chat", Reasoning(text="Hm."), YES),
        "by another name": said(
            "chat",
            Reasoning(text="Hm.", provider_metadata={FIELD: "reasoning_content"}),
            YES,
        ),
        "image": said("chat", YES, Image(media_type="image/png", data=b"png")),
        "file read": said(
            "chat", Text(text="Yes.", provider_metadata={ANNOTATIONS: [SCAN]})
        ),
    },
    "responses": {
        "open": said("responses", thought(ITEM), YES),
        "signed": said("responses", thought({**ITEM, "signature": "c2ln"}), YES),
        "encrypted": said(
            "responses", thought({**ITEM, "encrypted_content": "ZW5j"}), YES
        ),
        "new format": said("responses", thought({**ITEM, "format": "next-v1"}), YES),
        "from elsewhere": said("chat", Reasoning(text="Hm."), YES),
    },
    "messages": {
        "open": said("messages", thought(THINKING), YES),
        "signed": said("messages", thought({**THINKING, "signature": "c2ln"}), YES),
        "redacted": said(
            "messages", thought({"type": "redacted_thinking", "data": "ZW5j"}), YES
        ),
        "from elsewhere": said("chat", Reasoning(text="Hm."), YES),
    },
}


@pytest.mark.parametrize(
    ("protocol", "kind"),
    [(protocol, kind) for protocol, answers in ANSWERS.items() for kind in answers],
)
def test_answer_survives(protocol: Protocol, kind: str) -> None:
    encoded(protocol, messages=(HI, ANSWERS[protocol][kind], HI))


@every_protocol
def test_tool_rounds_survive(protocol: Protocol) -> None:
    both = Message(
        role="tool",
        parts=returned(Text(text="1")).parts
        + returned(Text(text="no JSON"), call=BAD_CALL, is_error=True).parts,
    )
    messages = (
        HI,
        said(protocol, Text(text="Let me see."), CALL, BAD_CALL),
        both,
        said(protocol, CALL),
        returned(),
        said(protocol, Text(text="It is 1.")),
        user("And now?"),
    )
    encoded(protocol, messages=messages, tools=(ADD,))


def test_every_exemption_is_needed() -> None:
    """A row that no request of ours uses, or that no SDK minds, has to go."""
    idle = [
        (sdk, protocol, path)
        for (sdk, protocol), paths in EXEMPT.items()
        for path in paths
        if not is_needed(sdk, protocol, path)
    ]
    assert idle == []


def is_needed(sdk: Sdk, protocol: Protocol, path: str) -> bool:
    others = [other for other in EXEMPT[sdk, protocol] if other != path]
    return any(
        next(sdk_faults(sdk, protocol, body, others), None)
        for body in all_bodies(protocol)
        if without(body, path) != body
    )


@functools.cache
def all_bodies(protocol: Protocol) -> tuple[dict[str, Any], ...]:
    """Return bodies that use every field the codec of a protocol writes."""
    return (
        *(
            with_parameter(protocol, name, value)
            for taker, name, value in PARAMETER_CASES
            if taker == protocol and (protocol, value) != ("messages", "json_object")
        ),
        *(
            encoded(protocol, messages=(HI, answer, HI))
            for answer in ANSWERS[protocol].values()
        ),
        *(
            encoded(protocol, messages=(user(part),))
            for kind, part in PARTS.items()
            if (protocol, kind) not in NO_FORM
        ),
        *(
            encoded(protocol, messages=(HI, said(protocol, CALL), returned(part)))
            for kind, part in PARTS.items()
            if (protocol, kind) not in NO_FORM_IN_RESULTS
        ),
    )
