"""The resume file: each answer as it comes, a line of JSON each, only ever added to.

A process that dies leaves at worst a torn last line, which is ignored. A folder in the
file's place holds a file for each process that asks, so that several may at once.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from io import FileIO
from pathlib import Path
from typing import Any

from stepmagic.ask.batch.request import Answer
from stepmagic.errors import SettingError
from stepmagic.transcript import Protocol

_SUFFIX = ".jsonl"
_NOT_ASKED = ("stream", "stream_options")
"""How an answer comes, not what it says."""

_KEY_LETTERS = 32


def fingerprint(api: Protocol, body: Mapping[str, Any]) -> str:
    """Return what tells a question from every other: all that a model would be told.

    >>> one, other = {"model": "a", "stream": True}, {"stream": False, "model": "a"}
    >>> fingerprint("chat", one) == fingerprint("chat", other)
    True
    """
    asked = {name: value for name, value in body.items() if name not in _NOT_ASKED}
    text = json.dumps([api, asked], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:_KEY_LETTERS]


class Ledger:
    """The answers that are on disk, and a file that takes more."""

    def __init__(self, path: Path | None) -> None:
        """Read what is there; without a path nothing is, and nothing is kept.

        Raises:
            SettingError: It cannot be read, or is no file of answers.
        """
        self.answers: dict[str, Answer] = {}
        self.fault = ""
        """Why nothing more is kept, once that is so."""
        self._path = path
        self._file: FileIO | None = None
        if path is None:
            return
        try:
            for file in _files(path):
                self.answers.update(_answers(file))
        except OSError as exc:
            message = f"resume={str(path)!r} cannot be read: {exc.strerror}."
            raise SettingError(message) from exc

    def keep(self, key: str, answer: Answer) -> None:
        """Add an answer; a disk that takes no more costs a fault, never the answer."""
        if self._path is None or self.fault:
            return
        try:
            if self._file is None:
                self._file = _opened(self._path)
            # As one write, so that lines of several processes do not mix.
            self._file.write(_line(key, answer))
        except OSError as exc:
            self.fault = f"{self._path} takes no more answers: {exc.strerror}."

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None


def _line(key: str, answer: Answer) -> bytes:
    # Escapes carry what has no UTF-8, such as half of a surrogate pair.
    return json.dumps({"key": key, **answer.to_form()}).encode() + b"\n"


def _files(path: Path) -> Iterable[Path]:
    if path.is_dir():
        return sorted(path.glob(f"*{_SUFFIX}"))
    return [path] if path.exists() else []


def _answers(path: Path) -> Iterator[tuple[str, Answer]]:
    """Yield the answers of a file; lines that are none are left out.

    Raises:
        SettingError: No line of it is an answer, so it is somebody else's.
    """
    found = strange = 0
    with path.open("rb") as file:
        for line in file:
            answer = _read(line)
            if answer is not None:
                found += 1
                yield answer
            elif line.endswith(b"\n"):
                strange += 1
    if strange and not found:
        message = f"resume={str(path)!r} is no file of answers. Name another."
        raise SettingError(message)


def _read(line: bytes) -> tuple[str, Answer] | None:
    form = None
    with contextlib.suppress(ValueError, RecursionError):
        form = json.loads(line)
    if not isinstance(form, dict) or not isinstance(form.get("key"), str):
        return None
    answer = Answer.from_form(form)
    return None if answer is None else (form["key"], answer)


def _opened(path: Path) -> FileIO:
    """Open the file for more lines; it is the owner's alone, as what it holds is."""
    if path.is_dir():
        path /= f"{os.getpid()}-{secrets.token_hex(4)}{_SUFFIX}"
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
    file = FileIO(os.open(path, flags, 0o600), "r+")
    if file.seek(0, os.SEEK_END):
        file.seek(-1, os.SEEK_END)
        if file.read(1) != b"\n":
            file.write(b"\n")
    return file
