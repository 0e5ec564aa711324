"""Questions with a cassette in: what is played, asked, recorded, and what a miss says.

Every kind of request against the server on a loopback socket; then with no server and
no key at all.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from cassettes import ask, lines
from openrouter_server import (
    SIGNED,
    Call,
    OpenRouterServer,
    answer,
    bad_json,
    cut,
    error,
    mid_stream_error,
)
from rows import echo
from stepmagic import batch, step
from stepmagic.ask import single
from stepmagic.conversation.dialogue import Dialogue
from stepmagic.errors import (
    AttachmentError,
    CassetteMiss,
    ConnectionFailed,
    CostLimitReached,
    KeyMissing,
    StepError,
)
from stepmagic.schema.tools import tool
from stepmagic.server.cassette.endpoint import ReplayEndpoint
from stepmagic.server.cassette.mode import place
from stepmagic.server.catalogue import Catalogue
from stepmagic.server.endpoint import find_endpoint
from stepmagic.server.http import start
from stepmagic.server.options import Overrides, build_request, resolve
from stepmagic.settings import current
from stepmagic.transcript import Image, Protocol, Turn, user
from stepmagic.transcript.events import Finish, Notice, PartDelta, StreamEvent
from stepmagic.wire import PROTOCOLS, codec


def told(turn: Turn) -> Any:
    """Return all of a turn but its times and its price."""
    assert turn.usage is not None
    usage = replace(turn.usage, cost_usd=None)
    return turn.messages, turn.status, turn.finish_reason, usage, turn.model


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_conversation_is_replayed_without_key_or_network(
    server: OpenRouterServer,
    path: Path,
    alone: Any,
    protocol: Protocol,
    *,
    stream: bool,
) -> None:
    """Its reasoning goes back and is part of what is asked next."""
    server.enqueue(answer("Four.", reasoning="Two and two."), answer("Five."))
    turns = []
    for round_ in ("recorded", "replayed"):
        talk = Dialogue()
        asked = {"api": protocol, "stream": stream}
        turns.append([told(ask(talk, text, **asked)) for text in ("2+2?", "And one?")])
        if round_ == "recorded":
            alone()
    assert turns[0] == turns[1]
    assert [turn[0][1].text for turn in turns[1]] == ["Four.", "Five."]
    assert len(server.requests) == 2
    assert server.key not in path.read_text("utf-8")
    assert "authorization" not in path.read_text("utf-8").lower()


def test_signed_reasoning_survives_a_replay(
    server: OpenRouterServer, path: Path, alone: Any
) -> None:
    asked = {"api": "messages", "model": SIGNED}
    server.enqueue(answer("Four.", reasoning="Hm.", signature="c2ln"), answer("Five."))
    for _ in range(2):
        talk = Dialogue()
        assert ask(talk, "2+2?", **asked).text == "Four."
        assert ask(talk, "And one?", **asked).text == "Five."
        if len(server.requests) == 2 and current().cassette_mode == "auto":
            alone()
    assert len(server.requests) == 2
    assert path.exists()


FAULTS = [
    error(400, "Invalid schema"),
    error(503, headers={"retry-after": "0"}),
    cut(answer("one two three four five six"), after=4),
    mid_stream_error(answer("one two three four five six"), after=4),
    bad_json(answer("one two three four five six"), after=4),
]


@pytest.mark.parametrize("fault", FAULTS, ids=range(len(FAULTS)))
def test_what_did_not_come_to_its_end_is_not_recorded(
    server: OpenRouterServer, path: Path, fault: Any
) -> None:
    server.enqueue(fault, fault)
    with pytest.raises(StepError):
        step("One?", once=True)
    assert not path.exists()
    server.reset()
    server.enqueue(answer("Yes."))
    assert step("One?", once=True).text == "Yes."
    assert place().endswith("1 answer")


def test_of_several_tries_the_one_that_succeeded_is_recorded(
    server: OpenRouterServer, path: Path, alone: Any
) -> None:
    server.enqueue(error(503, headers={"retry-after": "0"}), answer("Yes."))
    step("One?", once=True)
    alone()
    assert step("One?", once=True).text == "Yes."
    assert "503" not in str(lines(path)[-1]["status"])


def test_a_stopped_answer_is_not_recorded(server: OpenRouterServer, path: Path) -> None:
    server.enqueue(answer("one two three four five six", pace_s=0.5))
    talk = Dialogue()
    options = resolved()
    with talk.send(user("One?"), options) as stream:
        for event in stream:
            if isinstance(event, PartDelta):
                break
    assert talk.turns[-1].status == "interrupted"
    assert not path.exists()


def resolved(**line: Any) -> Any:
    settings = current()
    catalogue = Catalogue(settings.base_url)
    return resolve(settings, catalogue, Overrides(), Overrides(**line))


def test_a_miss_says_what_differs_and_changes_nothing(path: Path, alone: Any) -> None:
    talk = Dialogue()
    ask(talk, "What is 2+2?")
    alone()
    with pytest.raises(CassetteMiss) as raised:
        ask(talk, "And 3+3?", temperature=0.5, model="a/b")
    assert len(talk.tree.turns) == 1
    first, *rest = str(raised.value).splitlines()
    assert first == (
        "notes.jsonl has no answer to this question. The nearest recorded question "
        "differs:"
    )
    assert rest == [
        '  model: "a/b", recorded with "stepfun/step-3.7-flash"',
        "  temperature: 0.5, recorded with none",
        '  reasoning: none, recorded with {"effort": "medium"}',
        "  4 messages, recorded with 2",
        "`%step cassette auto` asks, and records the answer.",
    ]
    assert path.exists()


def test_without_a_key_the_ways_on_are_named(path: Path, alone: Any) -> None:
    step("What is 2+2?", once=True)
    alone("auto")
    with pytest.raises(KeyMissing) as raised:
        step("What is 2+3?", once=True)
    said = str(raised.value)
    for way in ("`%step key`", "`%step model local`", "`%step cassette FILE`"):
        assert way in said
    assert "'What is 2+3?', recorded with 'What is 2+2?'" in said
    current().cassette = ""
    with pytest.raises(KeyMissing, match="Three ways on: `%step key` enters one"):
        step("What is 2+3?", once=True)
    assert path.exists()


def test_the_model_on_this_machine_is_not_started_to_replay(
    server: OpenRouterServer, path: Path, alone: Any
) -> None:
    """A file recorded with it is known by the name that the user gave."""
    step("Hi", once=True)
    text = path.read_text("utf-8")
    assert '"model": "stepfun/step-3.7-flash"' in text
    alone()
    with pytest.raises(CassetteMiss, match='model: "local/smollm2", recorded with'):
        step("Hi", once=True, model="local")
    assert len(server.requests) == 1


def test_a_server_that_is_not_there_is_said(path: Path) -> None:
    current().base_url = "http://127.0.0.1:9/api/v1"
    with pytest.raises(ConnectionFailed):
        step("Hi", once=True)
    assert not path.exists()


def test_what_cannot_be_written_costs_no_answer(
    server: OpenRouterServer, tmp_path: Path, path: Path
) -> None:
    current().cassette = str(tmp_path / "none" / "notes.jsonl")
    server.enqueue(answer("Yes."))
    stream = Dialogue().send(user("One?"), resolved())
    events = list(stream)
    assert stream.result().text == "Yes."
    notices = [event.text for event in events if isinstance(event, Notice)]
    (said,) = notices
    assert said.startswith("Not recorded: ")
    assert "none/notes.jsonl cannot be written: No such file" in said
    assert not path.exists()


def test_a_replay_costs_nothing(path: Path, alone: Any) -> None:
    asked = step("One?", once=True).usage
    alone()
    replayed = step("One?", once=True).usage
    assert asked.cost_usd == asked.provider_metadata["cost"] != 0
    assert replayed == replace(asked, cost_usd=0.0)
    assert path.exists()


def test_a_limit_of_cost_stops_no_replay(path: Path, alone: Any) -> None:
    step("One?", once=True)
    current().max_cost_usd = 1e-9
    with pytest.raises(CostLimitReached):
        step("Two?", once=True)
    assert step("One?", once=True).status == "complete"
    alone()
    assert step("One?", once=True).status == "complete"
    assert path.exists()


def test_answers_side_by_side_are_replayed(
    server: OpenRouterServer, path: Path, alone: Any
) -> None:
    server.enqueue(answer("Yes."), answer("No."))
    told = []
    for _ in range(2):
        each = [resolved(effort=effort) for effort in ("low", "high")]
        streams = Dialogue().send_each(user("Well?"), each)
        list(streams.beats(30))
        told.append([turn.text for turn in streams.result()])
        if current().cassette_mode == "auto":
            alone()
    assert sorted(told[0]) == ["No.", "Yes."]
    assert told[0] == told[1]
    assert len(server.requests) == 2
    assert path.exists()


def test_rounds_of_functions_are_replayed(
    server: OpenRouterServer, path: Path, alone: Any
) -> None:
    def double(number: int) -> int:
        """Return twice a number."""
        called.append(number)
        return 2 * number

    called: list[int] = []
    call = Call(name="double", arguments='{"number": 4}')
    server.enqueue(answer(tool_calls=[call]), answer("Eight."))
    for _ in range(2):
        reply = step("Twice 4?", once=True, tools=[tool(double)])
        assert reply.text == "Eight."
        if current().cassette_mode == "auto":
            alone()
    assert (called, len(server.requests)) == ([4, 4], 2)
    assert len(lines(path)) > 4


@dataclass
class Sum:
    """What a sum is."""

    value: int


def test_a_typed_answer_is_replayed(
    server: OpenRouterServer, path: Path, alone: Any
) -> None:
    server.enqueue(answer('{"value": "four"}'), answer('{"value": 4}'))
    for _ in range(2):
        assert step("2+2?", once=True, schema=Sum).value == Sum(4)
        if current().cassette_mode == "auto":
            alone()
    assert len(server.requests) == 2
    assert path.exists()


def test_a_replay_can_be_stopped_and_played_again(path: Path, alone: Any) -> None:
    single.step("One?", conversation=(talk := Dialogue()))
    *_, last = text = path.read_text("utf-8").splitlines()
    form = json.loads(last)
    whole = "".join(piece for _, piece in form["stream"])
    end = whole.rindex("data: {", 0, len(whole) // 2)
    form["stream"] = [[0, whole[:end]], [1000, whole[end:]]]
    path.write_text("\n".join([*text[:-1], json.dumps(form), ""]))
    alone()
    current().cassette_speed = "original"
    stopped = Dialogue()
    with stopped.send(user("One?"), resolved()) as stream:
        for event in stream:
            if isinstance(event, PartDelta):
                break
    assert stopped.tree.turns
    (turn,) = stopped.tree.turns.values()
    assert turn.status == "interrupted"
    assert ask(Dialogue(), "One?").text == talk.turns[0].text


def test_a_picture_that_was_encoded_otherwise_is_found(
    server: OpenRouterServer, path: Path, alone: Any
) -> None:
    server.enqueue(answer("A cat."))

    def picture(data: bytes) -> Image:
        return Image(media_type="image/png", data=data, source="pixels", name="cat")

    step("What is it?", picture(b"\x89PNG one"), once=True)
    alone()
    again = step("What is it?", picture(b"\x89PNG another"), once=True)
    assert again.text == "A cat."
    assert "iVBOR" not in path.read_text("utf-8")


def test_a_question_with_the_key_is_refused(path: Path) -> None:
    talk = Dialogue()
    key = "sk-or-v1-made-up-for-the-tests"
    stream = talk.send(user(f"Is {key} good?"), resolved())
    (finish,) = stream
    assert isinstance(finish, Finish)
    assert isinstance(finish.error, AttachmentError)
    assert not path.exists()


def test_later_requests_of_a_turn_find_the_server_when_it_is_needed(
    server: OpenRouterServer, path: Path
) -> None:
    """A first request may be replayed and a second not be there."""
    step("One?", once=True)
    options = resolved()

    def source(text: str) -> Any:
        messages = (user(text),)
        return taped.exchange(
            options, codec("chat").encode(build_request(options, messages))
        )

    taped = find_endpoint(options, print)
    assert isinstance(taped, ReplayEndpoint)
    assert source("x").cut() == []
    sources = [source(text) for text in ("One?", "Two?", "Three?")]
    first, second, third = (events(each) for each in sources)
    assert [each.cut() for each in sources] == [[]] * 3
    assert isinstance(first[-1], Finish)
    assert [len(each) > 2 for each in (first, second, third)] == [True] * 3
    assert len(server.requests) == 3
    assert place() == f"{path}, auto, 3 answers"


def events(source: Any) -> list[StreamEvent]:
    async def read() -> list[StreamEvent]:
        return [event async for event in source.events()]

    return start(read()).result()


def test_a_later_request_that_is_not_there_ends_in_its_error(
    path: Path, alone: Any
) -> None:
    step("One?", once=True)
    alone()
    options = resolved()
    body = codec("chat").encode(build_request(options, (user("Two?"),)))
    (finish,) = events(find_endpoint(options, print).exchange(options, body))
    assert isinstance(finish, Finish)
    assert isinstance(finish.error, CassetteMiss)
    assert path.exists()


def test_a_batch_is_replayed(server: OpenRouterServer, path: Path, alone: Any) -> None:
    server.default = echo()
    found = []
    for _ in range(2):
        told: Any = batch(["One?", "Two?"], "Say {{ word }}", progress=False)
        found.append(list(told["answer"]))
        if current().cassette_mode == "auto":
            alone()
    assert found == [["SAY ONE?", "SAY TWO?"]] * 2
    assert len(server.requests) == 2
    assert path.exists()
