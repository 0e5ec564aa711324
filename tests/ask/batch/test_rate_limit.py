"""The limit: how many requests go at once, and how a refusal changes that."""

from __future__ import annotations

import asyncio
import time

from stepmagic.ask.batch.rate_limit import RateLimit


async def settle() -> None:
    """Let every task that can run do so."""
    for _ in range(10):
        await asyncio.sleep(0)


def test_no_more_go_in_than_it_is_wide() -> None:
    async def run() -> None:
        limit = RateLimit(2)
        tasks = [asyncio.create_task(limit.enter()) for _ in range(3)]
        await settle()
        assert [task.done() for task in tasks] == [True, True, False]
        limit.leave()
        await settle()
        assert tasks[2].done()

    asyncio.run(run())


def test_requests_that_were_refused_together_narrow_it_once() -> None:
    async def run() -> None:
        limit = RateLimit(16)
        rounds = [await limit.enter() for _ in range(16)]
        for entered in rounds:
            limit.leave()
            limit.refuse(entered, 0)
        assert (limit.width, limit.refusals) == (8, 1)
        limit.refuse(await limit.enter(), 0)
        assert (limit.width, limit.refusals) == (4, 2)

    asyncio.run(run())


def test_answers_widen_it_to_where_it_began_and_no_further() -> None:
    limit = RateLimit(4)
    limit.refuse(0, 0)
    limit.answer()
    assert (limit.width, limit.refusals) == (2, 0)
    limit.answer()
    assert limit.width == 3
    for _ in range(20):
        limit.answer()
    assert (limit.width, limit.answered) == (4, 22)


def test_it_is_never_shut_for_good() -> None:
    limit = RateLimit(1)
    for number in range(3):
        limit.refuse(number, 0)
    assert limit.width == 1


def test_nobody_goes_in_while_it_is_closed() -> None:
    async def run() -> None:
        limit = RateLimit(2)
        begun = time.monotonic()
        limit.refuse(await limit.enter(), 0.2)
        limit.leave()
        assert 0 < limit.closed_s <= 0.2
        await limit.enter()
        assert time.monotonic() - begun >= 0.2
        assert limit.closed_s == 0

    asyncio.run(run())


def test_a_shorter_wait_does_not_open_it_early() -> None:
    limit = RateLimit(2)
    limit.refuse(0, 5)
    limit.refuse(0, 0)
    assert limit.closed_s > 4
