"""What the test server refuses: each rule, broken once in an otherwise right body."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from openrouter_server import STEPFUN, TEXT_ONLY, WITHOUT_REASONING, OpenRouterServer
from server_questions import PATHS, Json, every_protocol, post

USER = {"role": "user", "content": "Hi"}
SAID = {"role": "assistant", "content": "Hello"}
CALL = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
CALLED = {"role": "assistant", "content": "", "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "1", "content": "3"}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {}}}
THOUGHT = {"type": "reasoning.text", "text": "Hm", "format": "unknown", "index": 0}
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}

ASSISTANT_ITEM = {
    "type": "message",
    "role": "assistant",
    "id": "msg_1",
    "status": "completed",
    "content": [{"type": "output_text", "text": "Hello", "annotations": []}],
}
CALL_ITEM = {"type": "function_call", "call_id": "1", "name": "f", "arguments": "{}"}
RESULT_ITEM = {"type": "function_call_output", "call_id": "1", "output": "3"}
THOUGHT_ITEM = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [],
    "content": [{"type": "reasoning_text", "text": "Hm"}],
}

TEXT = {"type": "text", "text": "Hello"}
THINKING = {"type": "thinking", "thinking": "Hm", "signature": ""}
USE = {"type": "tool_use", "id": "1", "name": "f", "input": {}}
USE_RESULT = {"type": "tool_result", "tool_use_id": "1", "content": "3"}


def told(*messages: Json, **more: Any) -> Json:
    return {"messages": list(messages), **more}


def items(*given: Json, **more: Any) -> Json:
    return {"input": list(given), **more}


def by_user(*blocks: Json) -> Json:
    return {"role": "user", "content": list(blocks)}


def by_model(*blocks: Json) -> Json:
    return {"role": "assistant", "content": list(blocks)}


RIGHT: dict[str, list[Json]] = {
    "chat": [
        told({"role": "system", "content": "Be brief"}, USER, SAID, USER),
        told(USER, CALLED, RESULT, SAID, USER, tools=[TOOL], tool_choice="auto"),
        told(USER, {**SAID, "reasoning_details": [THOUGHT]}, USER),
        told(USER, {**SAID, "reasoning": "Hm"}, USER),
        told({"role": "user", "content": [TEXT, IMAGE]}),
        {"reasoning": {"effort": "low"}, "stop": ["a", "b", "c", "d"]},
        {"logprobs": True, "top_logprobs": 20},
    ],
    "responses": [
        items({"role": "user", "content": "Hi"}, ASSISTANT_ITEM, USER),
        items(USER, THOUGHT_ITEM, CALL_ITEM, RESULT_ITEM),
        items(USER, THOUGHT_ITEM, {**THOUGHT_ITEM, "id": "rs_2"}, ASSISTANT_ITEM, USER),
        {"store": False, "reasoning": {"effort": "low", "enabled": True}},
    ],
    "messages": [
        told(USER, SAID, USER, system="Be brief"),
        told(USER, by_model(THINKING, TEXT, USE), by_user(USE_RESULT, TEXT)),
        {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2000},
    ],
}


@pytest.mark.parametrize(
    ("protocol", "fields"),
    [(protocol, fields) for protocol, bodies in RIGHT.items() for fields in bodies],
)
def test_right_request_is_answered(
    client: httpx.Client, protocol: str, fields: Json
) -> None:
    reply = post(client, protocol, **fields)
    assert reply.status_code == 200, reply.text


WRONG: dict[str, list[tuple[Json, str]]] = {
    "chat": [
        (told(), "first that is no system message must be the user's"),
        (told(SAID, USER), "first that is no system message must be the user's"),
        (told({"role": "robot", "content": "Hi"}), "role"),
        (told({"role": "user", "content": ""}), "content is empty"),
        (told(USER, {"role": "assistant", "content": ""}), "says something or calls"),
        (told(USER, {"role": "assistant", "content": None}), "says something or calls"),
        (told(USER, CALLED), "tool call '1' has no result"),
        (told(USER, CALLED, USER), "tool call '1' has no result"),
        (told(USER, RESULT), "no tool call '1' waits"),
        (told(USER, CALLED, RESULT, RESULT), "no tool call '1' waits"),
        (told(USER, CALLED, RESULT, SAID, RESULT), "no tool call '1' waits"),
        (told({**USER, "reasoning_details": [THOUGHT]}), "reasoning_details"),
        (
            told(USER, {**SAID, "reasoning_details": [THOUGHT, THOUGHT]}, USER),
            "2 fragments of reasoning.text 0 are not merged",
        ),
        (
            told(USER, {**SAID, "reasoning": "Hm", "reasoning_details": [THOUGHT]}),
            "as text or as details, not as both",
        ),
        ({"temperature": "warm"}, "temperature"),
        ({"temprature": 1}, "temprature is not in its types"),
        ({"reasoning": {"effort": "enormous"}}, "reasoning.effort"),
        ({"reasoning": {"effort": "low", "max_tokens": 9}}, "not both"),
        ({"reasoning": {"effort": "low"}, "reasoning_effort": "high"}, "contradicts"),
        ({"stop": list("abcde")}, "at most 4, not 5"),
        ({"top_logprobs": 3}, "needs logprobs"),
        ({"logprobs": True, "top_logprobs": 21}, "from 0 to 20, not 21"),
        ({"tool_choice": "auto"}, "no tools to choose from"),
        ({"reasoning": {"effort": "none"}}, "Reasoning is mandatory"),
        ({"reasoning": {"enabled": False}}, "Reasoning is mandatory"),
        ({"reasoning_effort": "none"}, "Reasoning is mandatory"),
        ({"parallel_tool_calls": True}, "does not take it"),
        ({"verbosity": "low"}, "does not take it"),
        ({"max_completion_tokens": 9}, "does not take it"),
    ],
    "responses": [
        ({"input": ""}, "input: is empty"),
        (items(), "input: is empty"),
        ({"store": True}, "store"),
        ({"previous_response_id": "gen-1"}, "previous_response_id: must be null"),
        (items(ASSISTANT_ITEM), "begins with the user's message"),
        (items({"role": "user", "content": []}), "content is empty"),
        (items(USER, CALL_ITEM), "tool call '1' has no result"),
        (items(USER, RESULT_ITEM), "no function_call '1' before it"),
        (items(USER, RESULT_ITEM, CALL_ITEM), "no function_call '1' before it"),
        (items(USER, THOUGHT_ITEM), "followed by its message or function_call"),
        (items(USER, THOUGHT_ITEM, USER), "followed by its message or function_call"),
        (items(USER, SAID), "needs its id and status"),
        (
            items(by_user({"type": "input_image", "image_url": "https://a.b/c.png"})),
            "detail",
        ),
        ({"messages": [USER]}, "messages is not in its types"),
        ({"reasoning": {"effort": "none"}}, "Reasoning is mandatory"),
        ({"text": {"verbosity": "low"}}, "does not take it"),
    ],
    "messages": [
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": None}, "max_tokens"),
        (told(), "messages: is empty"),
        (told(SAID), "must be the user's"),
        (told(USER, USER), "must be the assistant's"),
        (told(USER, by_model()), "content is empty"),
        (told(by_user({"type": "text", "text": ""})), "a text block is empty"),
        (told(USER, by_model(TEXT, THINKING)), "thinking blocks come first"),
        (told(USER, by_model(THINKING)), "says something or calls a tool"),
        (told(USER, by_model(USE)), "tool call '1' has no result"),
        (told(USER, by_model(USE), USER), "tool call '1' has no result"),
        (told(USER, by_model(USE), by_user(TEXT, USE_RESULT)), "tool_result blocks"),
        (told(by_user(USE_RESULT)), "no tool_use '1' in the message before"),
        (told(by_user(THINKING, TEXT)), "a thinking block is the assistant's"),
        (told(USER, by_model({"type": "thinking", "thinking": "Hm"})), "signature"),
        ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, "less than max"),
        ({"thinking": {"type": "disabled"}}, "Reasoning is mandatory"),
        ({"frequency_penalty": 1}, "frequency_penalty is not in its types"),
    ],
}


@pytest.mark.parametrize(
    ("protocol", "fields", "reason"),
    [
        pytest.param(protocol, fields, reason, id=f"{protocol}-{number}")
        for protocol, bodies in WRONG.items()
        for number, (fields, reason) in enumerate(bodies)
    ],
)
def test_wrong_request_is_refused_and_noted(
    server: OpenRouterServer,
    client: httpx.Client,
    protocol: str,
    fields: Json,
    reason: str,
) -> None:
    reply = post(client, protocol, **fields)
    assert reply.status_code == 400, reply.text
    assert re.search(re.escape(reason), reply.json()["error"]["message"])
    assert reply.json()["error"]["message"] in server.faults[0]
    server.faults.clear()


def test_body_that_is_no_json_is_refused(
    server: OpenRouterServer, client: httpx.Client
) -> None:
    assert client.post(PATHS["chat"], content=b"{").status_code == 400
    assert server.requests[0].body == b"{"
    assert server.faults
    server.faults.clear()


@every_protocol
@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({}, "Missing Authentication header"),
        ({"Authorization": "Bearer sk-or-v1-another"}, "User not found."),
    ],
)
def test_key_is_required(
    server: OpenRouterServer, protocol: str, headers: dict[str, str], message: str
) -> None:
    with httpx.Client(base_url=server.url, headers=headers) as client:
        reply = post(client, protocol)
    assert reply.status_code == 401
    assert reply.json()["error"]["message"] == message
    assert not server.faults


def test_messages_take_the_key_as_anthropic_sends_it(server: OpenRouterServer) -> None:
    headers = {"x-api-key": server.key}
    with httpx.Client(base_url=server.url, headers=headers) as client:
        assert post(client, "messages").status_code == 200
        assert post(client, "chat").status_code == 401


@every_protocol
def test_unknown_model_is_not_found(client: httpx.Client, protocol: str) -> None:
    reply = post(client, protocol, model="stepfun/step-99")
    assert reply.status_code == 404
    assert "stepfun/step-99" in reply.json()["error"]["message"]


@pytest.mark.parametrize(
    ("model", "part", "kind"),
    [
        (TEXT_ONLY, IMAGE, "image"),
        (
            WITHOUT_REASONING,
            {"type": "video_url", "video_url": {"url": "https://a.b/c"}},
            "video",
        ),
    ],
)
def test_media_the_model_does_not_take_find_no_endpoint(
    client: httpx.Client, model: str, part: Json, kind: str
) -> None:
    reply = post(client, "chat", model=model, messages=[by_user(TEXT, part)])
    assert reply.status_code == 404
    wanted = f"No endpoints found that support {kind} input"
    assert reply.json()["error"]["message"] == wanted


def test_files_are_read_for_models_that_take_none(client: httpx.Client) -> None:
    part = {"type": "file", "file": {"file_data": "https://a.b/c"}}
    reply = post(client, "chat", model=STEPFUN, messages=[by_user(TEXT, part)])
    assert reply.status_code == 200


def test_other_models_may_do_what_stepfun_may_not(client: httpx.Client) -> None:
    off = {"effort": "none"}
    assert post(client, "chat", model=TEXT_ONLY, reasoning=off).status_code == 200
    more: Json = {"verbosity": "low", "max_completion_tokens": 9}
    assert post(client, "chat", model=WITHOUT_REASONING, **more).status_code == 200
