"""The official SDKs talk to the test server, through real sockets.

What they cannot read the server must not write, so this is what makes it a look-alike.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import anthropic
import openai
import pytest
from openrouter.errors import OpenRouterError

from openrouter import OpenRouter
from openrouter_server import (
    MODELS,
    STEPFUN,
    WITHOUT_REASONING,
    Call,
    OpenRouterServer,
    Tokens,
    answer,
    error,
    mid_stream_error,
)

Json: TypeAlias = dict[str, Any]

PROMPT = "Which month is the outlier?"
LOOK = Call(name="look", arguments='{"month": 3}', id="call_1")
PRICE_USD = 0.000_041_5
"""Of 12 tokens in at $0.20 a million and 34 out at $1.15."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What a client made of an answer."""

    text: str
    reasoning: str
    calls: tuple[tuple[str, str], ...] = ()
    """Name and arguments."""
    tokens: tuple[int, int]
    """In and out."""
    cost_usd: float


Ask: TypeAlias = Callable[..., Heard]


def ask_openrouter_chat(
    server: OpenRouterServer, *, stream: bool, **more: Any
) -> Heard:
    asked: Json = {
        "model": STEPFUN,
        "messages": [{"role": "user", "content": PROMPT}],
        **more,
    }
    with openrouter_client(server) as client:
        if not stream:
            return chat_reply(plain(client.chat.send(**asked)))
        with client.chat.send(**asked, stream=True) as events:
            return chat_stream([plain(event) for event in events])


def ask_openrouter_responses(
    server: OpenRouterServer, *, stream: bool, **more: Any
) -> Heard:
    asked: Json = {"model": STEPFUN, "input": PROMPT, **more}
    with openrouter_client(server) as client:
        if not stream:
            return responses_reply(plain(client.responses.send(**asked)))
        with client.responses.send(**asked, stream=True) as events:
            return responses_stream([plain(event) for event in events])


def ask_openai_chat(server: OpenRouterServer, *, stream: bool, **more: Any) -> Heard:
    asked: Json = {
        "model": STEPFUN,
        "messages": [{"role": "user", "content": PROMPT}],
        **more,
    }
    with openai_client(server) as client:
        if not stream:
            return chat_reply(plain(client.chat.completions.create(**asked)))
        with client.chat.completions.create(**asked, stream=True) as events:
            return chat_stream([plain(event) for event in events])


def ask_openai_responses(
    server: OpenRouterServer, *, stream: bool, **more: Any
) -> Heard:
    asked: Json = {"model": STEPFUN, "input": PROMPT, **more}
    with openai_client(server) as client:
        if not stream:
            return responses_reply(plain(client.responses.create(**asked)))
        with client.responses.create(**asked, stream=True) as events:
            return responses_stream([plain(event) for event in events])


def ask_anthropic(server: OpenRouterServer, *, stream: bool, **more: Any) -> Heard:
    asked: Json = {
        "model": STEPFUN,
        "messages": [{"role": "user", "content": PROMPT}],
        "max_tokens": 1000,
        **more,
    }
    with anthropic.Anthropic(
        auth_token=server.key, base_url=server.url.removesuffix("/v1"), max_retries=0
    ) as client:
        if not stream:
            return messages_reply(plain(client.messages.create(**asked)))
        heard = []
        with client.messages.create(**asked, stream=True) as events:
            for event in events:
                heard.append(plain(event))
                # OpenRouter goes on with a [DONE] that this SDK takes for JSON.
                if event.type == "message_stop":
                    break
        return messages_stream(heard)


def openai_client(server: OpenRouterServer) -> openai.OpenAI:
    return openai.OpenAI(api_key=server.key, base_url=server.url, max_retries=0)


def openrouter_client(server: OpenRouterServer) -> OpenRouter:
    return OpenRouter(api_key=server.key, server_url=server.url, retry_config=None)


CLIENTS: dict[str, Ask] = {
    "openrouter-chat": ask_openrouter_chat,
    "openrouter-responses": ask_openrouter_responses,
    "openai-chat": ask_openai_chat,
    "openai-responses": ask_openai_responses,
    "anthropic-messages": ask_anthropic,
}
every_client = pytest.mark.parametrize("ask", CLIENTS.values(), ids=CLIENTS)
streamed_or_not = pytest.mark.parametrize("stream", [True, False])


