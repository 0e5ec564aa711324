"""Saved files: each is written completely or not at all, and replaces only its kind.

The suffix chooses the format. Only ``.json`` contains everything, so only that is read
back; only its owner may read it, since the attachments are in it.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stepmagic.errors import TranscriptError
from stepmagic.storage import markdown, notebook
from stepmagic.storage.journal_file import Recovered, is_journal, read_journal
from stepmagic.storage.snapshot import Saved, saved_from_dict, saved_to_dict
from stepmagic.transcript.log import replace_file


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    """One kind of file."""

    write: Callable[[Saved], str]
    is_ours: Callable[[str], bool]
    """Whether a text is a file that ``write`` made."""
    is_private: bool = False


def _write_json(saved: Saved) -> str:
    return json.dumps(saved_to_dict(saved), indent=1) + "\n"


def _is_saved(text: str) -> bool:
    form = _parsed(text)
    return isinstance(form, dict) and {"version", "turns", "heads"} <= form.keys()


def _parsed(text: str) -> Any:
    with contextlib.suppress(ValueError, RecursionError):
        return json.loads(text)
    return None


_FORMS = {
    ".json": _Form(write=_write_json, is_ours=_is_saved, is_private=True),
    ".md": _Form(write=markdown.write, is_ours=markdown.is_ours),
    ".ipynb": _Form(
        write=notebook.write, is_ours=lambda text: notebook.is_ours(_parsed(text))
    ),
}


def save_file(saved: Saved, path: Path) -> None:
    """Write a conversation to a file, in the form of its suffix.

    Raises:
        TranscriptError: There is no such format, the file is something else, or it
            cannot be written; what was there is as it was.
    """
    form = _FORMS.get(path.suffix.lower())
    if form is None:
        message = (
            f"there is no format for {path.name!r}: end the name with .json to load it "
            "again, with .md or .ipynb to read it."
        )
        raise TranscriptError(message)
    # A link stays one: the file that it leads to is replaced.
    path = path.resolve()
    try:
        if path.exists() and not form.is_ours(path.read_text("utf-8", "replace")):
            message = (
                f"{path} exists and is not a conversation saved by stepmagic. "
                "Choose another name, or remove it."
            )
            raise TranscriptError(message)
        # Half of a surrogate pair, which a model may send, has no UTF-8.
        data = form.write(saved).encode("utf-8", "replace")
        replace_file(path, data, mode=0o600 if form.is_private else _usual_mode(path))
    except OSError as exc:
        message = f"{path} cannot be written: {exc.strerror}."
        raise TranscriptError(message) from exc


def _usual_mode(path: Path) -> int:
    """Return the mode of the file that is replaced, or that of any new file."""
    if path.exists():
        return path.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def load_file(path: Path) -> tuple[tuple[Saved, ...], tuple[str, ...]]:
    """Return the conversations in a file, and what of it could not be read.

    Raises:
        TranscriptError: It cannot be read, is neither a saved ``.json`` nor a journal,
            or has a newer format version.
    """
    if is_journal(path):
        found: Recovered = read_journal(path)
        return found.conversations, found.faults
    try:
        text = path.read_text("utf-8")
    except OSError as exc:
        message = f"{path} cannot be read: {exc.strerror}."
        raise TranscriptError(message) from exc
    except ValueError as exc:
        message = f"{path} is not a saved conversation: it is not text."
        raise TranscriptError(message) from exc
    form = _parsed(text)
    if form is None:
        message = (
            f"{path} is not a saved conversation, or damaged: it is not JSON. Only "
            ".json files and journals can be loaded."
        )
        raise TranscriptError(message)
    try:
        return (saved_from_dict(form),), ()
    except TranscriptError as exc:
        message = f"{path}: {exc}"
        raise TranscriptError(message) from exc
