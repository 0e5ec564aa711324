"""One at a time on a loop; another loop is let in."""

from __future__ import annotations

import asyncio

from stepmagic.conversation.dialogue import Turnstile


def test_one_is_let_in_at_a_time() -> None:
    turnstile = Turnstile()

    async def pass_through() -> None:
        async with turnstile.here():
            assert turnstile.here().locked()

    asyncio.run(pass_through())


def test_a_turn_of_another_loop_locks_nobody_out() -> None:
    turnstile = Turnstile()

    async def stay() -> None:
        await turnstile.here().acquire()

    async def is_locked() -> bool:
        return turnstile.here().locked()

    asyncio.run(stay())
    assert not asyncio.run(is_locked())
