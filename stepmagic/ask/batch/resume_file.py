"""The resume file: a log with a line for each answer, appended when it is complete.

A folder in the file's place contains one file per process, so that several may write
at once.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from stepmagic.ask.batch.request import Answer
from stepmagic.errors import SettingError
from stepmagic.transcript import Protocol
from stepmagic.transcript.log import AppendLog, Line, LogReader, reason

_SUFFIX = ".jsonl"
_NOT_ASKED = ("stream", "stream_options")
"""Parameters that change how an answer arrives, not what it says."""

_KEY_CHARACTERS = 32


def fingerprint(api: Protocol, body: Mapping[str, Any]) -> str:
    """Return an id of a question: a hash of all that the model would receive.

    >>> one, other = {"model": "a", "stream": True}, {"stream": False, "model": "a"}
    >>> fingerprint("chat", one) == fingerprint("chat", other)
    True
    """
    asked = {name: value for name, value in body.items() if name not in _NOT_ASKED}
    text = json.dumps([api, asked], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:_KEY_CHARACTERS]


class ResumeFile:
    """The answers that are on disk, and a file to which more are appended.

    Args:
        path: The file or folder; None keeps nothing.

    Raises:
        SettingError: It cannot be read, or is not a file of answers.
    """

    def __init__(self, path: Path | None) -> None:
        self.answers: dict[str, Answer] = {}
        self.fault = ""
        """Why nothing more is written; empty while it is."""
        self._path = path
        self._log: AppendLog | None = None
        if path is None:
            return
        try:
            for file in _files(path):
                self.answers.update(_answers(file))
        except OSError as exc:
            message = f"resume={str(path)!r} cannot be read: {reason(exc)}."
            raise SettingError(message) from exc

    def keep(self, key: str, answer: Answer) -> None:
        """Append an answer; a full disk is noted as a fault and costs no answer."""
        if self._path is None or self.fault:
            return
        try:
            if self._log is None:
                self._log = _log(self._path)
            self._log.append({"key": key, **answer.to_form()})
        except OSError as exc:
            self.fault = f"{self._path} takes no more answers: {reason(exc)}."

    def close(self) -> None:
        """Close the file."""
        if self._log is not None:
            self._log.close()


def _log(path: Path) -> AppendLog:
    if path.is_dir():
        path /= f"{os.getpid()}-{secrets.token_hex(4)}{_SUFFIX}"
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
    return AppendLog(path)


def _files(path: Path) -> Iterable[Path]:
    if path.is_dir():
        return sorted(path.glob(f"*{_SUFFIX}"))
    return [path] if path.exists() else []


def _answers(path: Path) -> Iterator[tuple[str, Answer]]:
    """Yield the answers of a file; lines that are not answers are skipped.

    Raises:
        SettingError: None of its lines is an answer, so it is another kind of file.
    """
    found = strange = 0
    for line in LogReader(path).read():
        answer = _read(line)
        if answer is None:
            strange += 1
        else:
            found += 1
            yield answer
    if strange and not found:
        message = f"resume={str(path)!r} is not a file of answers. Choose another file."
        raise SettingError(message)


def _read(line: Line) -> tuple[str, Answer] | None:
    form = line.value
    if not isinstance(form, dict) or not isinstance(form.get("key"), str):
        return None
    answer = Answer.from_form(form)
    return None if answer is None else (form["key"], answer)
