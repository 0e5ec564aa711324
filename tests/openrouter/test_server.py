"""What the test server answers and records, as a client sees it on the wire."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from openrouter_server import (
    SIGNED,
    STEPFUN,
    TEXT_ONLY,
    Call,
    OpenRouterServer,
    Tokens,
    answer,
)
from paths import TESTS
from server_questions import Json, every_protocol, payloads, post, question

pytest_plugins = ["pytester"]

LONG = "one two three four five six seven eight nine ten"


@every_protocol
def test_script_is_played_in_order_and_then_the_default(
    server: OpenRouterServer, client: httpx.Client, protocol: str
) -> None:
    server.enqueue(answer("first"), answer("second"))
    server.default = answer("usual")
    bodies = [post(client, protocol, stream=False).text for _ in range(4)]
    said = [re.findall('"(first|second|usual)"', body) for body in bodies]
    assert said == [["first"], ["second"], ["usual"], ["usual"]]


@every_protocol
def test_stream_ends_with_done(
    server: OpenRouterServer, client: httpx.Client, protocol: str
) -> None:
    server.enqueue(answer("Hi", keep_alives=2))
    reply = post(client, protocol)
    assert reply.headers["content-type"] == "text/event-stream"
    assert len(re.findall("^:", reply.text, re.MULTILINE)) == 2
    assert reply.text.endswith("data: [DONE]\n\n")
    assert ("event: data\n" in reply.text) == (protocol == "messages")


@every_protocol
def test_generation_id_is_the_same_in_header_and_body(
    server: OpenRouterServer, client: httpx.Client, protocol: str
) -> None:
    server.enqueue(answer("Hi"))
    reply = post(client, protocol, stream=False)
    assert re.fullmatch(r"gen-\d{10}-\w{20}", reply.headers["x-generation-id"])
    assert reply.json()["id"] == reply.headers["x-generation-id"]


def test_chat_frames_have_the_shape_of_recorded_traffic(
    server: OpenRouterServer, client: httpx.Client
) -> None:
    server.enqueue(answer("Hi", reasoning="Hm", tool_calls=[Call(name="f")]))
    frames = payloads(post(client, "chat").text)
    assert {frame["provider"] for frame in frames} == {"StepFun"}
    choices = [frame["choices"][0] for frame in frames]
    assert {choice["delta"]["role"] for choice in choices} == {"assistant"}
    assert choices[0]["delta"]["reasoning"] == "Hm"
    assert choices[0]["delta"]["reasoning_details"] == [
        {"type": "reasoning.text", "text": "Hm", "format": "unknown", "index": 0}
    ]
    assert choices[0]["delta"]["content"] == ""
    assert choices[2]["delta"]["content"] is None
    assert [choice["finish_reason"] for choice in choices[-3:]] == [
        None,
        "tool_calls",
        "tool_calls",
    ]
    assert ["usage" in frame for frame in frames[-2:]] == [False, True]


@every_protocol
def test_usage_is_paid_at_the_price_of_the_model(
    server: OpenRouterServer, client: httpx.Client, protocol: str
) -> None:
    tokens = Tokens(prompt=1_000_000, completion=100_000, cached=500_000)
    server.enqueue(answer("Hi", usage=tokens))
    usage = post(client, protocol, stream=False).json()["usage"]
    assert usage["cost"] == pytest.approx(0.5 * 0.20 + 0.5 * 0.04 + 0.1 * 1.15)


@every_protocol
def test_signed_and_encrypted_reasoning_is_in_the_protocols_own_form(
    server: OpenRouterServer, client: httpx.Client, protocol: str
) -> None:
    sealed = answer("Hi", reasoning="Hm", signature="c2ln", encrypted="ZW5j")
    server.enqueue(sealed, sealed)
    for stream in (True, False):
        text = post(client, protocol, model=SIGNED, stream=stream).text
        assert '"signature":"c2ln"' in text
        assert "ZW5j" in text


def test_excluded_reasoning_is_not_shown(
    server: OpenRouterServer, client: httpx.Client
) -> None:
    server.enqueue(answer("Hi", reasoning="a secret thought"))
    reply = post(client, "chat", reasoning={"effort": "low", "exclude": True})
    assert "secret" not in reply.text


@pytest.mark.parametrize(
    ("reasoning", "thinks"), [({}, False), ({"reasoning": {"effort": "low"}}, True)]
)
def test_optional_reasoning_waits_to_be_asked_for(
    client: httpx.Client, reasoning: Json, *, thinks: bool
) -> None:
    reply = post(client, "chat", model=TEXT_ONLY, **reasoning)
    assert ('"reasoning":"' in reply.text) == thinks


@every_protocol
def test_tokens_per_frame(
    server: OpenRouterServer, client: httpx.Client, protocol: str
) -> None:
    server.enqueue(answer(LONG, reasoning=""))
    server.enqueue(answer(LONG, reasoning="", tokens_per_frame=5))
    counts = [len(payloads(post(client, protocol).text)) for _ in range(2)]
    assert counts[0] - counts[1] == 10 - 2


def test_pace_is_kept(server: OpenRouterServer, client: httpx.Client) -> None:
    server.enqueue(answer(LONG, reasoning="", pace_s=0.02))
    begun = time.monotonic()
    frames = payloads(post(client, "chat").text)
    # The first comment goes out at once, [DONE] last: as many pauses as frames.
    assert 0.02 * (len(frames) + 1) <= time.monotonic() - begun


def test_requests_are_recorded_in_order(
    server: OpenRouterServer, client: httpx.Client
) -> None:
    client.get("/models")
    client.post("/responses", json=question("responses"), headers={"X-Title": "T"})
    models, asked = server.requests
    assert (models.method, models.path) == ("GET", "/api/v1/models")
    assert (asked.method, asked.path) == ("POST", "/api/v1/responses")
    assert asked.body == question("responses")
    assert asked.headers["x-title"] == "T"
    assert models.received_at <= asked.received_at


def test_models_need_no_key_and_key_does(server: OpenRouterServer) -> None:
    assert httpx.get(f"{server.url}/models").json()["data"][0]["id"] == STEPFUN
    reply = httpx.get(f"{server.url}/key")
    assert reply.status_code == 401
    missing = {"message": "Missing Authentication header", "code": 401}
    assert reply.json() == {"error": missing}


def test_fixture_fails_the_test_that_sent_a_wrong_request(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(
        """
        import httpx

        def ask(server):
            key = {"Authorization": f"Bearer {server.key}"}
            body = {"model": "stepfun/step-3.7-flash", "messages": []}
            httpx.post(f"{server.url}/chat/completions", headers=key, json=body)

        def test_wrong(server):
            ask(server)

        def test_wrong_on_purpose(server):
            ask(server)
            server.faults.clear()
        """
    )
    result = pytester.runpytest("-p", "server_fixtures")
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*must be the user's*"])


@contextmanager
def serving(*options: str) -> Iterator[subprocess.Popen[str]]:
    """Run the server in a process of its own, which ends with its input."""
    with subprocess.Popen(  # noqa: S603 - our own server
        [sys.executable, "-m", "openrouter_server", *options],
        cwd=TESTS,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        process.communicate(timeout=10)
    assert process.returncode == 0


def told(process: subprocess.Popen[str], line: Json | None = None) -> Any:
    """Return the next line of the server, after a line to it."""
    assert process.stdin is not None
    assert process.stdout is not None
    if line is not None:
        process.stdin.write(json.dumps(line) + "\n")
        process.stdin.flush()
    return json.loads(process.stdout.readline())


def said(where: Json) -> list[str]:
    """Ask a server of another process, and return the tokens that it streamed."""
    reply = httpx.post(
        f"{where['url']}/chat/completions",
        headers={"Authorization": f"Bearer {where['key']}"},
        json=question("chat", model=where["model"]),
        timeout=20,
    )
    deltas = [frame["choices"][0]["delta"] for frame in payloads(reply.text)]
    return [delta["content"] for delta in deltas if delta["content"]]


def test_a_process_serves_paced_streams_and_reports_when_they_were_written() -> None:
    with serving("--tokens=100", "--rate=1000") as process:
        assert len(said(told(process))) == 100
        where = told(process, {"text": LONG, "rate": 100})
        assert where["tokens"] == 10
        asked_at = time.monotonic()
        assert "".join(said(where)) == LONG
        [(began, ended)] = told(process, {"url": where["url"]})
        assert asked_at < began < ended < time.monotonic()
