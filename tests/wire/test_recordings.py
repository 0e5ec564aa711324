"""Real traffic of many providers decodes, and reasoning goes back as clients sent it.

The recordings are not part of this repository. They are read from
`../shared/recordings`, or from the folder that `$STEPMAGIC_RECORDINGS` names.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import pytest

from recorded import (
    ALL,
    ANSWERED,
    FOLDER,
    REFUSED,
    SLOW,
    Recording,
    answered,
    assembled,
    decoded,
    name,
    protocol,
)
from stepmagic.errors import KeyRefused, ServerOverloaded
from stepmagic.transcript import (
    Message,
    Origin,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    user,
)
from stepmagic.wire import Request, codec
from stepmagic.wire.failures import error_from_response
from wire_events import byte_by_byte, dumps, random_chunks

pytestmark = pytest.mark.skipif(not ALL, reason=f"no recordings in {FOLDER}")


@answered
def test_cut_anywhere_gives_the_same_events(recording: Recording) -> None:
    body = recording["body"].encode()
    whole = dumps(decoded(recording, [body]))
    for seed in ("a", "b"):
        chunks = random_chunks(body, name(recording) + seed)
        assert dumps(decoded(recording, chunks)) == whole
    if len(body) < SLOW:
        assert dumps(decoded(recording, byte_by_byte(body))) == whole


@answered
def test_answer_ends_without_an_error(recording: Recording) -> None:
    finish = assembled(recording).finish
    assert finish is not None
    assert finish.error is None
    assert finish.reason in ("stop", "length", "tool_calls")
    assert finish.native_reason
    assert finish.id
    assert finish.model


@answered
def test_text_is_what_the_fields_hold_when_simply_joined(recording: Recording) -> None:
    parts = assembled(recording).parts
    text = "".join(part.text for part in parts if isinstance(part, Text))
    assert text == "".join(_texts(recording))


@answered
def test_reasoning_is_read_once(recording: Recording) -> None:
    parts = assembled(recording).parts
    thought = "".join(part.text for part in parts if isinstance(part, Reasoning))
    assert thought == "".join(_thoughts(recording))


@answered
def test_tool_calls_hold_arguments_that_are_json(recording: Recording) -> None:
    for part in assembled(recording).parts:
        if isinstance(part, ToolCall):
            assert part.id
            assert part.name
            assert isinstance(json.loads(part.arguments), dict)


@answered
def test_usage_is_what_the_server_counted_last(recording: Recording) -> None:
    usage = assembled(recording).usage
    assert usage is not None
    *_, counted = _usages(recording)
    names = ("completion_tokens", "output_tokens")
    assert usage.completion_tokens == next(
        counted[name] for name in names if name in counted
    )
    assert usage.cost_usd == counted.get("cost")


@pytest.mark.parametrize("recording", REFUSED, ids=name)
def test_refusal_becomes_its_error(recording: Recording) -> None:
    expected = {401: KeyRefused, 429: ServerOverloaded}
    status = recording["status"]
    error = error_from_response(status, recording["headers"], recording["body"])
    assert type(error) is expected[status]
    assert error.status == status


FANTASY = "fantasy/providertests/testdata/TestOpenRouterCommon/"
RUBY = "ruby_llm/spec/fixtures/vcr_cassettes/chat_openrouter_reasoning_details_"
EXACT = [FANTASY + "kimi/tool.yaml", RUBY + "round-trip_replays_reasoning_details"]
"""Cassettes whose client sent back what it had received, and was answered.

