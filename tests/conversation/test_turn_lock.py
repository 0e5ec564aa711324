"""One at a time on a loop; another loop is let in."""

from __future__ import annotations

import asyncio

from stepmagic.conversation.dialogue import TurnLock


def test_one_is_let_in_at_a_time() -> None:
    turn_lock = TurnLock()

    async def pass_through() -> None:
        async with turn_lock.lock():
            assert turn_lock.lock().locked()

    asyncio.run(pass_through())


def test_a_turn_of_another_loop_locks_nobody_out() -> None:
    turn_lock = TurnLock()

    async def stay() -> None:
        await turn_lock.lock().acquire()

    async def is_locked() -> bool:
        return turn_lock.lock().locked()

    asyncio.run(stay())
    assert not asyncio.run(is_locked())
