"""The faults of the test server, as a client meets them on the wire."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator

import httpx
import pytest

from openrouter_server import (
    OpenRouterServer,
    Reply,
    answer,
    bad_json,
    cut,
    error,
    mid_stream_error,
    raw,
    stall,
)
from server_questions import PATHS, Json, every_protocol, payloads, post, question

LONG = "one two three four five six seven eight nine ten"


@every_protocol
@pytest.mark.parametrize("stream", [True, False])
def test_cut_closes_the_connection(
    server: OpenRouterServer, client: httpx.Client, protocol: str, *, stream: bool
) -> None:
    server.enqueue(cut(answer(LONG), after=3))
    heard, failure = heard_until_failure(client, protocol, stream=stream)
    assert isinstance(failure, httpx.RemoteProtocolError)
    assert heard.count(b"data: ") == (3 if stream else 0)
    assert len(heard) > 20
    assert server.requests[0].wait_until_over()
    assert server.requests[0].disconnected_at is None


@every_protocol
@pytest.mark.parametrize("stream", [True, False])
def test_stall_holds_the_connection_until_the_client_leaves(
    server: OpenRouterServer, client: httpx.Client, protocol: str, *, stream: bool
) -> None:
    server.enqueue(stall(answer(LONG), after=3))
    heard, failure = heard_until_failure(client, protocol, stream=stream, timeout=0.3)
    left_at = time.monotonic()
    assert isinstance(failure, httpx.ReadTimeout)
    assert heard.count(b"data: ") == (3 if stream else 0)
    assert server.requests[0].wait_until_over()
    disconnected_at = server.requests[0].disconnected_at
    assert disconnected_at is not None
    assert disconnected_at - left_at < 1


def heard_until_failure(
    client: httpx.Client, protocol: str, *, stream: bool, timeout: float = 5
) -> tuple[bytes, httpx.TransportError]:
    """Return what came of a reply, and what kept the rest from coming."""
    heard = b""
    asked = question(protocol, stream=stream)
    with client.stream("POST", PATHS[protocol], json=asked, timeout=timeout) as reply:
        assert reply.status_code == 200
        try:
            for piece in reply.iter_bytes():
                heard += piece
        except httpx.TransportError as failure:
            return heard, failure
    pytest.fail("the reply came to its end")


ERRORS_IN_STREAM = {
    "chat": lambda last: (last["error"], last["choices"][0]["finish_reason"]),
    "responses": lambda last: (last["response"]["error"], last["response"]["status"]),
    "messages": lambda last: (last["error"], last["type"]),
}


@every_protocol
def test_mid_stream_error_is_the_last_event(
    server: OpenRouterServer, client: httpx.Client, protocol: str
) -> None:
    server.enqueue(mid_stream_error(answer(LONG), after=4, message="It broke"))
    reply = post(client, protocol)
    frames = payloads(reply.text)
    assert len(frames) == 5
    fault, word = ERRORS_IN_STREAM[protocol](frames[-1])
    assert fault["message"] == "It broke"
    assert word in ("error", "failed")
    assert "[DONE]" not in reply.text


@every_protocol
def test_mid_stream_error_lies_in_a_whole_body_of_status_200(
    server: OpenRouterServer, client: httpx.Client, protocol: str
) -> None:
    server.enqueue(mid_stream_error(message="It broke"))
    reply = post(client, protocol, stream=False)
    assert reply.status_code == 200
    assert "It broke" in json.dumps(reply.json())


@every_protocol
def test_bad_json_is_one_event_of_many(
    server: OpenRouterServer, client: httpx.Client, protocol: str
) -> None:
    server.enqueue(bad_json(answer(LONG), after=2))
    lines = re.findall(r"^data: (.*)$", post(client, protocol).text, re.MULTILINE)
    wrong = [index for index, line in enumerate(lines[:-1]) if not is_json(line)]
    assert wrong == [2]
    assert len(lines) > 5


@every_protocol
def test_bad_json_body_is_half_a_body(
    server: OpenRouterServer, client: httpx.Client, protocol: str
) -> None:
    server.enqueue(bad_json())
    reply = post(client, protocol, stream=False)
    assert reply.status_code == 200
    assert not is_json(reply.text)


def is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(
    ("protocol", "body"),
    [
        ("chat", {"message": "Slow down", "code": 429}),
        ("responses", {"message": "Slow down", "code": 429}),
        ("messages", {"message": "Slow down", "type": "rate_limit_error"}),
    ],
)
def test_error_has_the_protocols_form(
    server: OpenRouterServer, client: httpx.Client, protocol: str, body: Json
) -> None:
    server.enqueue(error(429, "Slow down", headers={"Retry-After": "7"}))
    reply = post(client, protocol)
    assert reply.status_code == 429
    assert reply.headers["retry-after"] == "7"
    assert reply.json()["error"] == body


def test_error_carries_metadata(server: OpenRouterServer, client: httpx.Client) -> None:
    server.enqueue(
        error(
            503,
            error_type="provider_overloaded",
            provider="StepFun",
            metadata={"raw": "busy"},
        )
    )
    assert post(client, "chat").json()["error"]["metadata"] == {
        "error_type": "provider_overloaded",
        "provider_name": "StepFun",
        "raw": "busy",
    }


def test_error_body_may_be_any_json(
    server: OpenRouterServer, client: httpx.Client
) -> None:
    server.enqueue(error(502, body={"error": "as it is"}))
    assert post(client, "chat").json() == {"error": "as it is"}


def test_error_body_may_be_no_json(
    server: OpenRouterServer, client: httpx.Client
) -> None:
    server.enqueue(error(502, body=b"<html>Bad gateway</html>"))
    reply = post(client, "chat")
    assert reply.content == b"<html>Bad gateway</html>"
    assert reply.headers["content-type"] == "text/html"


def test_raw_bytes_are_sent_as_they_are(
    server: OpenRouterServer, client: httpx.Client
) -> None:
    server.enqueue(raw([b"data: 1\r", b"\n\r\n", b"\xff"], content_type="text/odd"))
    reply = post(client, "chat")
    assert reply.content == b"data: 1\r\n\r\n\xff"
    assert reply.headers["content-type"] == "text/odd"


def test_client_that_leaves_before_the_headers_is_noted(
    server: OpenRouterServer, client: httpx.Client
) -> None:
    server.enqueue(answer("late", delay_s=30))
    with pytest.raises(httpx.ReadTimeout):
        client.post(PATHS["chat"], json=question("chat"), timeout=0.2)
    assert server.requests[0].wait_until_over()
    assert server.requests[0].disconnected_at is not None


def test_client_that_leaves_in_mid_stream_is_noted(
    server: OpenRouterServer, client: httpx.Client
) -> None:
    server.enqueue(answer(LONG, pace_s=0.05))
    with client.stream("POST", PATHS["chat"], json=question("chat")) as reply:
        next(reply.iter_bytes())
    assert server.requests[0].wait_until_over()
    assert server.requests[0].disconnected_at is not None
    assert server.requests[0].answered_at is None


def test_client_that_stays_is_not_taken_for_gone(
    server: OpenRouterServer, client: httpx.Client
) -> None:
    post(client, "chat")
    assert server.requests[0].wait_until_over()
    assert server.requests[0].answered_at is not None
    assert server.requests[0].disconnected_at is None


def test_script_that_fails_is_a_fault(
    server: OpenRouterServer, client: httpx.Client
) -> None:
    def frames(_: object) -> Iterator[bytes]:
        yield b"data: 1\n\n"
        message = "the test is wrong"
        raise LookupError(message)

    server.enqueue(Reply(frames=frames))
    with pytest.raises(httpx.RemoteProtocolError):
        post(client, "chat")
    assert "the test is wrong" in server.faults[0]
    server.faults.clear()
