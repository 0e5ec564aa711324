"""Replies of the Chat Completions protocol."""

from __future__ import annotations

import json
from pathlib import Path

from chat_messages import answer, decoded, replayed, sent
from stepmagic.transcript import (
    user,
)
from stepmagic.transcript.events import assemble
from stepmagic.wire.chat import Decoder
from wire_events import FIXTURES


def frames(case: str) -> list[str]:
    """Return the data of the frames of a fixture."""
    text = Path(FIXTURES, "chat", case).read_text(encoding="utf-8")
    lines = text.split("\n")
    return [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]


def test_details_of_a_whole_reply_go_home_as_they_came() -> None:
    case = "reply_reasoning_openai_alternating.json"
    reply = json.loads(Path(FIXTURES, "chat", case).read_text(encoding="utf-8"))
    details = reply["choices"][0]["message"]["reasoning_details"]
    assert replayed(case)["reasoning_details"] == details


def test_signed_reasoning_that_was_cut_is_not_sent() -> None:
    parts = decoded("cut_in_signed_reasoning.sse")
    message = answer(*parts, status="error")
    assert sent(user("Hi"), message, user("Again"))[0]["content"] == [
        {"type": "text", "text": "Hi"},
        {"type": "text", "text": "Again"},
    ]


def test_signed_reasoning_stays_whole_where_the_answer_was_cut_behind_it() -> None:
    decoder = Decoder()
    events = []
    for frame in frames("reasoning_anthropic_empty_first_fragment.sse")[:4]:
        events += decoder.feed(frame)
    events += decoder.cut()
    message = answer(*assemble(events).parts, status="interrupted")
    form = sent(user("Hi"), message, user("Go on"))[1]
    assert form["content"] == "4"
    assert form["reasoning_details"][0]["signature"] == "EqQB"


def test_nothing_is_decoded_after_a_cut() -> None:
    decoder = Decoder()
    first, second, *_ = frames("cut_in_mid_frame.sse")
    decoder.feed(first)
    decoder.cut()
    assert decoder.feed(second) == []
