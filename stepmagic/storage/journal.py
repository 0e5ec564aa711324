"""The journal of this kernel: every turn on disk from its start, for ``%step load``.

Lines are made and written by a thread of its own, so that a slow disk holds nothing up.
Whatever goes wrong there ends the journal with one complaint and never an answer. The
form of the lines is that of ``saving.journals``, which reads them.
"""

from __future__ import annotations

import asyncio
import atexit
import base64
import contextlib
import json
import os
import queue
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

from stepmagic.keys import Key
from stepmagic.settings import current, state_folder
from stepmagic.storage.journal_file import (
    Change,
    Header,
    digest,
    file_name,
    find_journals,
    remove_old,
    without_bytes,
)
from stepmagic.storage.snapshot import About, Saved
from stepmagic.transcript import Turn, to_form, turn_to_dict, user

EVERY_S = 1.0
"""How often a turn that is still coming is written."""

_WAIT_S = 0.5
"""How long the end of a turn waits for the disk."""

_CLOSE_S = 2.0
_NO_PROMPT = user()


def journal_folder(setting: str) -> Path:
    """Return where journals lie, given ``%config StepMagic.journal``.

    Raises:
        OSError: There is no home folder to keep them in.
    """
    if setting != "auto":
        return Path(setting).expanduser().absolute()
    folder = state_folder()
    if not folder.is_absolute():
        message = "there is no home folder"
        raise OSError(message)
    return folder / "journals"


def notebook() -> str | None:
    """Return the path of the notebook around us, where Jupyter's server names it."""
    return os.environ.get("JPY_SESSION_NAME") or None


@dataclass(slots=True)
class _Noted:
    """What the journal has of a conversation already."""

    turns: set[str] = field(default_factory=set)
    about: About | None = None
    heads: dict[str, str | None] = field(default_factory=dict)
    branch: str | None = None

    def news(self, saved: Saved) -> Change | None:
        """Return what has changed beside the turns, and take it for noted."""
        tree, heads = saved.tree, dict(saved.tree.heads)
        change = Change(
            about=None if saved.about == self.about else saved.about,
            heads={
                name: head
                for name, head in heads.items()
                if name not in self.heads or self.heads[name] != head
            },
            branch=None if tree.branch == self.branch else tree.branch,
        )
        self.about, self.heads, self.branch = saved.about, heads, tree.branch
        return None if change == Change() else change

    def fresh(self, saved: Saved) -> list[Turn]:
        """Return the turns that are not noted, oldest first, and take them for it."""
        found: list[Turn] = []
        for turn in reversed(saved.tree.turns.values()):
            if turn.id in self.turns:
                break
            found.append(turn)
        self.turns.update(turn.id for turn in found)
        return found[::-1]


