"""Conversations against a real server: what is sent, kept, and left after a fault."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from dialogues import drain, say
from openrouter_server import (
    SIGNED,
    Call,
    OpenRouterServer,
    Received,
    Reply,
    answer,
    bad_json,
    cut,
    error,
    mid_stream_error,
    raw,
)
from stepmagic.conversation.dialogue import Dialogue
from stepmagic.errors import (
    AttachmentError,
    KeyMissing,
    RequestRefused,
    StepError,
    UnsupportedOption,
)
from stepmagic.server.options import Options
from stepmagic.settings import current
from stepmagic.transcript import (
    Cell,
    Image,
    Protocol,
    Reasoning,
    Video,
    user,
)
from stepmagic.transcript.events import Finish, Notice
from stepmagic.wire import PROTOCOLS


def said(request: Received) -> list[str]:
    """Return the visible texts of a request's history, in order, without the system."""
    body = request.body
    messages = body.get("messages") or body.get("input")
    texts = []
    for message in messages:
        if message.get("role") not in ("user", "assistant"):
            continue
        content = message["content"]
        parts = [{"text": content}] if isinstance(content, str) else content
        texts += [part["text"] for part in parts if "text" in part]
    return texts


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_follow_up_holds_both_turns_in_order(
    server: OpenRouterServer, ask_with: Callable[..., Options], protocol: Protocol
) -> None:
    talk = Dialogue()
    server.enqueue(answer("First."), answer("Second."))
    say(talk, "One?", ask_with(protocol))
    say(talk, "Two?", ask_with(protocol))
    assert said(server.requests[1]) == ["One?", "First.", "Two?"]
    assert [turn.text for turn in talk.turns] == ["First.", "Second."]


