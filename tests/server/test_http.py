"""The transport against a real server: retries, timeouts, faults, cancelling, fork."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from typing import Any

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
from stepmagic.errors import (
    ConnectionFailed,
    ContentRefused,
    ContextTooLong,
    CreditExhausted,
    KeyRefused,
    ModelNotFound,
    ProtocolError,
    RequestRefused,
    ServerOverloaded,
    SettingError,
    StreamCut,
    StreamFailed,
    StreamStalled,
)
from stepmagic.keys import Key
from stepmagic.server import http as transport
from stepmagic.server.http import Call, Exchange, fetch_json, start, wait_before
from stepmagic.settings import Limits
from stepmagic.transcript import Protocol, Text, user
from stepmagic.transcript.events import Assembly, Finish, Retry, StreamEvent
from stepmagic.wire import PROTOCOLS, Request, codec

MODEL = "stepfun/step-3.7-flash"
QUICK = Limits(connect_s=5, idle_s=5, retries=2)


def call(
    server: OpenRouterServer,
    protocol: Protocol = "chat",
    *,
    limits: Limits = QUICK,
    stream: bool = True,
    key: Key | None = None,
) -> Call:
    """Return a right request."""
    request = Request(
        model=MODEL,
        messages=(user("Hello"),),
        reasoning={"effort": "low"},
        parameters={"max_tokens": 500},
        stream=stream,
    )
    form = codec(protocol)
    return Call(
        url=server.url + form.path,
        body=form.encode(request),
        key=key or Key(server.key, "the test"),
        limits=limits,
    )


def exchange(asked: Call, protocol: Protocol = "chat") -> list[StreamEvent]:
    """Return all events of one exchange."""

    async def read() -> list[StreamEvent]:
        events = Exchange(asked, codec(protocol).decoder).events()
        return [event async for event in events]

    return start(read()).result(timeout=30)


def folded(events: list[StreamEvent]) -> tuple[str, Finish]:
    """Return the visible text and the end."""
    assembly = Assembly()
    for event in events:
        assembly.feed(event)
    assert assembly.finish is events[-1]
    texts = [part.text for part in assembly.parts if isinstance(part, Text)]
    return "".join(texts), assembly.finish


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_answer_comes_whole(
    server: OpenRouterServer, protocol: Protocol, *, stream: bool
) -> None:
    server.enqueue(answer("**Yes**, \u2028 of course."))
    events = exchange(call(server, protocol, stream=stream), protocol)
    text, finish = folded(events)
    assert text == "**Yes**, \u2028 of course."
    assert (finish.reason, finish.error) == ("stop", None)


def test_a_stream_is_utf_8_and_may_open_with_a_bom(server: OpenRouterServer) -> None:
    frame = (
        '{"choices":[{"index":0,"delta":{"content":"\u00e9"},"finish_reason":"stop"}]}'
    )
    stream = f"\ufeffdata: {frame}\n\n".encode()
    server.enqueue(raw(stream, content_type="text/event-stream; charset=latin-1"))
    assert folded(exchange(call(server)))[0] == "\u00e9"


def test_connections_are_kept_alive(server: OpenRouterServer) -> None:
    for _ in range(3):
        exchange(call(server))
    ports = {request.client_port for request in server.requests}
    assert len(ports) == 1


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 529])
def test_overload_is_tried_again_and_shown(
    server: OpenRouterServer, status: int
) -> None:
    server.enqueue(error(status, headers={"retry-after": "0"}), answer("fine"))
    events = exchange(call(server))
    retry = events[0]
    assert isinstance(retry, Retry)
    assert (retry.attempt, retry.attempts) == (2, 3)
    assert isinstance(retry.error, ServerOverloaded)
    assert retry.error.status == status
    assert folded(events)[0] == "fine"


def test_tries_end_with_the_last_error(server: OpenRouterServer) -> None:
    server.enqueue(*[error(503, headers={"retry-after": "0"})] * 3)
    events = exchange(call(server))
    assert [type(event) for event in events] == [Retry, Retry, Finish]
    assert isinstance(folded(events)[1].error, ServerOverloaded)
    assert len(server.requests) == 3


def test_waits_as_long_as_the_server_asks(server: OpenRouterServer) -> None:
    server.enqueue(error(429, headers={"retry-after": "0.3"}), answer("fine"))
    events = exchange(call(server))
    first, second = server.requests
    assert isinstance(events[0], Retry)
    assert events[0].wait_s == 0.3
    assert second.received_at - first.received_at >= 0.3


def test_a_long_retry_after_is_not_waited_for(server: OpenRouterServer) -> None:
    server.enqueue(error(429, headers={"retry-after": "3600"}))
    events = exchange(call(server))
    (finish,) = events
    assert isinstance(finish, Finish)
    assert isinstance(finish.error, ServerOverloaded)
    assert finish.error.retry_after_s == 3600


def test_waits_without_retry_after_grow_with_jitter() -> None:
    overloaded = ServerOverloaded("busy")
    first = {wait_before(1, overloaded) for _ in range(20)}
    fifth = {wait_before(9, overloaded) for _ in range(20)}
    assert len(first) > 1
    assert max(first) <= 0.5
    assert 4 <= min(fifth) <= max(fifth) <= 8


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (error(400, "Invalid schema"), RequestRefused),
        (error(400, "maximum context length is 256000 tokens"), ContextTooLong),
        (error(401, "User not found."), KeyRefused),
        (error(402, "Insufficient credits"), CreditExhausted),
        (error(403, "flagged", metadata={"reasons": ["violence"]}), ContentRefused),
        (error(404, "No endpoints found"), ModelNotFound),
        (error(413, "too large"), ContextTooLong),
        (error(422, body=b"<html>no</html>"), RequestRefused),
    ],
)
def test_refusals_are_not_tried_again(
    server: OpenRouterServer, reply: Reply, kind: type[RequestRefused]
) -> None:
    server.enqueue(reply)
    (finish,) = exchange(call(server))
    assert isinstance(finish, Finish)
    assert type(finish.error) is kind
    assert len(server.requests) == 1


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (cut, StreamCut),
        (mid_stream_error, StreamFailed),
        (bad_json, ProtocolError),
    ],
)
def test_a_broken_stream_keeps_its_text_and_is_not_tried_again(
    server: OpenRouterServer,
    protocol: Protocol,
    fault: Callable[..., Reply],
    kind: type[StreamFailed],
) -> None:
    whole = "one two three four five six seven eight nine ten"
    server.enqueue(fault(answer(whole, reasoning="", tokens_per_frame=1), after=9))
    text, finish = folded(exchange(call(server, protocol), protocol))
    assert text
    assert whole.startswith(text)
    assert finish.reason == "error"
    assert isinstance(finish.error, kind)
    assert len(server.requests) == 1


def test_an_error_before_the_first_token_is_tried_again(
    server: OpenRouterServer,
) -> None:
    server.enqueue(mid_stream_error(after=0), answer("fine"))
    events = exchange(call(server))
    assert isinstance(events[0], Retry)
    assert folded(events)[0] == "fine"


def test_a_stream_that_falls_silent_is_given_up(server: OpenRouterServer) -> None:
    words = answer("one two three", reasoning="", tokens_per_frame=1)
    server.enqueue(stall(words, after=3))
    limits = Limits(idle_s=0.3, retries=2)
    text, finish = folded(exchange(call(server, limits=limits)))
    assert isinstance(finish.error, StreamStalled)
    assert "0.3 s" in str(finish.error)
    assert text
    assert server.requests[0].wait_until_over()
    assert server.requests[0].disconnected_at is not None


def test_keep_alives_hold_the_idle_timeout_off(server: OpenRouterServer) -> None:
    server.enqueue(answer("late", keep_alives=12, pace_s=0.2))
    limits = Limits(idle_s=1.5, retries=0)
    assert folded(exchange(call(server, limits=limits)))[0] == "late"


def test_the_total_timeout_ends_a_stream_that_never_ends(
    server: OpenRouterServer,
) -> None:
    server.enqueue(answer("word " * 500, tokens_per_frame=1, pace_s=0.01))
    limits = Limits(total_s=0.4, retries=2)
    text, finish = folded(exchange(call(server, limits=limits)))
    assert isinstance(finish.error, StreamStalled)
    assert "total_timeout_s" in str(finish.error)
    assert 0 < len(text) < 2500


def test_cancelling_closes_the_connection(server: OpenRouterServer) -> None:
    server.enqueue(answer("word " * 2000, tokens_per_frame=1, pace_s=0.005))
    asked = Exchange(call(server), codec("chat").decoder)
    begun = asyncio.Event()

    async def read() -> None:
        async for _ in asked.events():
            begun.set()

    async def stop() -> list[StreamEvent]:
        task = asyncio.create_task(read())
        await begun.wait()
        task.cancel()
        await asyncio.wait([task])
        return asked.cut()

    ends = start(stop()).result(timeout=10)
    assert server.requests[0].wait_until_over()
    assert server.requests[0].disconnected_at is not None
    assert ends


def test_a_server_that_is_not_there_is_tried_again_then_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    asked = Call(url=f"http://127.0.0.1:{port}/chat", body={}, limits=Limits(retries=1))
    retry, finish = exchange(asked)
    assert isinstance(retry, Retry)
    assert isinstance(finish, Finish)
    assert isinstance(finish.error, ConnectionFailed)
    assert f"http://127.0.0.1:{port}/" in str(finish.error)
    assert "base_url" in str(finish.error)


@pytest.mark.parametrize("url", ["nonsense", "ftp://example.org/chat", "http://[::1"])
def test_an_address_that_is_none_is_said_so(url: str) -> None:
    (finish,) = exchange(Call(url=url, body={}, limits=Limits(retries=0)))
    assert isinstance(finish, Finish)
    assert isinstance(finish.error, ConnectionFailed)
    assert "base_url" in str(finish.error)


def test_the_key_goes_out_once_and_never_comes_back(server: OpenRouterServer) -> None:
    quoted = f"key {server.key} is wrong"
    server.enqueue(
        error(401, quoted),
        mid_stream_error(answer("a b c"), after=6, message=quoted),
        raw(f"no json, but {server.key}".encode()),
        raw(quoted.encode(), content_type="text/html"),
    )
    for _ in range(4):
        events = exchange(call(server, limits=Limits(retries=0)))
        assert server.key not in repr(events)
        assert server.key not in str(folded(events)[1].error)
    header = f"Bearer {server.key}"
    assert all(r.headers["authorization"] == header for r in server.requests)


def test_a_key_that_cannot_be_one_is_refused_before_it_is_sent(
    server: OpenRouterServer,
) -> None:
    key = Key("sk-or-v1-\u201cquoted\u201d-by-a-word-processor", "the test")
    (finish,) = exchange(call(server, key=key))
    assert isinstance(finish, Finish)
    assert isinstance(finish.error, SettingError)
    assert not server.requests


def test_json_is_fetched(server: OpenRouterServer) -> None:
    models = start(fetch_json(Call(url=f"{server.url}/models"))).result(timeout=10)
    assert MODEL in {row["id"] for row in models["data"]}


def test_fetching_refusals_raise(server: OpenRouterServer) -> None:
    wrong = Call(url=f"{server.url}/key", key=Key("sk-or-v1-wrong", "the test"))
    with pytest.raises(KeyRefused):
        start(fetch_json(wrong)).result(timeout=10)
    with pytest.raises(ModelNotFound):
        start(fetch_json(Call(url=f"{server.url}/nothing"))).result(timeout=10)


def test_fetching_what_is_no_json_says_so(server: OpenRouterServer) -> None:
    server.enqueue(raw(b"<html>", content_type="text/html"))
    asked = call(server)
    with pytest.raises(ProtocolError, match="base_url"):
        start(fetch_json(asked)).result(timeout=10)


def test_a_forked_child_asks_on_its_own(server: OpenRouterServer) -> None:
    exchange(call(server))
    parent = transport.background()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            own = transport.background() is not parent
            text, _ = folded(exchange(call(server)))
            status = 0 if own and text else 2
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert transport.background() is parent
    assert folded(exchange(call(server)))[0]


def test_closing_ends_the_thread_and_the_next_request_starts_anew(
    server: OpenRouterServer,
) -> None:
    exchange(call(server))
    before = transport.background()
    transport.close()
    before.close()
    assert before.loop.is_closed()
    assert folded(exchange(call(server)))[0]
    assert transport.background() is not before


def test_a_fault_of_the_reader_is_not_hidden(server: OpenRouterServer) -> None:
    def broken() -> Any:
        message = "a decoder that cannot be made"
        raise RuntimeError(message)

    with pytest.raises(RuntimeError, match="cannot be made"):
        Exchange(call(server), broken)


def test_an_exchange_that_was_never_read_has_nothing_open(
    server: OpenRouterServer,
) -> None:
    unread = Exchange(call(server), codec("chat").decoder)
    assert unread.cut() == []
