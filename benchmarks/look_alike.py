"""The look-alike of OpenRouter, in a process of its own that ends with this one."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

_TESTS = Path(__file__).parents[1] / "tests"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """An answer that is streamed to whoever asks at its URL."""

    url: str
    key: str
    model: str
    text: str
    tokens: int

    @property
    def size(self) -> int:
        """Bytes of the answer in UTF-8."""
        return len(self.text.encode())


class LookAlike:
    """The process, told by lines of JSON what to serve."""

    def __init__(self, to: IO[str], answers: IO[str]) -> None:
        """Speak to a process through its standard input and output."""
        self._to = to
        self._answers = answers
        self._one_at_a_time = threading.Lock()

    def serve(self, text: str, *, rate: float = 0, **options: float) -> Stream:
        """Stream a text.

        Args:
            text: The answer.
            rate: Tokens a second; 0 for as fast as they are taken.
            options: ``delay_s`` until the headers; the ``send_buffer`` of the server.
        """
        where = self._ask(text=text, rate=rate, **options)
        return Stream(text=text, **where)

    def times(self, stream: Stream) -> list[tuple[float, float]]:
        """Return when each reply so far was begun and ended, by ``time.monotonic``."""
        return [(began, ended) for began, ended in self._ask(url=stream.url)]

    def _ask(self, **line: Any) -> Any:
        with self._one_at_a_time:
            self._to.write(json.dumps(line) + "\n")
            self._to.flush()
            return json.loads(self._answers.readline())


@contextmanager
def look_alike() -> Iterator[LookAlike]:
    """Run the look-alike."""
    with subprocess.Popen(
        [sys.executable, "-m", "openrouter_server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=_TESTS,
    ) as process:
        assert process.stdin is not None  # noqa: S101 - asked for above
        assert process.stdout is not None  # noqa: S101 - asked for above
        try:
            yield LookAlike(process.stdin, process.stdout)
        finally:
            process.stdin.close()
