"""Stored files, opened without waiting and read up to a limit.

Devices, pipes and what the system makes up (``/proc`` shows the environment, and with
it the API key) are refused.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import BinaryIO

from stepmagic.attachments.files.urls import check_url, is_url, url_notices
from stepmagic.errors import AttachmentError
from stepmagic.transcript.usage import format_bytes

_NAMES = (
    ".env",
    ".env.*",
    "*.env",
    ".git-credentials",
    ".htpasswd",
    ".netrc",
    "_netrc",
    ".npmrc",
    ".pgpass",
    ".pypirc",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    "id_rsa",
    "*.jks",
    "*.kdbx",
    "*.keystore",
    "*.p12",
    "*.pfx",
    "*.ppk",
    ".aws/credentials",
    ".docker/config.json",
    ".kube/config",
    "gcloud/application_default_credentials.json",
)
"""Patterns of names in which tools keep secrets, with the folder where needed."""

_HARMLESS = (".env.example", ".env.sample", ".env.template")

# RFC 7468, section 3, for keys of OpenSSL and OpenSSH; RFC 4880, 6.2, for OpenPGP.
_PRIVATE_KEY = re.compile(r"^[ \t]*-----BEGIN [A-Z0-9 ]*PRIVATE KEY", re.MULTILINE)


def refuse_secret(path: PurePath, name: str) -> None:
    """Refuse a file whose name suggests that it contains secrets.

    Raises:
        AttachmentError: It is such a file.
    """
    plain = PurePath(path.as_posix().casefold())
    if any(map(plain.match, _NAMES)) and plain.name not in _HARMLESS:
        what = "" if path.name == PurePath(name).name else f" ({path.name})"
        message = (
            f"`{name}`{what} is a file in which keys or passwords are kept, and is not "
            "sent. Copy what the model may see into a text, and attach that."
        )
        raise AttachmentError(message)


def refuse_private_key(text: str, name: str) -> None:
    """Refuse a text that contains a private key.

    Raises:
        AttachmentError: A line of it begins one.
    """
    if _PRIVATE_KEY.search(text):
        message = (
            f"`{name}` contains a private key, and is not sent. Copy what the model "
            "may see into a text, and attach that."
        )
        raise AttachmentError(message)


HEAD_BYTES = 4096
"""Enough to recognize a format by its first bytes, and text from binary."""

_COMPRESSED = (".gz", ".bz2", ".xz", ".zst")
_COMPRESSED_TABLES = (".csv", ".tsv", ".jsonl", ".ndjson")

_MADE_UP = (Path("/proc"), Path("/sys"))
_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)  # a pipe must not hold the kernel up
    | getattr(os, "O_BINARY", 0)  # Windows reads text otherwise
    | getattr(os, "O_CLOEXEC", 0)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A stored file, open for reading."""

    name: str
    """What the user called it."""
    path: Path
    """The real path, with symbolic links resolved."""
    suffix: str
    """The end of the name it was asked for by, in lower case: ``.csv``."""
    size: int
    """Bytes when it was opened; it may have grown."""
    is_compressed: bool = False
    """Whether it is a table that is compressed; ``suffix`` is the one before."""
    file: BinaryIO = field(repr=False)

    @property
    def compression(self) -> str:
        """What it is compressed by, by the end of its name: ``.gz``; else nothing."""
        return self.path.suffix.casefold() if self.is_compressed else ""

    def head(self) -> bytes:
        """Return its first bytes; the next read begins at the first again."""
        self.file.seek(0)
        head = self.file.read(HEAD_BYTES)
        self.file.seek(0)
        return head

    def read(self, most: int, *, advice: str) -> bytes:
        """Return all of it.

        Args:
            most: Bytes it may have.
            advice: What to do where it has more.

        Raises:
            AttachmentError: It is larger, or the reading failed.
        """
        self.file.seek(0)
        try:
            data = self.file.read(most + 1)
        except OSError as exc:
            raise _unreadable(self.name, exc) from exc
        if len(data) > most:
            message = (
                f"`{self.name}` is {format_bytes(max(self.size, len(data)))}; at most "
                f"{format_bytes(most)} of such a file can be sent. {advice}"
            )
            raise AttachmentError(message)
        return data


@contextlib.contextmanager
def open_source(path: str | Path, name: str) -> Iterator[Source]:
    """Open a stored file for as long as the block runs.

    Args:
        path: Where it is; ``~`` is the home folder.
        name: What the user called it, for messages.

    Raises:
        AttachmentError: There is no such file, it cannot be read, it is a folder, a
            device or a pipe, or it contains secrets.
    """
    asked = Path(path)
    try:
        real = asked.expanduser().resolve(strict=True)
        for known in (asked, real):
            refuse_secret(known, name)
        _check_stored(real, real.stat().st_mode, name)
        descriptor = os.open(real, _FLAGS)
    except (OSError, ValueError, RuntimeError) as exc:
        raise _unreadable(name, exc) from exc
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        _check_stored(real, found.st_mode, name)  # it may be another file by now
        inner = PurePath(asked.stem).suffix.casefold()
        is_compressed = (
            asked.suffix.casefold() in _COMPRESSED and inner in _COMPRESSED_TABLES
        )
        yield Source(
            name=name,
            path=real,
            suffix=inner if is_compressed else asked.suffix.casefold(),
            size=found.st_size,
            is_compressed=is_compressed,
            file=file,
        )


def _check_stored(real: Path, mode: int, name: str) -> None:
    if stat.S_ISDIR(mode):
        message = (
            f"`{name}` is a folder. Name the files in it, such as "
            f"`{name.rstrip(os.sep)}/*.png`."
        )
        raise AttachmentError(message)
    if not stat.S_ISREG(mode) or any(map(real.is_relative_to, _MADE_UP)):
        message = (
            f"`{name}` is not a regular file but a device, a pipe or a system file."
        )
        raise AttachmentError(message)


def _unreadable(name: str, exc: Exception) -> AttachmentError:
    reason = getattr(exc, "strerror", None) or str(exc)
    message = f"`{name}` cannot be read: {reason}."
    return AttachmentError(message)


__all__ = [
    "Source",
    "check_url",
    "is_url",
    "open_source",
    "refuse_private_key",
    "url_notices",
]