Other recorded clients change it on the way: fantasy loses the first fragment of a
stream and makes open text of xAI's summaries.
"""


@pytest.mark.parametrize("cassette", EXACT)
def test_reasoning_goes_back_as_the_recorded_client_sent_it(cassette: str) -> None:
    reply, request = _pair(cassette)
    assert _replayed(reply)["reasoning_details"] == request["reasoning_details"]


def test_reasoning_of_a_stream_goes_back_with_its_first_fragment() -> None:
    reply, request = _pair(FANTASY + "glm/multi_tool_streaming.yaml")
    (ours,) = _replayed(reply)["reasoning_details"]
    (theirs,) = request["reasoning_details"]
    assert ours == {**theirs, "text": "The" + theirs["text"]}


def _pair(cassette: str) -> tuple[Recording, dict[str, Any]]:
    """Return a recorded reply and the message in which the next request holds it."""
    for recording in ALL:
        if name(recording).startswith(cassette):
            for message in recording["request"]["messages"]:
                if message.get("reasoning_details"):
                    return _reply_to(cassette, message), message
    pytest.fail(f"no request of {cassette} holds reasoning")


def _reply_to(cassette: str, message: dict[str, Any]) -> Recording:
    calls = {call["id"] for call in message["tool_calls"]}
    return next(
        recording
        for recording in ANSWERED
        if name(recording).startswith(cassette)
        and calls == {call.id for call in _calls(recording)}
    )


def _calls(recording: Recording) -> list[ToolCall]:
    parts = assembled(recording).parts
    return [part for part in parts if isinstance(part, ToolCall)]


def _replayed(recording: Recording) -> dict[str, Any]:
    """Return the form in which our next request holds a recorded reply."""
    spoken = protocol(recording)
    origin = Origin(protocol=spoken, model=recording["model"])
    parts = assembled(recording).parts
    reply = Message(role="assistant", parts=parts, origin=origin)
    results = [
        ToolResult(call_id=call.id, name=call.name) for call in _calls(recording)
    ]
    given = Message(role="tool", parts=tuple(results))
    request = Request(model=recording["model"], messages=(user("Hi"), reply, given))
    form: dict[str, Any] = codec(spoken).encode(request)["messages"][1]
    return form


def _payloads(recording: Recording) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects of a body, read in the plainest way."""
    if not recording["stream"]:
        yield json.loads(recording["body"])
        return
    for line in recording["body"].split("\n"):
        if line.startswith("data: {"):
            yield json.loads(line.removeprefix("data: "))


def _usages(recording: Recording) -> Iterator[dict[str, Any]]:
    for payload in _payloads(recording):
        for holder in (payload, payload.get("response"), payload.get("message")):
            if holder and holder.get("usage"):
                yield holder["usage"]


Reader = Callable[[dict[str, Any]], Iterable[str | None]]


def _joined(recording: Recording, readers: dict[tuple[str, bool], Reader]) -> list[str]:
    read = readers[recording["endpoint"], recording["stream"]]
    return [text or "" for payload in _payloads(recording) for text in read(payload)]


def _texts(recording: Recording) -> list[str]:
    """Return the pieces of the visible text, in order."""
    return _joined(
        recording,
        {
            ("chat/completions", True): lambda chunk: (
                choice["delta"].get("content") for choice in chunk["choices"]
            ),
            ("chat/completions", False): lambda reply: (
                choice["message"]["content"] for choice in reply["choices"]
            ),
            ("responses", True): lambda event: (
                [event["delta"]]
                if event["type"] == "response.output_text.delta"
                else []
            ),
            ("responses", False): lambda reply: (
                content["text"]
                for item in reply["output"]
                if item["type"] == "message"
                for content in item["content"]
            ),
            ("messages", True): lambda event: [event.get("delta", {}).get("text")],
            ("messages", False): lambda reply: (
                block.get("text") for block in reply["content"]
            ),
        },
    )


def _thoughts(recording: Recording) -> list[str]:
    """Return the pieces of the readable reasoning, in order."""
    return _joined(
        recording,
        {
            ("chat/completions", True): lambda chunk: (
                choice["delta"].get("reasoning") for choice in chunk["choices"]
            ),
            ("chat/completions", False): lambda reply: (
                _thought(choice["message"]) for choice in reply["choices"]
            ),
            ("responses", True): lambda event: (
                [event["delta"]] if event["type"] in _THOUGHTS else []
            ),
            ("responses", False): lambda reply: (
                summary["text"]
                for item in reply["output"]
                if item["type"] == "reasoning"
                for summary in item["summary"]
            ),
            ("messages", True): lambda event: [event.get("delta", {}).get("thinking")],
            ("messages", False): lambda reply: (
                block.get("thinking") for block in reply["content"]
            ),
        },
    )


_THOUGHTS = (
    "response.reasoning_text.delta",
    "response.reasoning_summary_text.delta",
)


def _thought(message: Mapping[str, Any]) -> str:
    """Return the readable reasoning of a whole chat message.

    One recorded reply has summaries among its details and no `reasoning`.
    """
    details = message.get("reasoning_details", [])
    summaries = (detail.get("summary", "") for detail in details)
    return message.get("reasoning") or "".join(summaries)
