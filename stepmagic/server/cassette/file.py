"""The file of a cassette: JSON lines that are only ever added to.

    {"cassette": 1}                                the form, first in the file
    {"message": DIGEST, "form": {...}}             a message, once, for what differs
    {"key": ..., "options": {...}, "messages": [DIGEST, ...],
     "run": ..., "at": ..., "status": 200, "headers": {...}, "stream": [[s, text], ...]}

What is written goes to the end in one piece, so that several kernels may record on one
file; what they add is found too. A line that cannot be read is left out and left there.
"""

from __future__ import annotations

import json
import os
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

VERSION = 1
"""Of the form; a file of a newer one is refused."""

_MOST_DIFFERENCES = 4

Piece: TypeAlias = tuple[float, str]
"""Whole lines that came in one read, and when, in seconds after the request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """An answer as it came, whole."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    pieces: tuple[Piece, ...] = ()
    run: str = ""
    """Which kernel recorded it: several answers to one question go by that."""


class Cassette:
    """Questions and their answers in one file."""

    def __init__(self, path: Path) -> None:
        """Prepare to read; the file need not be there yet."""
        self.path = path
        self.faults: list[str] = []
        """Lines that could not be read, in words."""
        self._run = secrets.token_hex(4)
        self._lock = threading.Lock()
        self._forget()

    def _forget(self) -> None:
        self._questions: dict[str, Question] = {}
        self._recordings: dict[str, list[Recording]] = {}
        self._forms: dict[str, Any] = {}
        self._played: dict[str, int] = {}
        self._file: tuple[int, int] | None = None
        self._read_to = self._line = 0
        self.faults.clear()

    def __len__(self) -> int:
        """Return how many questions it has an answer to."""
        self.refresh()
        return len(self._questions)

    def find(self, question: Question) -> Recording | None:
        """Return the answer to a question; None where there is none.

        Where the last kernel that recorded it asked several times, the answers come in
        that order, and then again from the first.

        Raises:
            CassetteError: The file is no cassette, or cannot be read.
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
        """Return in words how a question differs from the nearest that is there."""
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
            f"{self.path.name} has no answer to this question.{lost} The nearest that "
            f"it has differs:{listed}"
        )

    def add(self, question: Question, recording: Recording, *keys: Key) -> None:
        """Write an answer to the end of the file.

        Args:
            question: What was asked.
            recording: How it was answered.
            keys: What must not come to stand in the file.

        Raises:
            CassetteError: It cannot be written, or what lies there is no cassette.
        """
        with self._lock:
            self._refresh()
            lines = [json.dumps(form) for form in self._forms_of(question, recording)]
            text = "".join(f"{line}\n" for line in lines)
            for key in keys:
                text = key.redact(text)
            try:
                self._append(text)
            except OSError as exc:
                message = f"{self.path} cannot be written: {exc.strerror}."
                raise CassetteError(message) from exc

    def refresh(self) -> None:
        """Read what was added since, by this kernel or another.

        Raises:
            CassetteError: The file is no cassette, or cannot be read.
        """
        with self._lock:
            self._refresh()

    def _forms_of(
        self, question: Question, recording: Recording
    ) -> Iterator[dict[str, Any]]:
        """Yield the lines of an answer, and of messages that have none yet."""
        if not self._read_to:
            yield {"cassette": VERSION}
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

    def _append(self, text: str) -> None:
        """Write whole lines, apart from half a line that somebody left."""
        data = text.encode("ascii")
        if self._ends_in_mid_line():
            data = b"\n" + data
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        handle = os.open(self.path, flags, 0o600)
        try:
            while data:
                data = data[os.write(handle, data) :]
        finally:
            os.close(handle)

    def _ends_in_mid_line(self) -> bool:
        if not self.path.exists() or not self.path.stat().st_size:
            return False
        with self.path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read() != b"\n"

    def _refresh(self) -> None:
        try:
            about = self.path.stat()
        except FileNotFoundError:
            self._forget()
            return
        except OSError as exc:
            raise _unreadable(self.path, exc) from exc
        if self._file != (about.st_dev, about.st_ino) or about.st_size < self._read_to:
            # Another file stands there now.
            self._forget()
            self._file = about.st_dev, about.st_ino
        if about.st_size == self._read_to:
            return
        try:
            with self.path.open("rb") as file:
                file.seek(self._read_to)
                data = file.read()
        except OSError as exc:
            raise _unreadable(self.path, exc) from exc
        self._take_in(data)

    def _take_in(self, data: bytes) -> None:
        """Read whole lines; what another kernel is writing waits for its end."""
        *lines, rest = data.split(b"\n")
        if not self._line:
            self._check_header((lines or [rest])[0])
        for line in lines:
            self._line += 1
            if line.strip() and not self._take_line(line):
                self.faults.append(
                    f"Line {self._line} of {self.path.name} cannot be read and is left "
                    "out; it stays in the file."
                )
        self._read_to += len(data) - len(rest)

    def _check_header(self, line: bytes) -> None:
        version = _parsed(line).get("cassette")
        if not isinstance(version, int):
            message = (
                f"{self.path} is no cassette, and is left as it is. Name another file."
            )
            raise CassetteError(message)
        if version > VERSION:
            message = (
                f"{self.path} is a cassette of form {version}; this stepmagic reads "
                f"form {VERSION}. Install a newer stepmagic, or name another file."
            )
            raise CassetteError(message)

    def _take_line(self, line: bytes) -> bool:
        """Take in a line; returns whether it could be read."""
        match _parsed(line):
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
            case {"cassette": int(version)} if version <= VERSION:
                pass
            case _:
                return False
        return True


def _pieces(stream: list[Any]) -> tuple[Piece, ...] | None:
    """Return the pieces of an answer; None where they are none."""
    found = []
    for piece in stream:
        match piece:
            case [int() | float() as at_s, str(text)]:
                found.append((float(at_s), text))
            case _:
                return None
    return tuple(found)


def _parsed(line: bytes) -> dict[str, Any]:
    """Return a JSON object; an empty one where a line is none."""
    try:
        form = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return form if isinstance(form, dict) else {}


def _unreadable(path: Path, exc: OSError) -> CassetteError:
    return CassetteError(f"{path} cannot be read: {exc.strerror}.")
