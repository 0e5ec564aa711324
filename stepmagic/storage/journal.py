"""The journal of this kernel: every turn on disk from its start, for ``%step load``.

A background thread encodes and writes the lines, so that a slow disk delays nothing. An
error there ends the journal with one message to the user and never costs an answer.
``storage.journal_file`` describes the lines and reads them.
"""

from __future__ import annotations

import asyncio
import atexit
import base64
import contextlib
import os
import queue
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from stepmagic.keys import Key
from stepmagic.settings import Owner, current, kernel, state_folder
from stepmagic.storage.journal_file import (
    BY_HASH,
    FORMAT,
    Change,
    Header,
    digest,
    file_name,
    find_journals,
    remove_old,
)
from stepmagic.storage.snapshot import About, Saved
from stepmagic.transcript import (
    File,
    Image,
    Part,
    Turn,
    Video,
    to_form,
    turn_to_dict,
    user,
)
from stepmagic.transcript.log import AppendLog, reason
from stepmagic.transcript.turns import with_parts

EVERY_S = 1.0
"""How often a running turn is written."""

_WAIT_S = 0.5
"""How long the end of a turn waits for the disk."""

_CLOSE_S = 2.0
_NO_PROMPT = user()


def journal_folder(setting: str) -> Path:
    """Return the folder of the journals, given ``%config StepMagic.journal``.

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
    """Return the path of the current notebook, if Jupyter's server has set it."""
    return os.environ.get("JPY_SESSION_NAME") or None


@dataclass(slots=True)
class _Written:
    """What the journal already contains of a conversation."""

    turns: set[str] = field(default_factory=set)
    about: About | None = None
    heads: dict[str, str | None] = field(default_factory=dict)
    branch: str | None = None

    def changes(self, saved: Saved) -> Change | None:
        """Return what has changed besides the turns, and record it as written."""
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

    def new_turns(self, saved: Saved) -> list[Turn]:
        """Return the turns not written yet, oldest first, and record them as such."""
        found: list[Turn] = []
        for turn in reversed(saved.tree.turns.values()):
            if turn.id in self.turns:
                break
            found.append(turn)
        self.turns.update(turn.id for turn in found)
        return found[::-1]


class Journal:
    """One journal of this process: a file that is created with the first turn.

    Args:
        setting: The value of ``%config StepMagic.journal`` that asked for it.
    """

    def __init__(self, setting: str) -> None:
        self.setting = setting
        self.pid = os.getpid()
        self.path: Path | None = None
        """Where it is; None before the first line."""
        self._written: dict[str, _Written] = {}
        self._keys: dict[str, Key] = {}
        self._media: set[str] = set()
        self._log: AppendLog | None = None
        self._fault = ""
        self._is_off = False
        self._lock = threading.Lock()
        self._queue: queue.SimpleQueue[Callable[[], None] | None]
        self._queue = queue.SimpleQueue()
        self._thread: threading.Thread | None = threading.Thread(
            target=self._run, name="stepmagic-journal", daemon=True
        )
        self._thread.start()

    @property
    def is_on(self) -> bool:
        """Whether it still writes."""
        return not self._is_off

    def put(
        self, conversation: str, saved: Saved, *turns: Turn, key: Key | None = None
    ) -> None:
        """Queue the current state of a conversation for writing; returns at once.

        Args:
            conversation: An id of the conversation, unique in this process.
            saved: The conversation. Whatever the journal lacks of it is written.
            turns: Those of its turns that have grown or were closed.
            key: An API key to redact from the file.
        """
        if self._is_off or not (saved.tree.turns or conversation in self._written):
            return
        with self._lock:
            if key is not None:
                self._keys[key.source] = key
            written = self._written.setdefault(conversation, _Written())
            fresh, change = written.new_turns(saved), written.changes(saved)
            begun = {turn.id for turn in fresh}
            grown = [turn for turn in turns if turn.id not in begun]
            if fresh or grown or change:
                self._do(lambda: self._write(conversation, fresh, grown, change))

    async def settle(self) -> str:
        """Wait until the queue is written, half a second at most.

        Returns:
            An error message that was not shown yet; empty if there is none.
        """
        written: Future[None] = Future()
        with self._lock:
            self._do(lambda: written.set_result(None))
        await asyncio.wait({asyncio.wrap_future(written)}, timeout=_WAIT_S)
        fault, self._fault = self._fault, ""
        return fault

    def close(self) -> None:
        """Write the queue and end the thread; later lines are written synchronously.

        A process that exits may close its turns after its journal.
        """
        with self._lock:
            thread, self._thread = self._thread, None
            self._queue.put(None)
        if thread is not None:
            thread.join(_CLOSE_S)
        self._close_file()

    def end(self) -> None:
        """Write the queue, and nothing from then on."""
        self.close()
        self._is_off = True

    def _close_file(self) -> None:
        if self._log is not None:
            self._log.close()

    def _do(self, work: Callable[[], None]) -> None:
        if self._thread is None:
            work()
        else:
            self._queue.put(work)

    def _run(self) -> None:
        while (work := self._queue.get()) is not None:
            work()

    def _write(
        self,
        conversation: str,
        fresh: list[Turn],
        grown: list[Turn],
        change: Change | None,
    ) -> None:
        """Write lines, media before the turns that refer to them."""
        if self._is_off:
            return
        try:
            if self._log is None:
                self._log = self._create()
            for line in self._lines(conversation, fresh, grown, change):
                self._log.append(line, keys=self._keys.values())
        except Exception as exc:  # noqa: BLE001 - a journal must not cost an answer
            self._is_off = True
            self._fault = (
                f"The journal is off: {_explain(exc)}. Answers are now kept only in "
                "this kernel. `%config StepMagic.journal` sets another folder; empty "
                "switches the journal off."
            )
            self._close_file()
        if self._thread is None:
            self._close_file()

    def _lines(
        self,
        conversation: str,
        fresh: list[Turn],
        grown: list[Turn],
        change: Change | None,
    ) -> Iterator[dict[str, Any]]:
        for turn in fresh:
            yield from self._turn_lines(conversation, "turn", turn)
        for turn in grown:
            update = replace(turn, prompt=_NO_PROMPT)
            yield from self._turn_lines(conversation, "again", update)
        if change is not None:
            yield {"talk": conversation, "about": to_form(change)}

    def _turn_lines(
        self, conversation: str, kind: str, turn: Turn
    ) -> Iterator[dict[str, Any]]:
        media: dict[str, bytes] = {}

        def collect(data: bytes) -> str:
            name = digest(data)
            media[name] = data
            return name

        form = turn_to_dict(_without_bytes(turn, collect))
        if kind == "again":
            del form["prompt"]
        for name in media.keys() - self._media:
            yield {"media": name, "data": base64.b64encode(media[name]).decode("ascii")}
            self._media.add(name)
        yield {"talk": conversation, kind: form}

    def _create(self) -> AppendLog:
        """Create the file, and remove old journals."""
        header = _header()
        folder = journal_folder(self.setting)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        remove_old(folder, current().journal_days)
        self.path = folder / file_name(header, secrets.token_hex(4))
        first_line = FORMAT.header(**to_form(header))
        return AppendLog(self.path, header=first_line, is_new=True)


