"""Journals as files: how they are named, what a line contains, how they are read.

A journal is a log of JSON lines. The header names the kernel and its notebook; each
other line contains one of:

    media   bytes that turns refer to by their SHA-256, once
    turn    a turn as it began
    again   the same turn later on, without its prompt, which does not change
    about   what changed of the conversation besides its turns

A line that cannot be read is skipped and reported, and the rest is used.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from stepmagic.errors import TranscriptError
from stepmagic.storage.snapshot import About, Saved, closed
from stepmagic.transcript import (
    VERSION,
    File,
    Image,
    Part,
    Turn,
    TurnTree,
    Video,
    from_form,
    turn_from_dict,
)
from stepmagic.transcript.log import Line, LogFormat, LogReader
from stepmagic.transcript.turns import with_parts

FORMAT = LogFormat(name="journal", version=VERSION, error=TranscriptError)
_NAME = re.compile(r"journal-\d{8}T\d{6}-\d+-[0-9a-f]{8}\.jsonl")
BY_HASH = "sha256:"
"""Prefix of a part's URL whose bytes are in a ``media`` line."""

_DAY_S = 86_400
_SHOWN = 40
"""Characters of a prompt that a fault quotes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The first line of a journal."""

    journal: int = VERSION
    """Version of the format."""
    started_at: float
    """Unix time, seconds."""
    pid: int
    notebook: str | None = None
    """``JPY_SESSION_NAME``: the notebook's path, if Jupyter's server has set it."""
    folder: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What changed of a conversation besides its turns; None is unchanged."""

    about: About | None = None
    heads: Mapping[str, str | None] = field(default_factory=dict)
    branch: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """The content of a journal."""

    header: Header
    conversations: tuple[Saved, ...]
    faults: tuple[str, ...]
    """Lines and turns that could not be read, a message each."""


def file_name(header: Header, token: str) -> str:
    """Return the name of a new journal; ``token`` is eight random hex digits."""
    moment = time.strftime("%Y%m%dT%H%M%S", time.gmtime(header.started_at))
    return f"journal-{moment}-{header.pid}-{token}.jsonl"


def find_journals(folder: Path) -> list[Path]:
    """Return the journals in a folder, the one written to last comes first."""
    found: list[tuple[float, str, Path]] = []
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            # Another kernel may remove it at any moment.
            with contextlib.suppress(OSError):
                if _NAME.fullmatch(path.name):
                    found.append((path.stat().st_mtime, path.name, path))
    return [path for _, _, path in sorted(found, reverse=True)]


def remove_old(folder: Path, days: int) -> None:
    """Remove the journals that have not been written to for some days."""
    for path in find_journals(folder):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > days * _DAY_S:
                path.unlink()


def is_journal(path: Path) -> bool:
    """Whether a file is read as a journal, by its suffix."""
    return path.suffix == ".jsonl"


def digest(data: bytes) -> str:
    """Return the name of some bytes in a journal: their SHA-256."""
    return hashlib.sha256(data).hexdigest()


def _with_bytes(turn: Turn, media: Mapping[str, bytes]) -> Turn:
    def with_data(part: Part) -> Part:
        match part:
            case Image() | Video() | File() if (part.url or "").startswith(BY_HASH):
                name = (part.url or "").removeprefix(BY_HASH)
                if name not in media:
                    message = f"the bytes of {part.name or part.media_type} are missing"
                    raise TranscriptError(message)
                return replace(part, url=None, data=media[name])
        return part

    return with_parts(turn, with_data)


def read_header(path: Path) -> Header:
    """Return the first line of a journal.

    Raises:
        TranscriptError: The file is not a journal, or of a newer version, or cannot be
            read.
    """
    return from_form(Header, FORMAT.read_header(path), "the first line")


def read_journal(path: Path) -> Recovered:
    """Return the conversations of a journal; turns that were running are closed.

    Raises:
        TranscriptError: The file is not a journal, or of a newer version, or cannot be
            read.
    """
    header = read_header(path)
    replay = _Replay()
    try:
        for line in LogReader(path).read():
            if line.number > 1:
                replay.take(line)
    except OSError as exc:
        raise FORMAT.unreadable(path, exc) from exc
    return Recovered(
        header=header,
        conversations=tuple(replay.conversations()),
        faults=tuple(replay.faults),
    )


@dataclass(slots=True)
class _Replayed:
    """A conversation as replayed so far."""

    about: About = field(default_factory=About)
    turns: dict[str, Turn] = field(default_factory=dict)
    heads: dict[str, str | None] = field(default_factory=dict)
    branch: str | None = None


class _Replay:
    """Applies the lines of a journal in order."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self._media: dict[str, bytes] = {}
        self._replayed: dict[str, _Replayed] = {}

    def take(self, line: Line) -> None:
        """Apply a line; one that cannot be read is recorded as a fault."""
        if not line.is_json:
            self.faults.append(f"line {line.number} is not JSON")
            return
        try:
            self._take(line.value)
        except (
            TranscriptError,
            AttributeError,
            KeyError,
            TypeError,
            ValueError,
            RecursionError,
        ) as exc:
            self.faults.append(f"line {line.number}: {exc}")

    def _take(self, form: Any) -> None:
        match form:
            case {"media": str(name), "data": str(data)}:
                self._add_media(name, data)
            case {"talk": str(conversation), "turn": held}:
                turn = _with_bytes(turn_from_dict(held), self._media)
                self._find(conversation).turns[turn.id] = turn
            case {"talk": str(conversation), "again": {"id": str(turn_id)} as held}:
                self._again(self._find(conversation).turns, turn_id, held)
            case {"talk": str(conversation), "about": held}:
                self._change(self._find(conversation), from_form(Change, held, "about"))
            case _:
                message = "it is not a kind of line that a journal has"
                raise TranscriptError(message)

    def _find(self, name: str) -> _Replayed:
        return self._replayed.setdefault(name, _Replayed())

    def _add_media(self, name: str, data: str) -> None:
        content = base64.b64decode(data, validate=True)
        if digest(content) != name:
            message = "the bytes are not those that were written"
            raise TranscriptError(message)
        self._media[name] = content

    def _again(
        self, turns: dict[str, Turn], turn_id: str, held: Mapping[str, Any]
    ) -> None:
        begun = turns.get(turn_id)
        if begun is None:
            message = f"turn {turn_id!r} has no beginning"
            raise TranscriptError(message)
        form = {**held, "prompt": {"role": "user", "parts": []}}
        turn = _with_bytes(turn_from_dict(form), self._media)
        turns[turn_id] = replace(turn, parent=begun.parent, prompt=begun.prompt)

    def _change(self, replayed: _Replayed, change: Change) -> None:
        replayed.about = change.about or replayed.about
        replayed.branch = change.branch or replayed.branch
        replayed.heads.update(change.heads)

    def conversations(self) -> Iterator[Saved]:
        """Yield the conversations that have a turn, in their last state."""
        for replayed in self._replayed.values():
            if replayed.turns:
                yield self._saved(replayed)

    def _saved(self, replayed: _Replayed) -> Saved:
        tree = TurnTree(heads={}, branch=replayed.branch or replayed.about.name)
        for turn in replayed.turns.values():
            lost = turn.parent is not None and turn.parent not in tree.turns
            if lost:
                shown = turn.prompt.typed[:_SHOWN]
                self.faults.append(f"the turn before {shown!r} is missing")
            tree.turns[turn.id] = replace(turn, parent=None) if lost else turn
        tree.heads = {
            name: head if head in tree.turns else None
            for name, head in replayed.heads.items()
        }
        if tree.branch not in tree.heads:
            tree.heads[tree.branch] = next(reversed(tree.turns))
        undone = tuple(turn for turn in replayed.about.undone if turn in tree.turns)
        if self.faults:
            _keep_every_end(tree)
        about = replace(replayed.about, undone=undone)
        return Saved(about=about, tree=closed(tree))


def _keep_every_end(tree: TurnTree) -> None:
    """Give a branch to each turn without a successor: heads may have been lost."""
    parents = {turn.parent for turn in tree.turns.values()}
    for turn in tree.turns.values():
        if turn.id not in parents:
            tree.keep(turn.id)