@every_client
@streamed_or_not
def test_client_hears_all_of_an_answer(
    server: OpenRouterServer, ask: Ask, *, stream: bool
) -> None:
    server.enqueue(
        answer(
            "**March**, by far.",
            reasoning="Let me look at the months.",
            tool_calls=[LOOK],
            usage=Tokens(prompt=12, completion=34, reasoning=6),
        )
    )
    heard = ask(server, stream=stream)
    assert heard == Heard(
        text="**March**, by far.",
        reasoning="Let me look at the months.",
        calls=(("look", '{"month": 3}'),),
        tokens=(12, 34),
        cost_usd=PRICE_USD,
    )


@every_client
@streamed_or_not
def test_default_answer_reasons_where_the_model_does(
    server: OpenRouterServer, ask: Ask, *, stream: bool
) -> None:
    assert ask(server, stream=stream).reasoning
    assert not ask(server, stream=stream, model=WITHOUT_REASONING).reasoning


@every_client
@pytest.mark.parametrize("status", [401, 402, 404, 429, 503])
def test_http_error_reaches_the_client(
    server: OpenRouterServer, ask: Ask, status: int
) -> None:
    server.enqueue(error(status, "No luck"))
    refused = (openai.APIStatusError, anthropic.APIStatusError, OpenRouterError)
    with pytest.raises(refused, match="No luck") as caught:
        ask(server, stream=True)
    assert caught.value.status_code == status  # type: ignore[attr-defined] # all have it


def test_error_in_mid_stream_reaches_openai_chat(server: OpenRouterServer) -> None:
    server.enqueue(mid_stream_error(message="It broke"))
    with pytest.raises(openai.APIError, match="It broke"):
        ask_openai_chat(server, stream=True)


def test_error_in_mid_stream_reaches_anthropic(server: OpenRouterServer) -> None:
    server.enqueue(mid_stream_error(message="It broke", status=529))
    with pytest.raises(anthropic.APIStatusError, match=r"overloaded_error.*It broke"):
        ask_anthropic(server, stream=True)


@pytest.mark.parametrize("sdk", ["openrouter", "openai"])
def test_error_in_mid_stream_is_an_event_of_responses(
    server: OpenRouterServer, sdk: str
) -> None:
    server.enqueue(mid_stream_error(message="It broke"))
    asked: Json = {"model": STEPFUN, "input": PROMPT, "stream": True}
    with openai_client(server) as client, openrouter_client(server) as router:
        doors: dict[str, Any] = {
            "openai": client.responses.create,
            "openrouter": router.responses.send,
        }
        with doors[sdk](**asked) as events:
            last = plain(list(events)[-1])
    assert last["type"] == "response.failed"
    assert last["response"]["error"]["message"] == "It broke"


@streamed_or_not
def test_logprobs_come_where_they_are_asked_for(
    server: OpenRouterServer, *, stream: bool
) -> None:
    server.default = answer("two words")
    asked: Json = {
        "model": STEPFUN,
        "messages": [{"role": "user", "content": PROMPT}],
        "logprobs": True,
        "top_logprobs": 2,
    }
    with openai_client(server) as client:
        if stream:
            with client.chat.completions.create(**asked, stream=True) as events:
                choices = [plain(event)["choices"][0] for event in events]
        else:
            reply = plain(client.chat.completions.create(**asked))
            choices = reply["choices"]
    scores = [
        score
        for choice in choices
        for score in (choice.get("logprobs") or {}).get("content") or ()
    ]
    assert [score["token"] for score in scores] == ["two", " words"]
    assert all(len(score["top_logprobs"]) == 2 for score in scores)


def test_models_are_in_the_sdk_types(server: OpenRouterServer) -> None:
    with openrouter_client(server) as client:
        models = {model.id: model for model in client.models.list().result.data}
    assert models.keys() == MODELS.keys()
    stepfun = models[STEPFUN]
    assert stepfun.context_length == 256_000
    assert stepfun.reasoning is not None
    assert stepfun.reasoning.mandatory
    assert stepfun.reasoning.supported_efforts == ["high", "medium", "low"]
    assert stepfun.architecture.input_modalities == ["text", "image", "video"]


