"""What this kernel spends is in one ledger, and stays below what it may."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path
from typing import Any

import pytest

from continuations import Script, closed, every_protocol, rest, send, stopped
from openrouter_server import OpenRouterServer, Tokens, answer, error, raw
from shell_fixtures import ShellUnderTest
from stepmagic import batch
from stepmagic.conversation.dialogue import Dialogue
from stepmagic.errors import CostLimitReached
from stepmagic.server.budget import MeteredSource, ledger
from stepmagic.session import Session, session
from stepmagic.settings import current
from stepmagic.transcript import Protocol, Usage
from stepmagic.transcript.events import Finish, StreamEvent, UsageReport

LONG = " ".join(f"word{number}" for number in range(400))


def cost(talk: Dialogue) -> float:
    return sum(
        turn.usage.cost_usd or 0 for turn in talk.tree.turns.values() if turn.usage
    )


@every_protocol
def test_each_answer_is_counted_as_the_server_said(
    server: OpenRouterServer, here: Session, protocol: Protocol
) -> None:
    assert ledger().words == "$0"
    talk = here.conversation
    server.enqueue(answer(LONG, reasoning="Hm."), answer("Yes."))
    closed(send(talk, "Count!", protocol))
    first = ledger().spent_usd
    assert first == pytest.approx(cost(talk)) != 0
    closed(send(talk, "Right?", protocol))
    assert first < ledger().spent_usd == pytest.approx(cost(talk))
    assert ledger().estimated == 0


def test_what_is_asked_aside_is_counted_too(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    server.enqueue(answer("Yes."))
    step.run("%%step --once\nIs it?")
    assert ledger().spent_usd == pytest.approx(step["_step"].usage.cost_usd)
    assert cost(session().conversation) == 0


@every_protocol
def test_an_answer_that_was_stopped_is_counted_by_estimate(
    server: OpenRouterServer, here: Session, protocol: Protocol
) -> None:
    server.enqueue(answer(LONG, reasoning="", pace_s=0.005))
    stopped(send(here.conversation, "Count!", protocol), "word20")
    assert ledger().spent_usd > 20 * 1.15e-6
    assert ledger().words.startswith("about $0.000")


def test_what_a_server_refused_cost_nothing(
    server: OpenRouterServer, here: Session
) -> None:
    server.enqueue(error(402, "Insufficient credits"))
    closed(send(here.conversation, "Hi", "chat"))
    assert ledger().words == "$0"


def test_nothing_is_asked_once_the_limit_is_reached(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    usage = Tokens(prompt=1000, completion=1000)
    server.enqueue(answer("Yes.", usage=usage), answer("Yes.", usage=usage))
    step.run("%config StepMagic.max_cost_usd = 0.002")
    step.run("%%step\nIs it?")
    step.run("%%step\nIs it?")
    for cell in ("%%step\nAnd?", "%%step --once\nAnd?"):
        with pytest.raises(CostLimitReached) as refused:
            step.run(cell)
        assert str(refused.value) == (
            "nothing was sent: this kernel has spent $0.0027, and "
            "StepMagic.max_cost_usd is $0.0020. `%config StepMagic.max_cost_usd = "
            "0.0054` allows more, 0 sets no limit."
        )
    assert len(session().conversation.tree.turns) == 2
    step.run("%config StepMagic.max_cost_usd = 0.0054")
    step.run("%%step\nAnd?")
    assert len(server.requests) == 3


def test_a_question_that_costs_more_than_is_left_is_not_asked(
    server: OpenRouterServer, here: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEPMAGIC_MAX_COST_USD", "0.01")
    stream = send(here.conversation, "word " * 100_000, "chat")
    with stream:
        list(stream)
    with pytest.raises(CostLimitReached, match=r"the question costs about \$0\.020"):
        stream.result()
    assert not server.requests
    assert not here.conversation.tree.turns


@every_protocol
def test_an_answer_ends_at_the_limit_and_is_kept(
    server: OpenRouterServer, here: Session, protocol: Protocol
) -> None:
    current().max_cost_usd = 0.0005
    talk = here.conversation
    server.enqueue(answer(LONG, reasoning="", pace_s=0.002), answer(" The end."))
    stream = send(talk, "Count!", protocol)
    with stream:
        list(stream)
    with pytest.raises(CostLimitReached, match="What was received is kept") as ended:
        stream.result()
    assert "`%step continue` then continues" in str(ended.value)
    (turn,) = talk.turns
    assert turn.status == "error"
    assert LONG.startswith(turn.text)
    assert "word10" in turn.text
    assert "word399" not in turn.text
    assert server.requests[0].wait_until_over()
    assert server.requests[0].disconnected_at is not None
    assert ledger().spent_usd == pytest.approx(0.0005, rel=0.5)
    current().max_cost_usd = 0
    whole = closed(rest(talk))
    assert whole.text == f"{turn.text} The end."


def test_two_answers_at_once_share_the_limit(
    server: OpenRouterServer, here: Session
) -> None:
    current().max_cost_usd = 0.001
    server.default = answer(LONG, reasoning="", pace_s=0.002)
    streams = [send(Dialogue(), "Count!", "chat") for _ in range(2)]
    for stream in streams:
        with stream:
            list(stream)
        assert stream.turn is not None
        assert stream.turn.status == "error"
    assert ledger().spent_usd == pytest.approx(0.001, rel=0.5)
    assert here.current == "main"


def test_a_list_price_stands_in_for_a_cost_that_is_not_said(
    server: OpenRouterServer, here: Session
) -> None:
    end = (
        b'data: {"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop"}'
        b'],"usage":{"prompt_tokens":1000,"completion_tokens":2000}}\n\n'
    )
    server.enqueue(raw(end))
    closed(send(here.conversation, "Hi", "chat"))
    assert ledger().spent_usd == pytest.approx(1000 * 0.20e-6 + 2000 * 1.15e-6)


@pytest.mark.parametrize("usage", [Usage(prompt_tokens=9), Usage(cost_usd=0.5)])
def test_without_a_price_only_what_is_said_is_counted(usage: Usage) -> None:
    async def read() -> list[StreamEvent]:
        script = Script([UsageReport(usage=usage), Finish(reason="stop")])
        metered = MeteredSource(script, None, {})
        await metered.ready()
        assert metered.cut() == []
        return [event async for event in metered.events()]

    current().max_cost_usd = 1
    asyncio.run(read())
    assert ledger().spent_usd == (usage.cost_usd or 0)


def test_a_model_whose_price_varies_is_not_estimated(
    server: OpenRouterServer, here: Session
) -> None:
    entry = here.options(here.conversation).entry
    assert entry is not None
    free = dataclasses.replace(entry, prompt_usd=None)
    metered = MeteredSource(Script([]), free, {"messages": ["Hi"]})
    asyncio.run(metered.ready())
    assert server.requests == []


def test_a_request_that_waited_is_refused_where_others_reached_the_limit() -> None:
    async def read() -> list[StreamEvent]:
        metered = MeteredSource(Script([Finish(reason="stop")]), None, {})
        await metered.ready()
        ledger().spent_usd = 1
        return [event async for event in metered.events()]

    current().max_cost_usd = 1
    (finish,) = asyncio.run(read())
    assert isinstance(finish, Finish)
    assert isinstance(finish.error, CostLimitReached)


def test_what_a_cassette_plays_costs_nothing(
    server: OpenRouterServer, step: ShellUnderTest, tmp_path: Path
) -> None:
    step.run(f"%step cassette {tmp_path / 'talk.jsonl'}")
    step.run("%%step\nHi")
    spent = ledger().spent_usd
    assert spent
    step.run("%step new")
    step.run("%%step\nHi")
    assert len(server.requests) == 1
    assert ledger().spent_usd == spent


def test_a_batch_is_counted_and_held_to_the_limit(
    server: OpenRouterServer, here: Session
) -> None:
    server.default = answer("Yes.", usage=Tokens(prompt=1000, completion=1000))
    current().max_cost_usd = 0.003
    asked: Any = batch(
        ["a", "b", "c", "d"], "Say {{ x }}", concurrency=1, progress=False
    )
    assert len(server.requests) == 3
    assert ledger().spent_usd == pytest.approx(3 * 1.35e-3)
    assert "StepMagic.max_cost_usd is $0.0030" in asked["error"][3]
    assert here.conversation.turns == []