def reasoning_in(body: Any, protocol: Protocol) -> Any:
    """Return the reasoning that a request's history holds."""
    if protocol == "responses":
        return [item for item in body["input"] if item.get("type") == "reasoning"]
    (said,) = [one for one in body["messages"] if one["role"] == "assistant"]
    if protocol == "chat":
        return said["reasoning_details"]
    return [block for block in said["content"] if block["type"] == "thinking"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_reasoning_goes_back_unmodified(
    server: OpenRouterServer, ask_with: Callable[..., Options], protocol: Protocol
) -> None:
    talk = Dialogue()
    server.enqueue(answer("Four.", reasoning="Two and two."), answer("Five."))
    first = say(talk, "2+2?", ask_with(protocol))
    say(talk, "And one?", ask_with(protocol))
    assert first.replies[0].reasoning == "Two and two."
    sent = reasoning_in(server.requests[1].body, protocol)
    assert "Two and two." in str(sent)
    thought = first.replies[0].parts[0]
    assert isinstance(thought, Reasoning)
    kept = thought.provider_metadata["native"]
    assert sent == [kept]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_signed_reasoning_goes_home_and_nowhere_else(
    server: OpenRouterServer, ask_with: Callable[..., Options], protocol: Protocol
) -> None:
    talk = Dialogue()
    server.enqueue(answer("Four.", reasoning="Hm.", signature="c2lnbmVk"))
    say(talk, "2+2?", ask_with(protocol, model=SIGNED))
    say(talk, "Here?", ask_with(protocol, model=SIGNED))
    for other in PROTOCOLS:
        say(talk, "There?", ask_with(other))
    home, *abroad = server.requests[1:]
    assert "c2lnbmVk" in str(home.body)
    assert not any("c2lnbmVk" in str(request.body) for request in abroad)
    assert all(said(request)[:2] == ["2+2?", "Four."] for request in abroad)


def test_the_turn_is_in_the_tree_before_the_first_byte(
    server: OpenRouterServer, ask_with: Callable[..., Options]
) -> None:
    talk = Dialogue()
    server.enqueue(answer("slow", delay_s=0.3))
    cell = Cell(id="a", execution="1")
    stream = talk.send(user("Hm?"), ask_with(), cell=cell)
    while not server.requests:
        time.sleep(0.01)
    turn = stream.turn
    assert turn is not None
    assert turn.status == "running"
    assert turn.replies[0].status == "running"
    assert turn.cell == cell
    drain(stream)
    closed = stream.result()
    assert (closed.id, closed.status, closed.cell) == (turn.id, "complete", cell)


FAULTS = [
    error(400, "Invalid schema"),
    error(401, "User not found."),
    error(402, "Insufficient credits"),
    error(404, "No endpoints found"),
    error(503, headers={"retry-after": "0"}),
    cut(answer("one two three", reasoning=""), after=0),
    cut(answer("one two three four five six", reasoning="why"), after=6),
    cut(answer("one two three four five six", reasoning="why", signature="s"), after=2),
    mid_stream_error(answer("one two three four five six", reasoning="why"), after=7),
    bad_json(answer("one two three four five six", reasoning="why"), after=5),
]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("fault", FAULTS)
def test_after_any_fault_the_next_cell_works(
    server: OpenRouterServer,
    ask_with: Callable[..., Options],
    protocol: Protocol,
    fault: Reply,
) -> None:
    talk = Dialogue()
    server.enqueue(answer("First."), fault)
    say(talk, "One?", ask_with(protocol))
    server.default = fault
    with pytest.raises(StepError):
        say(talk, "Two?", ask_with(protocol))
    server.default = answer("Third.")
    assert say(talk, "Three?", ask_with(protocol)).text == "Third."
    texts = said(server.requests[-1])
    assert texts[:2] == ["One?", "First."]
    assert texts[-1] == "Three?"
    failed = [turn for turn in talk.tree.turns.values() if turn.status == "error"]
    assert len(failed) == 1
    assert failed[0].error
    if failed[0].text:
        assert failed[0].text in texts


def test_a_turn_that_got_nothing_is_set_aside_not_lost(
    server: OpenRouterServer, ask_with: Callable[..., Options]
) -> None:
    talk = Dialogue()
    server.enqueue(error(400, "no"))
    with pytest.raises(RequestRefused):
        say(talk, "Hello?", ask_with())
    assert talk.turns == []
    (failed,) = talk.tree.turns.values()
    assert failed.prompt.text == "Hello?"


def test_one_turn_in_flight_and_the_second_waits_visibly(
    server: OpenRouterServer, ask_with: Callable[..., Options]
) -> None:
    talk = Dialogue()
    server.enqueue(answer("one", delay_s=0.3), answer("two"))
    first = talk.send(user("First?"), ask_with())
    while not server.requests:
        time.sleep(0.01)
    second = drain(talk.send(user("Second?"), ask_with()))
    drain(first)
    assert isinstance(second[0], Notice)
    assert "waiting" in second[0].text
    assert said(server.requests[1]) == ["First?", "one", "Second?"]
    assert [turn.prompt.text for turn in talk.turns] == ["First?", "Second?"]


def test_two_conversations_stream_side_by_side(
    server: OpenRouterServer, ask_with: Callable[..., Options]
) -> None:
    server.enqueue(*[answer("slow", delay_s=0.5)] * 2)
    both = [Dialogue().send(user("Hi"), ask_with()) for _ in range(2)]
    for stream in both:
        drain(stream)
    first, second = server.requests
    assert first.answered_at is not None
    assert second.received_at < first.answered_at


def test_without_a_key_nothing_is_sent_and_the_ways_on_are_named(
    ask_with: Callable[..., Options], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENROUTER_API_KEY")
    current().base_url = "https://openrouter.ai/api/v1"
    (finish,) = drain(Dialogue().send(user("Hi"), ask_with()))
    assert isinstance(finish, Finish)
    assert isinstance(finish.error, KeyMissing)
    for way in ("%step key", "OPENROUTER_API_KEY", "%step model local"):
        assert way in str(finish.error)


def test_a_message_that_holds_the_key_is_not_sent(
    server: OpenRouterServer, ask_with: Callable[..., Options]
) -> None:
    talk = Dialogue()
    (finish,) = drain(talk.send(user(f"my key is {server.key}"), ask_with()))
    assert isinstance(finish, Finish)
    assert isinstance(finish.error, AttachmentError)
    assert server.key not in str(finish.error)
    assert not server.requests
    assert not talk.tree.turns


def test_what_a_protocol_or_model_cannot_carry_leaves_no_turn(
    server: OpenRouterServer, ask_with: Callable[..., Options]
) -> None:
    talk = Dialogue()
    video = Video(url="https://example.org/a.mp4")
    (finish,) = drain(talk.send(user(video, "What?"), ask_with("messages")))
    assert isinstance(finish, Finish)
    assert isinstance(finish.error, UnsupportedOption)
    assert not server.requests
    assert not talk.tree.turns


def test_images_reach_the_server_where_they_stand(
    server: OpenRouterServer, ask_with: Callable[..., Options]
) -> None:
    dot = Image(media_type="image/png", data=b"\x89PNG\r\n\x1a\n")
    for protocol in PROTOCOLS:
        drain(Dialogue().send(user("Is ", dot, " red?"), ask_with(protocol)))
        assert dot.base64 in str(server.requests[-1].body)


def test_the_list_price_stands_in_for_a_cost_that_is_not_said(
    server: OpenRouterServer, ask_with: Callable[..., Options]
) -> None:
    end = (
        b'data: {"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop"}'
        b'],"usage":{"prompt_tokens":1000,"completion_tokens":2000}}\n\n'
    )
    server.enqueue(raw(end))
    turn = say(Dialogue(), "Hi", ask_with())
    assert turn.usage is not None
    assert turn.usage.cost_usd == pytest.approx(1000 * 0.20e-6 + 2000 * 1.15e-6)


def test_starting_afresh_keeps_the_turns_on_a_branch(
    server: OpenRouterServer, ask_with: Callable[..., Options]
) -> None:
    talk = Dialogue()
    talk.start_afresh()
    assert list(talk.tree.heads) == ["main"]
    say(talk, "One?", ask_with())
    talk.start_afresh()
    say(talk, "Two?", ask_with())
    assert said(server.requests[1]) == ["Two?"]
    assert len(talk.tree.turns) == 2
    aside = next(head for name, head in talk.tree.heads.items() if name != "main")
    assert [turn.prompt.text for turn in talk.tree.path(aside)] == ["One?"]


def test_tool_calls_are_kept_as_parts_and_unanswered_ones_stay_home(
    server: OpenRouterServer, ask_with: Callable[..., Options]
) -> None:
    talk = Dialogue()
    server.enqueue(answer(tool_calls=[Call(name="look", arguments='{"at": "x"}')]))
    turn = say(talk, "Look!", ask_with())
    assert turn.finish_reason == "tool_calls"
    assert say(talk, "And?", ask_with()).status == "complete"
    assert "tool_calls" not in str(server.requests[1].body)