# The SDK itself reads two fields of its own type that it calls deprecated.
@pytest.mark.filterwarnings("ignore:.*DEPRECATED.*:DeprecationWarning")
def test_key_is_in_the_sdk_types(server: OpenRouterServer) -> None:
    with openrouter_client(server) as client:
        key = client.api_keys.get_current_key_metadata()
    assert key.data.limit_remaining == 7.5


def plain(value: Any) -> Json:
    """Return an SDK's object as JSON; what its types do not have it has dropped."""
    form: Json = value.model_dump(mode="json", by_alias=True)
    return form


def chat_reply(reply: Json) -> Heard:
    message = reply["choices"][0]["message"]
    calls = [call["function"] for call in message.get("tool_calls") or ()]
    return Heard(
        text=message["content"] or "",
        reasoning=message.get("reasoning") or "",
        calls=tuple((call["name"], call["arguments"]) for call in calls),
        tokens=(reply["usage"]["prompt_tokens"], reply["usage"]["completion_tokens"]),
        cost_usd=reply["usage"]["cost"],
    )


def chat_stream(chunks: list[Json]) -> Heard:
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    details = [
        detail for delta in deltas for detail in delta.get("reasoning_details") or ()
    ]
    reasoning = "".join(delta.get("reasoning") or "" for delta in deltas)
    assert reasoning == "".join(detail["text"] for detail in details)
    calls: dict[int, list[str]] = {}
    for delta in deltas:
        for call in delta.get("tool_calls") or ():
            named = calls.setdefault(call["index"], [call["function"].get("name"), ""])
            named[1] += call["function"]["arguments"]
    return Heard(
        text="".join(delta.get("content") or "" for delta in deltas),
        reasoning=reasoning,
        calls=tuple((name, arguments) for name, arguments in calls.values()),
        tokens=(
            chunks[-1]["usage"]["prompt_tokens"],
            chunks[-1]["usage"]["completion_tokens"],
        ),
        cost_usd=chunks[-1]["usage"]["cost"],
    )


def responses_reply(reply: Json) -> Heard:
    items = reply["output"]
    said = [item["content"][0]["text"] for item in items if item["type"] == "message"]
    thought = [i["content"][0]["text"] for i in items if i["type"] == "reasoning"]
    calls = [item for item in items if item["type"] == "function_call"]
    return Heard(
        text="".join(said),
        reasoning="".join(thought),
        calls=tuple((call["name"], call["arguments"]) for call in calls),
        tokens=(reply["usage"]["input_tokens"], reply["usage"]["output_tokens"]),
        cost_usd=reply["usage"]["cost"],
    )


def responses_stream(events: list[Json]) -> Heard:
    def joined(kind: str) -> str:
        return "".join(e["delta"] for e in events if e["type"] == f"{kind}.delta")

    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    heard = responses_reply(events[-1]["response"])
    assert heard.text == joined("response.output_text")
    assert heard.reasoning == joined("response.reasoning_text")
    arguments = joined("response.function_call_arguments")
    assert arguments == "".join(arguments for _, arguments in heard.calls)
    return heard


def messages_reply(reply: Json) -> Heard:
    def joined(kind: str) -> str:
        return "".join(block[kind] for block in reply["content"] if kind in block)

    calls = [block for block in reply["content"] if block["type"] == "tool_use"]
    return Heard(
        text=joined("text"),
        reasoning=joined("thinking"),
        calls=tuple((call["name"], json.dumps(call["input"])) for call in calls),
        tokens=(reply["usage"]["input_tokens"], reply["usage"]["output_tokens"]),
        cost_usd=reply["usage"]["cost"],
    )


def messages_stream(events: list[Json]) -> Heard:
    def joined(kind: str) -> str:
        return "".join(delta.get(kind) or "" for delta in deltas)

    deltas = [e["delta"] for e in events if e["type"] == "content_block_delta"]
    starts = [e["content_block"] for e in events if e["type"] == "content_block_start"]
    names = [block["name"] for block in starts if block["type"] == "tool_use"]
    usage = next(e["usage"] for e in events if e["type"] == "message_delta")
    return Heard(
        text=joined("text"),
        reasoning=joined("thinking"),
        calls=tuple((name, joined("partial_json")) for name in names),
        tokens=(usage["input_tokens"], usage["output_tokens"]),
        cost_usd=usage["cost"],
    )
