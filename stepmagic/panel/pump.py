"""The one thread that sends a panel's messages, 20 times a second at most."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

EVERY_S = 0.05
"""Between two messages."""

_IDLE_S = 0.5
"""Between two looks at what changes by itself, such as how long a model is thinking."""


class Pump:
    """Calls a beat when it was woken, and now and then while something runs."""

    def __init__(self, beat: Callable[[], bool]) -> None:
        """Prepare; ``beat`` sends what is due, and tells whether something runs."""
        self._beat = beat
        self._woken = threading.Event()
        self._stopped = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, unless it has begun."""
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._run, name="stepmagic panel", daemon=True
            )
            self._thread.start()

    def wake(self) -> None:
        """Have the next beat come soon; may be called in any thread."""
        self._woken.set()

    def stop(self) -> None:
        """End the thread, after what it is sending."""
        self._stopped = True
        self._woken.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        runs = False
        while not self._stopped:
            self._woken.wait(_IDLE_S if runs else None)
            self._woken.clear()
            runs = self._beat()
            time.sleep(EVERY_S)
