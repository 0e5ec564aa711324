"""An append-only file of JSON lines, the base of journals, cassettes and resume files.

Values are appended as complete lines in a single write, so that several processes may
append to one file. A process can be killed at any byte: a last line without its newline
is ignored by readers, and whoever appends next starts a new line. The file is created
with mode 0600, and API keys are redacted from what is written.

A log does not lock: its owner decides which threads may call it. ``replace_file``
writes the files that are not logs.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any, Protocol

from stepmagic.errors import StepError

_LONGEST_HEADER = 100_000
"""Bytes of the first line that are read to find out what a file is."""


class Redactor(Protocol):
    """Something that removes a secret from a text, such as an API key."""

    def redact(self, text: str) -> str:
        """Return the text without the secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFormat:
    """What the first line of a log states: ``{"journal": 1, ...}``."""

    name: str
    """The key of the version, and what messages call the file."""
    version: int
    """A file of a newer version is refused."""
    error: type[StepError]
    """Raised for a file that cannot be used."""

    def header(self, **fields: Any) -> dict[str, Any]:
        """Return the first line of a new file."""
        return {self.name: self.version, **fields}

    def read_header(self, path: Path) -> dict[str, Any]:
        """Return the first line of a file.

        Raises:
            StepError: The file is something else or newer, or cannot be read; of the
                class ``error``.
        """
        try:
            with path.open("rb") as file:
                line = file.readline(_LONGEST_HEADER)
        except OSError as exc:
            raise self.unreadable(path, exc) from exc
        value = _parsed(line).value
        version = value.get(self.name) if isinstance(value, Mapping) else None
        if not isinstance(version, int):
            message = (
                f"{path} is not a {self.name}: its first line does not say so. It is "
                "left as it is; choose another file."
            )
            raise self.error(message)
        if not 0 < version <= self.version:
            message = (
                f"{path} is a {self.name} of version {version}; this stepmagic reads "
                f"version {self.version}. Install a newer stepmagic to read it, or "
                "choose another file."
            )
            raise self.error(message)
        return dict(value)

    def unreadable(self, path: Path, exc: OSError) -> StepError:
        """Return the error for a file that cannot be read."""
        return self.error(f"{path} cannot be read: {reason(exc)}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A complete line of a log."""

    number: int = 0
    """Its place in the file; the first is 1."""
    value: Any = None
    is_json: bool = True
    """False for a damaged line, whose ``value`` is None."""


class LogReader:
    """Reads the complete lines of a log, each time those that were added since.

    Args:
        path: The file; it need not exist before ``read``.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.number = 0
        """How many lines were read."""
        self._offset = 0
        self._file: tuple[int, int] | None = None

    def restart(self) -> None:
        """Read from the first line again."""
        self.number = self._offset = 0
        self._file = None

    def is_replaced(self) -> bool:
        """Whether what was read is not in the file any more; restarts then.

        Raises:
            OSError: The file does not exist or cannot be read.
        """
        about = self.path.stat()
        identity = about.st_dev, about.st_ino
        if identity == self._file and about.st_size >= self._offset:
            return False
        self.restart()
        self._file = identity
        return True

    def has_more(self) -> bool:
        """Whether the file is longer than what was read.

        Raises:
            OSError: The file does not exist or cannot be read.
        """
        return self.path.stat().st_size > self._offset

    def read(self) -> Iterator[Line]:
        """Yield the lines that follow, without blank ones and a torn last one.

        Raises:
            OSError: The file does not exist or cannot be read.
        """
        with self.path.open("rb") as file:
            file.seek(self._offset)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                self._offset += len(line)
                self.number += 1
                if not line.isspace():
                    yield _parsed(line, self.number)


class AppendLog:
    """A log that is written to; the file is opened with the first line.

    Args:
        path: The file; its folder must exist.
        header: The first line of a new file, where it has one.
        is_new: Whether the file must not exist yet.
    """

    def __init__(
        self,
        path: Path,
        *,
        header: Mapping[str, Any] | None = None,
        is_new: bool = False,
    ) -> None:
        self.path = path
        self._header = header
        self._is_new = is_new
        self._file: FileIO | None = None

    def append(self, *values: Any, keys: Iterable[Redactor] = ()) -> None:
        """Write values, a line each, in a single write.

        Args:
            values: JSON values. Half of a surrogate pair is written as its escape.
            keys: API keys that must not be in the file.

        Raises:
            OSError: The file cannot be opened or written. Half a line may be in it; it
                does no harm, since the next ``append`` starts a new one.
        """
        text = "".join(f"{json.dumps(value)}\n" for value in values)
        for key in keys:
            text = key.redact(text)
        data = text.encode("ascii")
        try:
            if self._file is None:
                self._file = self._open()
                data = self._start() + data
            while data:
                data = data[self._file.write(data) :]
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Close the file; the next ``append`` opens it again."""
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):
                file.close()

    def _open(self) -> FileIO:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT
        if self._is_new:
            flags |= os.O_EXCL
        handle = os.open(self.path, flags, 0o600)
        self._is_new = False
        return FileIO(handle, "r+")

    def _start(self) -> bytes:
        """Return what has to be written before the first line."""
        file = self._file
        if file is None or not file.seek(0, os.SEEK_END):
            header = self._header
            return b"" if header is None else json.dumps(header).encode() + b"\n"
        file.seek(-1, os.SEEK_END)
        return b"" if file.read(1) == b"\n" else b"\n"


def replace_file(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Write a file so that a reader finds the old content or the new, never a part.

    Args:
        path: The file; its folder must exist.
        data: The new content.
        mode: The permissions of the new file.

    Raises:
        OSError: It cannot be written; the old file is as it was.
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        part.chmod(mode)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def reason(exc: Exception) -> str:
    """Return why something failed, for a message to the user."""
    if isinstance(exc, OSError) and exc.strerror:
        return exc.strerror
    return str(exc) or type(exc).__name__


def _parsed(line: bytes, number: int = 0) -> Line:
    try:
        return Line(number=number, value=json.loads(line))
    except (ValueError, RecursionError):
        return Line(number=number, is_json=False)
