"""Words that name files: a path, or a glob that matches several."""

from __future__ import annotations

import glob
import itertools
import os
import re
from collections.abc import Iterable
from pathlib import Path

from stepmagic.errors import AttachmentError, did_you_mean

MOST_FILES = 60
"""StepFun takes at most 60 images in a request (StepFun docs, Image understanding)."""

_MOST_NEIGHBOURS = 10_000
_DIGITS = re.compile(r"(\d+)")


def expand(word: str) -> list[Path]:
    """Return the files a path or glob names, ``frame2`` before ``frame10``.

    ``~`` is the home folder, and ``**`` any number of folders. A path that exists is
    taken literally, whatever characters it contains. A glob does not match folders or
    hidden files.

    Raises:
        AttachmentError: There is no such file, or a glob finds more than 60.
    """
    path = _home(word)
    try:
        if path.exists():
            return [path]
        found = list(itertools.islice(_matches(path), MOST_FILES + 1))
    except (OSError, ValueError) as exc:
        reason = getattr(exc, "strerror", None) or str(exc)
        message = f"`{word}` names no file: {reason}."
        raise AttachmentError(message) from exc
    if len(found) > MOST_FILES:
        message = (
            f"`{word}` names more than {MOST_FILES} files, which is the most that one "
            "message takes. Name fewer of them, such as `frame1*.png`."
        )
        raise AttachmentError(message)
    if not found:
        raise _nothing(word, path)
    return sorted(found, key=_natural)


def _home(word: str) -> Path:
    try:
        return Path(word).expanduser()
    except RuntimeError as exc:
        message = f"`{word}` names no file: there is no such user."
        raise AttachmentError(message) from exc


def _matches(path: Path) -> filter[Path]:
    names: Iterable[str] = ()
    if glob.has_magic(str(path)):
        # Path.glob rejects absolute patterns, and matches hidden files.
        names = glob.iglob(str(path), recursive=True)  # noqa: PTH207 - see above
    return filter(Path.is_file, map(Path, names))


def _natural(path: Path) -> list[tuple[int, str]]:
    """Return a sort key that orders numbers by value and ignores case."""
    pieces = _DIGITS.split(str(path).casefold())
    return [
        (int(piece), piece) if at % 2 else (-1, piece)
        for at, piece in enumerate(pieces)
    ]


def _nothing(word: str, path: Path) -> AttachmentError:
    if glob.has_magic(word):
        return AttachmentError(f"`{word}` matches no file.{_neighbours(path)}")
    return AttachmentError(f"there is no file `{word}`.{_neighbours(path)}")


def _neighbours(path: Path) -> str:
    """Return the names in the same folder that are close, as a hint."""
    try:
        with os.scandir(path.parent) as entries:
            names = [
                entry.name for entry in itertools.islice(entries, _MOST_NEIGHBOURS)
            ]
    except OSError:
        return f" There is no folder `{path.parent}`."
    return did_you_mean(path.name, names, most=3)
