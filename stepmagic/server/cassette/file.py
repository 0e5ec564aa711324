"""The file of a cassette: a log of questions and their answers.

    {"cassette": 1}                                the header
    {"message": DIGEST, "form": {...}}             a message, once, to explain a miss
    {"key": ..., "options": {...}, "messages": [DIGEST, ...],
     "run": ..., "at": ..., "status": 200, "headers": {...}, "stream": [[s, text], ...]}

An answer is appended in a single write, so that several kernels may record on one file;
what the others add is found too. A line that cannot be read is skipped and stays there.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from stepmagic.errors import CassetteError
from stepmagic.keys import Key
from stepmagic.server.cassette.question import Question, differences, nearest
from stepmagic.transcript.log import AppendLog, LogFormat, LogReader, reason

FORMAT = LogFormat(name="cassette", version=1, error=CassetteError)

_MOST_DIFFERENCES = 4

Piece: TypeAlias = tuple[float, str]
"""Complete lines received in one read, and when, in seconds after the request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A complete answer, as it was received."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    pieces: tuple[Piece, ...] = ()
    run: str = ""
    """The kernel that recorded it; it distinguishes several answers to one question."""


class Cassette:
    """Questions and their answers in one file, which need not exist yet."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.faults: list[str] = []
        """Lines that could not be read, a message each."""
        self._run = secrets.token_hex(4)
        self._lock = threading.Lock()
        self._log = AppendLog(path, header=FORMAT.header())
        self._reader = LogReader(path)
        self._clear()

    def _clear(self) -> None:
        self._questions: dict[str, Question] = {}
        self._recordings: dict[str, list[Recording]] = {}
        self._forms: dict[str, Any] = {}
        self._played: dict[str, int] = {}
        self.faults.clear()

    def __len__(self) -> int:
        """Return the number of questions that it can answer."""
        self.refresh()
        return len(self._questions)

    def find(self, question: Question) -> Recording | None:
        """Return the answer to a question; None if there is none.

        If the last kernel that recorded it asked several times, the answers are
        returned in that order, and then again from the first.

        Raises:
            CassetteError: The file is not a cassette, or cannot be read.
        """
        with self._lock:
            self._refresh()
            found = self._recordings.get(question.key)
            if not found:
                return None
            takes = [each for each in found if each.run == found[-1].run]
            number = self._played.get(question.key, 0)
            self._played[question.key] = number + 1
            return takes[number % len(takes)]

    def describe_miss(self, question: Question) -> str:
        """Return how a question differs from the nearest recorded one, as a message."""
        with self._lock:
            known = list(self._questions.values())
        near = nearest(question, known)
        lost = "".join(f" {fault}" for fault in self.faults[:1])
        if near is None:
            return f"{self.path.name} has no answer yet.{lost}"
        lines = differences(question, near)
        more = len(lines) - _MOST_DIFFERENCES
        shown = lines[:_MOST_DIFFERENCES] + ([f"{more} more"] if more > 0 else [])
        listed = "".join(f"\n  {line}" for line in shown)
        return (
            f"{self.path.name} has no answer to this question.{lost} The nearest "
            f"recorded question differs:{listed}"
        )

    def add(self, question: Question, recording: Recording, *keys: Key) -> None:
        """Append an answer to the file.

        Args:
            question: The question.
            recording: Its answer.
            keys: API keys to redact from the file.

        Raises:
            CassetteError: It cannot be written, or the file is not a cassette.
        """
        with self._lock:
            self._refresh()
            try:
                self._log.append(*self._forms_of(question, recording), keys=keys)
            except OSError as exc:
                message = f"{self.path} cannot be written: {reason(exc)}."
                raise CassetteError(message) from exc
            finally:
                # Another file may be put in its place before the next answer.
                self._log.close()

    def refresh(self) -> None:
        """Read what this kernel or another has added since.

        Raises:
            CassetteError: The file is not a cassette, or cannot be read.
        """
        with self._lock:
            self._refresh()

    def _forms_of(
        self, question: Question, recording: Recording
    ) -> Iterator[dict[str, Any]]:
        """Yield the lines of an answer, and of its messages that have none yet."""
        for name, form in question.forms.items():
            if name not in self._forms:
                yield {"message": name, "form": form}
        yield {
            "key": question.key,
            "options": question.options,
            "messages": question.messages,
            "run": self._run,
            "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "status": recording.status,
            "headers": recording.headers,
            "stream": recording.pieces,
        }

    def _refresh(self) -> None:
        try:
            if self._reader.is_replaced():
                self._clear()
            if not self._reader.has_more():
                return
            if not self._reader.number:
                FORMAT.read_header(self.path)
            for line in self._reader.read():
                if not self._take(line.value):
                    self.faults.append(
                        f"Line {line.number} of {self.path.name} cannot be read and is "
                        "skipped; it stays in the file."
                    )
        except FileNotFoundError:
            self._reader.restart()
            self._clear()
        except OSError as exc:
            raise FORMAT.unreadable(self.path, exc) from exc

    def _take(self, form: Any) -> bool:
        """Take in a line; returns whether it could be read."""
        match form:
            case {"message": str(name), "form": form}:
                self._forms[name] = form
            case {
                "key": str(key),
                "options": dict(options),
                "messages": list(messages),
                "run": str(run),
                "status": int(status),
                "headers": dict(headers),
                "stream": list(stream),
            } if (pieces := _pieces(stream)) is not None:
                self._questions[key] = Question(
                    options=options, messages=tuple(messages), forms=self._forms
                )
                recording = Recording(
                    status=status, headers=headers, pieces=pieces, run=run
                )
                self._recordings.setdefault(key, []).append(recording)
            case {"cassette": int(version)} if version <= FORMAT.version:
                pass
            case _:
                return False
        return True


def _pieces(stream: list[Any]) -> tuple[Piece, ...] | None:
    """Return the pieces of an answer; None if they are damaged."""
    found = []
    for piece in stream:
        match piece:
            case [int() | float() as at_s, str(text)]:
                found.append((float(at_s), text))
            case _:
                return None
    return tuple(found)
