"""What of a history may be sent, and where to; the codecs' own tests do the rest."""

from __future__ import annotations

from typing import Any

import pytest

from stepmagic.transcript import (
    Message,
    Opaque,
    Origin,
    Part,
    Protocol,
    Reasoning,
    Status,
    Text,
    ToolCall,
    ToolResult,
    user,
)
from stepmagic.wire import Request
from stepmagic.wire.history import FORMAT, NATIVE, native, sendable, unfinished_format

MODEL = "stepfun/step-3.7-flash"
OPEN = Reasoning(
    text="Hm.",
    provider_metadata={NATIVE: {"type": "reasoning.text", "text": "Hm."}},
)
SIGNED = Reasoning(
    text="Hm.",
    provider_metadata={
        NATIVE: {"format": "anthropic-claude-v1", "text": "Hm.", "signature": "EqQB"}
    },
)
UNSIGNED = Reasoning(text="Hm", provider_metadata={FORMAT: "anthropic-claude-v1"})
ENCRYPTED = Reasoning(provider_metadata={NATIVE: {"data": "c2VjcmV0"}})
SAID = Text(text="4", provider_metadata={"annotations": [1]})
CALL = ToolCall(id="c1", name="add", provider_metadata={NATIVE: {"id": "fc_1"}})
RESULT = Message(role="tool", parts=(ToolResult(call_id="c1", name="add"),))
UNKNOWN = Opaque(kind="web_search_call", provider_metadata={NATIVE: {"id": "ws_1"}})


def answer(
    *parts: Part,
    protocol: Protocol = "chat",
    model: str = MODEL,
    provider: str | None = "StepFun",
    status: Status = "complete",
) -> Message:
    origin = Origin(protocol=protocol, model=model, provider=provider)
    return Message(role="assistant", parts=parts, origin=origin, status=status)


def kept(*messages: Message, **parameters: Any) -> tuple[Message, ...]:
    request = Request(model=MODEL, messages=messages, parameters=parameters)
    return sendable(request, "chat")


def kept_parts(message: Message, **parameters: Any) -> tuple[Part, ...]:
    """Return what is left of an answer between two prompts."""
    return kept(user("Hi"), message, RESULT, user("And?"), **parameters)[1].parts


def test_home_is_where_protocol_and_model_are_the_same() -> None:
    parts = (OPEN, SIGNED, ENCRYPTED, SAID, CALL, UNKNOWN)
    assert kept_parts(answer(*parts)) == parts


ELSEWHERE: list[dict[str, Any]] = [
    {"protocol": "messages"},
    {"model": "stepfun/step-3.5-flash"},
]


@pytest.mark.parametrize("origin", ELSEWHERE, ids=str)
def test_elsewhere_only_what_everyone_reads_is_left(origin: dict[str, Any]) -> None:
    message = answer(OPEN, SIGNED, ENCRYPTED, SAID, CALL, UNKNOWN, **origin)
    assert kept_parts(message) == (
        Reasoning(text="Hm."),
        Text(text="4"),
        ToolCall(id="c1", name="add"),
    )


def test_message_of_unknown_origin_is_from_elsewhere() -> None:
    message = Message(role="assistant", parts=(SIGNED, SAID))
    assert kept_parts(message) == (Text(text="4"),)


@pytest.mark.parametrize(
    ("routing", "home"),
    [
        ({"only": ["stepfun"]}, True),
        ({"only": ["stepfun/fp8", "novita"]}, True),
        ({"only": ["novita"]}, False),
        ({"only": []}, True),
        ({"order": ["novita"]}, True),
    ],
)
def test_home_is_a_provider_that_routing_allows(
    routing: dict[str, Any],
    home: bool,  # noqa: FBT001 - pytest passes it by name
) -> None:
    assert (SIGNED in kept_parts(answer(SIGNED, SAID), provider=routing)) is home


def test_provider_that_was_not_named_is_taken_for_the_same() -> None:
    message = answer(SIGNED, SAID, provider=None)
    assert SIGNED in kept_parts(message, provider={"only": ["novita"]})


def test_slug_longer_than_the_displayed_name_is_the_same_provider() -> None:
    message = answer(SIGNED, SAID, provider="Google")
    assert SIGNED in kept_parts(message, provider={"only": ["google-vertex"]})


@pytest.mark.parametrize("status", ["interrupted", "error"])
def test_signed_reasoning_the_stream_was_cut_in_is_dropped(status: Status) -> None:
    first = answer(SIGNED, UNSIGNED, status=status)
    assert kept(user("Hi"), first, user("And?")) == (user("Hi", "And?"),)


def test_reasoning_stands_where_the_cut_came_after_it() -> None:
    message = answer(SIGNED, SAID, OPEN, SIGNED, status="interrupted")
    assert kept_parts(message) == (SIGNED, SAID, OPEN)


def test_cut_reasoning_that_nobody_signs_stands() -> None:
    cut = Reasoning(text="H", provider_metadata={FORMAT: "unknown"})
    assert kept_parts(answer(SAID, cut, status="interrupted")) == (SAID, cut)


def test_format_outside_the_native_object_tells_of_a_signature_to_come() -> None:
    begun = Reasoning(
        text="H", provider_metadata={FORMAT: "signed", NATIVE: {"thinking": "H"}}
    )
    assert kept_parts(answer(SAID, begun, status="error")) == (SAID,)


def test_native_that_is_no_object_is_still_judged_by_its_format() -> None:
    odd = Reasoning(text="Hm.", provider_metadata={NATIVE: "opaque"})
    assert kept_parts(answer(odd, SAID, model="other")) == (
        Reasoning(text="Hm."),
        Text(text="4"),
    )


def test_answer_with_nothing_to_say_is_dropped_and_the_prompts_become_one() -> None:
    empty = answer(OPEN, Text(text=""))
    assert kept(user("Hi"), empty, user("And?")) == (user("Hi", "And?"),)


def test_call_without_a_result_is_dropped() -> None:
    lone = ToolCall(id="c2", name="add")
    assert kept_parts(answer(CALL, lone)) == (CALL,)


def test_result_without_a_call_is_dropped() -> None:
    assert kept(user("Hi"), RESULT, user("And?")) == (user("Hi", "And?"),)


def test_native_is_the_providers_object_or_none() -> None:
    assert native(CALL) == {"id": "fc_1"}
    assert native(Text(text="Hi")) is None


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("stepfun/step-3.7-flash", "unknown"),
        ("deepseek/DeepSeek-R1", "unknown"),
        ("anthropic/claude-haiku-4.5", "signed"),
        (None, "signed"),
    ],
)
def test_unfinished_reasoning_is_taken_for_signed_but_for_open_families(
    model: str | None, expected: str
) -> None:
    assert unfinished_format(model) == expected
