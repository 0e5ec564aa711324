"""Journals as files: where they lie, what a line holds, and what they tell.

A journal is JSON lines. The first says whose it is; each of the others holds one thing:

    media   bytes that turns refer to by their SHA-256, once
    turn    a turn as it began
    again   the same turn later on, without its prompt, which does not change
    about   what changed of the conversation beside its turns

A kernel may be killed at any byte, so a last line without its end says nothing. Any
other line that cannot be read is left out and named: the rest is not lost with it.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

from stepmagic.errors import TranscriptError
from stepmagic.storage.snapshot import About, Saved, closed
from stepmagic.transcript import (
    VERSION,
    File,
    Image,
    Message,
    Part,
    ToolResult,
    Turn,
    TurnTree,
    Video,
    from_form,
    turn_from_dict,
)

_NAME = re.compile(r"journal-\d{8}T\d{6}-\d+-[0-9a-f]{8}\.jsonl")
_BY_HASH = "sha256:"
"""How the address of a media part begins whose bytes lie in a line of their own."""

_DAY_S = 86_400
_LONGEST_HEADER = 100_000
_SHOWN = 40
"""Letters of a prompt that a fault quotes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The first line of a journal."""

    journal: int = VERSION
    """Version of the form."""
    started_at: float
    """Unix time, seconds."""
    pid: int
    notebook: str | None = None
    """``JPY_SESSION_NAME``: the notebook's path, where the server says it."""
    folder: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What changed of a conversation beside its turns; None did not."""

    about: About | None = None
    heads: Mapping[str, str | None] = field(default_factory=dict)
    branch: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """What a journal tells."""

    header: Header
    conversations: tuple[Saved, ...]
    faults: tuple[str, ...]
    """Lines and turns that could not be read, in words."""


def file_name(header: Header, token: str) -> str:
    """Return what a new journal is called; ``token`` is eight random hex digits."""
    moment = time.strftime("%Y%m%dT%H%M%S", time.gmtime(header.started_at))
    return f"journal-{moment}-{header.pid}-{token}.jsonl"


def find_journals(folder: Path) -> list[Path]:
    """Return the journals in a folder, the one last written to first."""
    found: list[tuple[float, str, Path]] = []
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            # Another kernel may remove it at any moment.
            with contextlib.suppress(OSError):
                if _NAME.fullmatch(path.name):
                    found.append((path.stat().st_mtime, path.name, path))
    return [path for _, _, path in sorted(found, reverse=True)]


def remove_old(folder: Path, days: int) -> None:
    """Remove the journals that nobody has written to for some days."""
    for path in find_journals(folder):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > days * _DAY_S:
                path.unlink()


def is_journal(path: Path) -> bool:
    """Whether a file is read as a journal, by the end of its name."""
    return path.suffix == ".jsonl"


def digest(data: bytes) -> str:
    """Return what a journal calls some bytes."""
    return hashlib.sha256(data).hexdigest()


def without_bytes(turn: Turn, note: Callable[[bytes], str]) -> Turn:
    """Return a turn whose media are named by their hashes.

    Args:
        turn: A turn.
        note: Takes the bytes of each of them; returns their hash.
    """

    def named(part: Part) -> Part:
        match part:
            case Image() | Video() | File() if part.data is not None:
                return replace(part, data=None, url=_BY_HASH + note(part.data))
        return part

    return _with_parts(turn, named)


def _with_bytes(turn: Turn, media: Mapping[str, bytes]) -> Turn:
    def whole(part: Part) -> Part:
        match part:
            case Image() | Video() | File() if (part.url or "").startswith(_BY_HASH):
                name = (part.url or "").removeprefix(_BY_HASH)
                if name not in media:
                    message = f"the bytes of {part.name or part.media_type} are missing"
                    raise TranscriptError(message)
                return replace(part, url=None, data=media[name])
        return part

    return _with_parts(turn, whole)


def _with_parts(turn: Turn, change: Callable[[Part], Part]) -> Turn:
    def in_part(part: Part) -> Part:
        if isinstance(part, ToolResult):
            # A changed medium is one of the kind it was.
            inner: Any = tuple(change(each) for each in part.parts)
            return replace(part, parts=inner)
        return change(part)

    def in_message(message: Message) -> Message:
        return replace(message, parts=tuple(map(in_part, message.parts)))

    return replace(
        turn,
        prompt=in_message(turn.prompt),
        replies=tuple(map(in_message, turn.replies)),
    )


def read_header(path: Path) -> Header:
    """Return the first line of a journal.

    Raises:
        TranscriptError: It is none, or of a newer form, or the file cannot be read.
    """
    with _opened(path) as file:
        return _header(path, file.readline(_LONGEST_HEADER))


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        with path.open("rb") as file:
            yield file
    except OSError as exc:
        message = f"{path} cannot be read: {exc.strerror}."
        raise TranscriptError(message) from exc


def _header(path: Path, line: bytes) -> Header:
    form: Any = None
    with contextlib.suppress(ValueError, RecursionError):
        form = json.loads(line)
    version = form.get("journal") if isinstance(form, dict) else None
    if not isinstance(version, int):
        message = f"{path} is no journal: its first line does not say so."
        raise TranscriptError(message)
    if version != VERSION:
        message = (
            f"{path} was written in form {version}; this stepmagic reads form "
            f"{VERSION}. Install a newer stepmagic to load it."
        )
        raise TranscriptError(message)
    return from_form(Header, form, "the first line")


def read_journal(path: Path) -> Recovered:
    """Return the conversations of a journal; turns that were running are closed.

    Raises:
        TranscriptError: It is none, or of a newer form, or the file cannot be read.
    """
    reading = _Reading()
    with _opened(path) as file:
        header = _header(path, file.readline(_LONGEST_HEADER))
        for number, line in enumerate(file, 2):
            if line.endswith(b"\n"):
                reading.take(number, line)
    return Recovered(
        header=header,
        conversations=tuple(reading.conversations()),
        faults=tuple(reading.faults),
    )


@dataclass(slots=True)
class _Talk:
    """A conversation as its lines have told it so far."""

    about: About = field(default_factory=About)
    turns: dict[str, Turn] = field(default_factory=dict)
    heads: dict[str, str | None] = field(default_factory=dict)
    branch: str | None = None


class _Reading:
    """Takes the lines of a journal in order."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self._media: dict[str, bytes] = {}
        self._talks: dict[str, _Talk] = {}

    def take(self, number: int, line: bytes) -> None:
        """Take a line; one that cannot be read is noted as a fault."""
        try:
            self._take(json.loads(line))
        except (ValueError, RecursionError):
            self.faults.append(f"line {number} is no JSON")
        except (TranscriptError, AttributeError, KeyError, TypeError) as exc:
            self.faults.append(f"line {number}: {exc}")

    def _take(self, form: Any) -> None:
        match form:
            case {"media": str(name), "data": str(data)}:
                self._add_media(name, data)
            case {"talk": str(talk), "turn": held}:
                turn = _with_bytes(turn_from_dict(held), self._media)
                self._talk(talk).turns[turn.id] = turn
            case {"talk": str(talk), "again": {"id": str(turn_id)} as held}:
                self._again(self._talk(talk).turns, turn_id, held)
            case {"talk": str(talk), "about": held}:
                self._change(self._talk(talk), from_form(Change, held, "about"))
            case _:
                message = "it is of no kind that a journal has"
                raise TranscriptError(message)

    def _talk(self, name: str) -> _Talk:
        return self._talks.setdefault(name, _Talk())

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

    def _change(self, talk: _Talk, change: Change) -> None:
        talk.about = change.about or talk.about
        talk.branch = change.branch or talk.branch
        talk.heads.update(change.heads)

    def conversations(self) -> Iterator[Saved]:
        """Yield the conversations that hold a turn, as they stood at the end."""
        for talk in self._talks.values():
            if talk.turns:
                yield self._conversation(talk)

    def _conversation(self, talk: _Talk) -> Saved:
        tree = TurnTree(heads={}, branch=talk.branch or talk.about.name)
        for turn in talk.turns.values():
            lost = turn.parent is not None and turn.parent not in tree.turns
            if lost:
                shown = turn.prompt.typed[:_SHOWN]
                self.faults.append(f"the turn before {shown!r} is gone")
            tree.turns[turn.id] = replace(turn, parent=None) if lost else turn
        tree.heads = {
            name: head if head in tree.turns else None
            for name, head in talk.heads.items()
        }
        if tree.branch not in tree.heads:
            tree.heads[tree.branch] = next(reversed(tree.turns))
        undone = tuple(turn for turn in talk.about.undone if turn in tree.turns)
        if self.faults:
            _keep_every_end(tree)
        return Saved(about=replace(talk.about, undone=undone), tree=closed(tree))


def _keep_every_end(tree: TurnTree) -> None:
    """Give a branch to each turn that none leads to, where heads may have been lost."""
    parents = {turn.parent for turn in tree.turns.values()}
    for turn in tree.turns.values():
        if turn.id not in parents:
            tree.keep(turn.id)