class Journal:
    """One file of this process; made with the first turn, ended by the first fault."""

    def __init__(self, setting: str) -> None:
        """Prepare to write; ``setting`` is what it was asked for with."""
        self.setting = setting
        self.pid = os.getpid()
        self.path: Path | None = None
        """Where it is, once it has a line."""
        self._noted: dict[str, _Noted] = {}
        self._keys: dict[str, Key] = {}
        self._media: set[str] = set()
        self._file: BinaryIO | None = None
        self._fault = ""
        self._is_off = False
        self._lock = threading.Lock()
        self._waiting: queue.SimpleQueue[Callable[[], None] | None]
        self._waiting = queue.SimpleQueue()
        self._thread: threading.Thread | None = threading.Thread(
            target=self._run, name="stepmagic-journal", daemon=True
        )
        self._thread.start()

    @property
    def is_on(self) -> bool:
        """Whether it still writes."""
        return not self._is_off

    def put(
        self, talk: str, saved: Saved, *turns: Turn, key: Key | None = None
    ) -> None:
        """Note how a conversation stands; returns at once.

        Args:
            talk: What tells it from every other conversation of this process.
            saved: The conversation. What the journal lacks of it is written.
            turns: Those of its turns that have grown or were closed.
            key: What must not come to stand in the file.
        """
        if self._is_off or not (saved.tree.turns or talk in self._noted):
            return
        with self._lock:
            if key is not None:
                self._keys[key.source] = key
            noted = self._noted.setdefault(talk, _Noted())
            fresh, change = noted.fresh(saved), noted.news(saved)
            begun = {turn.id for turn in fresh}
            grown = [turn for turn in turns if turn.id not in begun]
            if fresh or grown or change:
                self._do(lambda: self._write(talk, fresh, grown, change))

    async def settle(self) -> str:
        """Wait until all is written, or half a second; returns a fault, once."""
        written: Future[None] = Future()
        with self._lock:
            self._do(lambda: written.set_result(None))
        await asyncio.wait({asyncio.wrap_future(written)}, timeout=_WAIT_S)
        said, self._fault = self._fault, ""
        return said

    def close(self) -> None:
        """Write what waits; what comes later is written where it is put.

        A process that ends may close its turns after its journal.
        """
        with self._lock:
            thread, self._thread = self._thread, None
            self._waiting.put(None)
        if thread is not None:
            thread.join(_CLOSE_S)
        self._shut()

    def end(self) -> None:
        """Write what waits, and nothing from then on."""
        self.close()
        self._is_off = True

    def _shut(self) -> None:
        if self._file is not None:
            # What a full disk did not take is written, in vain, once more.
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None

    def _do(self, work: Callable[[], None]) -> None:
        if self._thread is None:
            work()
        else:
            self._waiting.put(work)

    def _run(self) -> None:
        while (work := self._waiting.get()) is not None:
            work()

    def _write(
        self, talk: str, fresh: list[Turn], grown: list[Turn], change: Change | None
    ) -> None:
        """Write lines, media before the turns that name them."""
        if self._is_off:
            return
        try:
            for line in self._lines(talk, fresh, grown, change):
                self._append(line)
        except Exception as exc:  # noqa: BLE001 - a journal must not cost an answer
            self._is_off = True
            self._fault = (
                f"The journal is off: {_reason(exc)}. Answers are kept in this kernel "
                "alone. `%config StepMagic.journal` names another folder; empty keeps "
                "none."
            )
            self._shut()
        if self._thread is None:
            self._shut()

    def _lines(
        self, talk: str, fresh: list[Turn], grown: list[Turn], change: Change | None
    ) -> Iterator[dict[str, Any]]:
        for turn in fresh:
            yield from self._turn_lines(talk, "turn", turn)
        for turn in grown:
            kept = replace(turn, prompt=_NO_PROMPT)
            yield from self._turn_lines(talk, "again", kept)
        if change is not None:
            yield {"talk": talk, "about": to_form(change)}

    def _turn_lines(self, talk: str, kind: str, turn: Turn) -> Iterator[dict[str, Any]]:
        media: dict[str, bytes] = {}

        def note(data: bytes) -> str:
            name = digest(data)
            media[name] = data
            return name

        form = turn_to_dict(without_bytes(turn, note))
        if kind == "again":
            del form["prompt"]
        for name in media.keys() - self._media:
            yield {"media": name, "data": base64.b64encode(media[name]).decode("ascii")}
            self._media.add(name)
        yield {"talk": talk, kind: form}

    def _append(self, form: dict[str, Any]) -> None:
        if self._file is None and self.path is not None:
            self._file = self.path.open("ab")
        elif self._file is None:
            header = _header()
            self._file = self._open(header)
            self._append({"journal": header.journal, **to_form(header)})
        text = json.dumps(form)
        for key in self._keys.values():
            text = key.redact(text)
        self._file.write(text.encode() + b"\n")
        self._file.flush()

    def _open(self, header: Header) -> BinaryIO:
        """Make the file, for its owner alone, and remove what is old."""
        folder = journal_folder(self.setting)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        remove_old(folder, current().journal_days)
        self.path = folder / file_name(header, secrets.token_hex(4))
        return os.fdopen(
            os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb"
        )


def _header() -> Header:
    folder = ""
    # The folder may have been removed.
    with contextlib.suppress(OSError):
        folder = str(Path.cwd())
    return Header(
        started_at=time.time(), pid=os.getpid(), notebook=notebook(), folder=folder
    )


def _reason(exc: Exception) -> str:
    if isinstance(exc, OSError) and exc.strerror:
        return f"{exc.strerror} ({exc.filename})" if exc.filename else exc.strerror
    return str(exc) or type(exc).__name__


def place() -> str:
    """Return in words where the journal is."""
    kept = journal()
    if kept is None:
        return "off: `%config StepMagic.journal` names a folder, or auto"
    if not kept.is_on:
        return "off, after a fault"
    return str(kept.path) if kept.path else "begins with the first turn"


_journals: list[Journal] = []
"""Those of this process, the one in use last."""


def journal() -> Journal | None:
    """Return the journal as it is set now; None where none is kept.

    A forked child has one of its own: it never writes to its parent's.
    """
    setting = current().journal
    if not setting:
        return None
    last = _journals[-1] if _journals else None
    if last is None or (last.setting, last.pid) != (setting, os.getpid()):
        if last is not None and last.pid == os.getpid():
            last.end()
        last = Journal(setting)
        _journals.append(last)
    return last


def earlier_journals() -> list[Path]:
    """Return the journals other than this process's, last written to first.

    Raises:
        OSError: There is no home folder where they could lie.
    """
    setting = current().journal
    if not setting:
        return []
    # In this order: the writer's thread may make the file of this process meanwhile,
    # and its path is known before it is there.
    found = find_journals(journal_folder(setting))
    own = {each.path for each in _journals if each.pid == os.getpid()}
    return [path for path in found if path not in own]


def forget() -> None:
    """End the journal and begin anew, as a new process would."""
    for each in _journals:
        each.end()
    _journals.clear()


@atexit.register
def _close() -> None:
    for each in _journals:
        if each.pid == os.getpid():
            each.close()
