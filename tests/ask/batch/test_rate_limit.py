"""The gate: how many requests go at once, and how a refusal changes that."""

from __future__ import annotations

import asyncio
import time

from stepmagic.ask.batch.rate_limit import Gate


async def settle() -> None:
    """Let every task that can run do so."""
    for _ in range(10):
        await asyncio.sleep(0)


def test_no_more_go_in_than_it_is_wide() -> None:
    async def run() -> None:
        gate = Gate(2)
        tasks = [asyncio.create_task(gate.enter()) for _ in range(3)]
        await settle()
        assert [task.done() for task in tasks] == [True, True, False]
        gate.leave()
        await settle()
        assert tasks[2].done()

    asyncio.run(run())


def test_requests_that_were_refused_together_narrow_it_once() -> None:
    async def run() -> None:
        gate = Gate(16)
        rounds = [await gate.enter() for _ in range(16)]
        for entered in rounds:
            gate.leave()
            gate.refuse(entered, 0)
        assert (gate.width, gate.refusals) == (8, 1)
        gate.refuse(await gate.enter(), 0)
        assert (gate.width, gate.refusals) == (4, 2)

    asyncio.run(run())


def test_answers_widen_it_to_where_it_began_and_no_further() -> None:
    gate = Gate(4)
    gate.refuse(0, 0)
    gate.answer()
    assert (gate.width, gate.refusals) == (2, 0)
    gate.answer()
    assert gate.width == 3
    for _ in range(20):
        gate.answer()
    assert (gate.width, gate.answered) == (4, 22)


def test_it_is_never_shut_for_good() -> None:
    gate = Gate(1)
    for number in range(3):
        gate.refuse(number, 0)
    assert gate.width == 1


def test_nobody_goes_in_while_it_is_closed() -> None:
    async def run() -> None:
        gate = Gate(2)
        begun = time.monotonic()
        gate.refuse(await gate.enter(), 0.2)
        gate.leave()
        assert 0 < gate.closed_s <= 0.2
        await gate.enter()
        assert time.monotonic() - begun >= 0.2
        assert gate.closed_s == 0

    asyncio.run(run())


def test_a_shorter_wait_does_not_open_it_early() -> None:
    gate = Gate(2)
    gate.refuse(0, 5)
    gate.refuse(0, 0)
    assert gate.closed_s > 4