def _without_bytes(turn: Turn, note: Callable[[bytes], str]) -> Turn:
    """Return a turn that refers to its media by their hashes.

    Args:
        turn: A turn.
        note: Callback that gets the bytes of each of them and returns their hash.
    """

    def named(part: Part) -> Part:
        match part:
            case Image() | Video() | File() if part.data is not None:
                return replace(part, data=None, url=BY_HASH + note(part.data))
        return part

    return with_parts(turn, named)


def _header() -> Header:
    folder = ""
    # The folder may have been removed.
    with contextlib.suppress(OSError):
        folder = str(Path.cwd())
    return Header(
        started_at=time.time(), pid=os.getpid(), notebook=notebook(), folder=folder
    )


def _explain(exc: Exception) -> str:
    if isinstance(exc, OSError) and exc.filename:
        return f"{reason(exc)} ({exc.filename})"
    return reason(exc)


def place() -> str:
    """Return a text that says where the journal is."""
    kept = journal()
    if kept is None:
        return "off: `%config StepMagic.journal` names a folder, or auto"
    if not kept.is_on:
        return "off, after a fault"
    return str(kept.path) if kept.path else "begins with the first turn"


class Journals(Owner):
    """The journals of this process; the last one is in use."""

    def __init__(self) -> None:
        self._journals: list[Journal] = []

    def current(self) -> Journal | None:
        """Return the journal as it is set now; None where none is written.

        A forked child has its own: it never writes to its parent's.
        """
        setting = current().journal
        if not setting:
            return None
        last = self._journals[-1] if self._journals else None
        if last is None or (last.setting, last.pid) != (setting, os.getpid()):
            if last is not None and last.pid == os.getpid():
                last.end()
            last = Journal(setting)
            self._journals.append(last)
        return last

    def own(self) -> list[Journal]:
        """Return those that this process writes; a forked child inherits others."""
        return [each for each in self._journals if each.pid == os.getpid()]

    def close(self) -> None:
        """Write what is queued, and nothing from then on."""
        for each in self._journals:
            each.end()
        self._journals.clear()


def journal() -> Journal | None:
    """Return the kernel's journal as it is set now; None where none is written."""
    return kernel.get(Journals).current()


def earlier_journals() -> list[Path]:
    """Return the journals of other processes, the one written to last comes first.

    Raises:
        OSError: There is no home folder where they could be.
    """
    setting = current().journal
    if not setting:
        return []
    # In this order: the writer's thread may make the file of this process meanwhile,
    # and its path is known before it is there.
    found = find_journals(journal_folder(setting))
    own = {each.path for each in kernel.get(Journals).own()}
    return [path for path in found if path not in own]


@atexit.register
def _close() -> None:
    for each in kernel.get(Journals).own():
        each.close()
