"""One turn at a time in a conversation, whichever loop runs.

A forked child has a loop of its own; a turn of its parent's must not lock it out.
"""

from __future__ import annotations

import asyncio


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
