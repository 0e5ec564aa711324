"""Raw answers as they are recorded and played."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from openrouter_server import OpenRouterServer, Reply, answer, cut, raw
from server_questions import question
from stepmagic.errors import StreamCut
from stepmagic.keys import Key
from stepmagic.server.cassette.file import Recording
from stepmagic.server.cassette.recording import Player, Recorder
from stepmagic.server.http import Call, start
from stepmagic.settings import Limits

SSE = {"content-type": "text/event-stream"}


def call(server: OpenRouterServer, **more: Any) -> Call:
    return Call(
        url=f"{server.url}/chat/completions",
        body=question("chat", **more),
        key=Key(server.key, "the test"),
        limits=Limits(idle_s=60, retries=0),
    )


def read(opening: Any, call: Call) -> str:
    """Return the whole reply of a call."""

    async def work() -> str:
        async with opening(call) as response:
            return b"".join([chunk async for chunk in response.aiter_bytes()]).decode()

    return start(work()).result()


def recorded(server: OpenRouterServer, reply: Reply) -> tuple[str, Recording]:
    """Return what was read of a reply, and what was kept of it."""
    server.enqueue(reply)
    recorder = Recorder()
    came = read(recorder.opened, call(server))
    return came, recorder.whole()


@pytest.mark.parametrize("at_once", [True, False])
def test_what_is_played_is_what_came(
    server: OpenRouterServer, *, at_once: bool
) -> None:
    came, kept = recorded(server, answer("Grüße, \u2028 世界.", pace_s=0.01))
    player = Player(recording=kept, at_once=at_once)
    assert read(player.opened, Call(url="")) == came
    assert "Grüße" in came


def test_pieces_are_whole_lines_at_their_times(server: OpenRouterServer) -> None:
    _, kept = recorded(server, answer("one two three four", pace_s=0.05))
    assert len(kept.pieces) > 1
    assert all(text.endswith("\n") for _, text in kept.pieces)
    times = [at_s for at_s, _ in kept.pieces]
    assert times == sorted(times)
    assert times[-1] > times[0]


def test_a_line_in_two_reads_is_kept_whole(server: OpenRouterServer) -> None:
    """What must not be kept may lie across them."""
    halves = [b"data: sk-or-v1-", b"secret\n\n", b"data: [DONE]"]
    came, kept = recorded(server, raw(halves, pace_s=0.2))
    assert came == "data: sk-or-v1-secret\n\ndata: [DONE]"
    assert [text for _, text in kept.pieces] == [
        "data: sk-or-v1-secret\n\n",
        "data: [DONE]",
    ]


def test_of_the_headers_only_the_type_is_kept(server: OpenRouterServer) -> None:
    _, kept = recorded(server, answer())
    assert kept.headers.keys() == {"content-type"}
    assert kept.status == 200


def test_a_try_that_failed_is_forgotten(server: OpenRouterServer) -> None:
    server.enqueue(cut(answer("lost"), after=2), answer("kept"))
    recorder = Recorder()
    with pytest.raises(StreamCut):
        read(recorder.opened, call(server))
    read(recorder.opened, call(server))
    text = "".join(text for _, text in recorder.whole().pieces)
    assert ("kept" in text, "lost" in text) == (True, False)


def test_a_compressed_answer_is_kept_as_text(server: OpenRouterServer) -> None:
    body = gzip.compress(b'{"a": "b"}')
    reply = raw(
        body, content_type="application/json", headers={"content-encoding": "gzip"}
    )
    came, kept = recorded(server, reply)
    assert json.loads(came) == {"a": "b"}
    assert [text for _, text in kept.pieces] == ['{"a": "b"}']


def test_a_long_pause_is_played_short() -> None:
    kept = Recording(headers=SSE, pieces=((0.0, "a\n"), (1e9, "b\n"), (5.0, "c\n")))
    player = Player(recording=kept, at_once=False)
    assert read(player.opened, Call(url="")) == "a\nb\nc\n"
