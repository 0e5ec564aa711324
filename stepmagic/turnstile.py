"""One turn at a time in a conversation, whichever loop runs.

A forked child has a loop of its own; a turn of its parent's must not lock it out.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextvars import ContextVar

from stepmagic.errors import StepError

_held: ContextVar[tuple[Turnstile, ...]] = ContextVar("_held", default=())
"""Those of the turns that wait for what runs here, such as a function."""


class Turnstile:
    """Lets one in at a time; used from coroutines alone."""

    def __init__(self) -> None:
        """Begin free, on no loop yet."""
        self._lock: asyncio.Lock | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def here(self) -> asyncio.Lock:
        """Return the lock of the running loop."""
        loop = asyncio.get_running_loop()
        if self._lock is None or self._loop is not loop:
            self._lock, self._loop = asyncio.Lock(), loop
        return self._lock

    @contextlib.asynccontextmanager
    async def held(self, waits: Callable[[], None]) -> AsyncIterator[None]:
        """Be the one in the block; ``waits`` is called first where another is.

        Raises:
            StepError: That one waits for what runs here, and so would never end.
        """
        lock = self.here()
        if lock.locked():
            if self in _held.get():
                message = (
                    "a function that the model called asks in the conversation that "
                    "waits for it. Ask aside there: `step(..., once=True)`."
                )
                raise StepError(message)
            waits()
        async with lock:
            _held.set((*_held.get(), self))
            yield
