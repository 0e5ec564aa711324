"""One rate limit for everything that asks: how many at once, and when the next may.

Used only on the background loop.
"""

from __future__ import annotations

import asyncio
import time
from weakref import WeakValueDictionary


class RateLimit:
    """A semaphore that lets fewer requests in after each refusal.

    A refusal halves the number under way and closes it for as long as the server asked;
    every so many answers let one more in, up to the first width. That is
    how TCP finds a rate that no one has stated.
    """

    def __init__(self, width: int) -> None:
        self._most = width
        self._width = width
        self._inside = 0
        self._opens_at = 0.0
        self._round = 0
        self._credit = 0
        self._left = asyncio.Event()
        self.answered = 0
        """How many got through; whoever waits can tell whether others do."""
        self.refusals = 0
        """How often it was narrowed since one got through."""

    @property
    def width(self) -> int:
        """How many requests may be under way now."""
        return self._width

    @property
    def closed_s(self) -> float:
        """Seconds until the next request may go; 0 where it may now."""
        return max(0.0, self._opens_at - time.monotonic())

    async def enter(self) -> int:
        """Wait until a request may go out; returns its round, for ``refuse``."""
        while (wait_s := self.closed_s) or self._inside >= self._width:
            if wait_s:
                await asyncio.sleep(wait_s)
            else:
                self._left.clear()
                await self._left.wait()
        self._inside += 1
        return self._round

    def leave(self) -> None:
        """Note that a request is over, however it ended."""
        self._inside -= 1
        self._left.set()

    def answer(self) -> None:
        """Note that the server answered."""
        self.answered += 1
        self.refusals = 0
        self._credit += 1
        if self._width < self._most and self._credit >= self._width:
            self._width += 1
            self._credit = 0
            self._left.set()

    def refuse(self, entered: int, wait_s: float) -> None:
        """Note that the server asked for less, for a request that entered in a round.

        Those that were under way together are refused together: the first narrows the
        gate, the rest say nothing new.
        """
        self._opens_at = max(self._opens_at, time.monotonic() + wait_s)
        if entered == self._round:
            self._width = max(1, self._width // 2)
            self._round += 1
            self._credit = 0
            self.refusals += 1


class RateLimits:
    """The rate limits of this kernel, by plan: the parts of one batch share theirs."""

    def __init__(self) -> None:
        self._by_plan: WeakValueDictionary[str, RateLimit] = WeakValueDictionary()

    def share(self, plan_id: str, rate_limit: RateLimit) -> RateLimit:
        """Return the rate limit of a plan; the first one given is kept."""
        return self._by_plan.setdefault(plan_id, rate_limit)
