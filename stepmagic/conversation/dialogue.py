"""A conversation: the tree of turns, its head, and one question under way.

``send`` starts a turn on the background loop and returns the ``TurnStream`` of its
events. While it runs the tree is written on that loop only: whatever the reader does (a
slow display, an interrupt, an error), the turn is closed as complete, interrupted or
error, and the next one finds a valid conversation.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import (
    AsyncIterator,
    Callable,
    Sequence,
)
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

from stepmagic.conversation.continuation import (
    ContinuedTurn,
    UnfinishedTurn,
    unfinished,
)
from stepmagic.conversation.stream import (
    UNATTENDED,
    Reader,
    Subscriber,
    TurnStream,
    TurnStreams,
)
from stepmagic.conversation.turn import TurnRun, compared, encode, new_turn
from stepmagic.errors import StepError
from stepmagic.keys import Key
from stepmagic.server.options import Options, Overrides
from stepmagic.storage import About, Saved, to_openai
from stepmagic.storage.journal import EVERY_S, Journal, journal
from stepmagic.storage.snapshot import closed
from stepmagic.transcript import Cell, Message, Turn, TurnTree
from stepmagic.transcript.events import Notice
from stepmagic.transcript.usage import format_count

_held_locks: ContextVar[tuple[TurnLock, ...]] = ContextVar("_held_locks", default=())
"""Those of the turns that wait for what runs here, such as a function."""


class TurnLock:
    """Lets one question in at a time; used only from coroutines of one event loop."""

    def __init__(self) -> None:
        self._lock: asyncio.Lock | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def lock(self) -> asyncio.Lock:
        """Return the lock of the running loop."""
        loop = asyncio.get_running_loop()
        if self._lock is None or self._loop is not loop:
            self._lock, self._loop = asyncio.Lock(), loop
        return self._lock

    @contextlib.asynccontextmanager
    async def held(self, streams: TurnStream | TurnStreams) -> AsyncIterator[None]:
        """Hold the lock in the block; the reader is notified where it has to wait.

        Raises:
            StepError: The holder waits for what runs here: a deadlock.
        """
        lock = self.lock()
        if lock.locked():
            if self in _held_locks.get():
                message = (
                    "a function that the model called asks in the conversation that "
                    "waits for it. Ask aside there: `step(..., once=True)`."
                )
                raise StepError(message)
            streams.put(Notice(text="waiting for the turn before this one"))
        async with lock:
            _held_locks.set((*_held_locks.get(), self))
            yield


class Dialogue:
    """Turns in a tree, what they are asked with, and one question under way.

    >>> from stepmagic.conversation.dialogue import Dialogue
    >>> dialogue = Dialogue("demo")
    >>> dialogue.turns
    []

    Args:
        name: What it is called.
        overrides: What is set for this conversation only.
        in_journal: Whether its turns outlive the kernel.
    """

    def __init__(
        self,
        name: str = "main",
        overrides: Overrides | None = None,
        *,
        in_journal: bool = True,
    ) -> None:
        self.name = name
        self.tree = TurnTree(heads={name: None}, branch=name)
        self._id = secrets.token_hex(8)
        self._in_journal = in_journal
        self._overrides = overrides or Overrides()
        self._undone: list[str] = []
        """Turns that ``redo`` brings back, the next one last."""
        self._subscribers: list[Subscriber] = []
        self._watchers: list[Callable[[], None]] = []
        self._lock = TurnLock()

    @classmethod
    def from_saved(cls, saved: Saved, name: str | None = None) -> Dialogue:
        """Return a copy of a conversation, with another name if one is given.

        It shares no tree with what was saved; a turn that is running there is closed.
        """
        dialogue = cls(name or saved.about.name, saved.about.overrides)
        tree = replace(
            saved.tree, turns=dict(saved.tree.turns), heads=dict(saved.tree.heads)
        )
        dialogue.tree = closed(tree)
        dialogue._undone = list(saved.about.undone)
        dialogue._notify()
        return dialogue

    @property
    def saved(self) -> Saved:
        """The conversation as it is now, to be saved."""
        about = About(
            name=self.name, overrides=self._overrides, undone=tuple(self._undone)
        )
        return Saved(about=about, tree=self.tree)

    def to_openai(self) -> list[dict[str, Any]]:
        """Return the turns so far as the messages of an OpenAI chat completion."""
        return to_openai(self.history(), self._overrides.system)

    @property
    def overrides(self) -> Overrides:
        """What is set for this conversation only."""
        return self._overrides

    @overrides.setter
    def overrides(self, overrides: Overrides) -> None:
        """Set them; they apply from the next turn on."""
        self._overrides = overrides
        self._notify()

    @property
    def turns(self) -> list[Turn]:
        """The turns from the first to the head."""
        return self.tree.path()

    def __repr__(self) -> str:
        return f"<Dialogue {self.name!r}: {format_count(len(self.turns), 'turn')}>"

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Pass the events of every turn to a subscriber; returns what ends that."""
        self._subscribers.append(subscriber)
        return lambda: self._subscribers.remove(subscriber)

    def watch(self, watcher: Callable[[], None]) -> Callable[[], None]:
        """Call a watcher when turns, head or settings change; returns what ends that.

        In the thread that changed them: the background loop's, or the user's.
        """
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher)

    # Asking

    def send(
        self,
        prompt: Message,
        options: Options,
        *,
        cell: Cell | None = None,
        reader: Reader = UNATTENDED,
    ) -> TurnStream:
        """Ask, once the turn before is closed; returns at once the events to come."""
        stream = TurnStream(self.tree, reader=reader, subscribers=self._subscribers)
        stream.start(self._ask(stream, prompt, [options], cell))
        return stream

    def send_each(
        self,
        prompt: Message,
        each: Sequence[Options],
        *,
        cell: Cell | None = None,
        reader: Reader = UNATTENDED,
    ) -> TurnStreams:
        """Ask with each of some options at once; returns the turns to be compared.

        Nothing is sent unless all can be, and stopping one stops all. The conversation
        continues with the first that has an answer; the others stay on branches.
        """
        streams = TurnStreams(
            self.tree, reader=reader, subscribers=self._subscribers, count=len(each)
        )
        streams.start(self._ask(streams, prompt, each, cell))
        return streams

    def continue_answer(self, options: Options) -> TurnStream:
        """Continue the last answer where it broke off; it stays one answer.

        The events are those of the complete answer, from its first word.
        """
        stream = TurnStream(self.tree, subscribers=self._subscribers)
        stream.start(self._continue(stream, options))
        return stream

    def unfinished_turn(self) -> UnfinishedTurn:
        """Return the last turn, to be continued.

        Raises:
            StepError: There is none, or its answer is complete.
        """
        return unfinished(next(reversed(self.turns), None))

    def history(self, cell: Cell | None = None) -> tuple[Message, ...]:
        """Return the messages that a next prompt would follow.

        Args:
            cell: Which cell asks: one that runs again follows what it followed before.
        """
        turns = self.turns_before(cell)
        return tuple(message for turn in turns for message in turn.messages)

    def turns_before(self, cell: Cell | None) -> list[Turn]:
        """Return the turns that a next prompt of a cell would follow."""
        parent = self.tree.before(cell)
        return [] if parent is None else self.tree.path(parent)

    def encode(
        self,
        prompt: Message,
        options: Options,
        *,
        history: tuple[Message, ...] | None = None,
    ) -> dict[str, Any]:
        """Return the body of the request asking a prompt, after all turns by default.

        Raises:
            UnsupportedOption: The model or the protocol has no form for part of it.
        """
        before = self.history() if history is None else history
        return encode((*before, prompt), options)

    def start_afresh(self) -> None:
        """Start without history; the turns so far stay on another branch."""
        self.go_to(None)

    def undo(self, count: int = 1) -> list[Turn]:
        """Go back by some turns, which ``redo`` brings back; returns them.

        Once something else is asked, they stay on another branch.
        """
        left = self.turns[max(0, len(self.turns) - count) :]
        for turn in reversed(left):
            self._undone.append(turn.id)
            self.tree.move(turn.parent)
        self._notify()
        return left

    def redo(self) -> Turn | None:
        """Bring back the turn that was undone last; None where there is none."""
        if not self._undone:
            return None
        turn = self.tree.turns[self._undone.pop()]
        self.tree.move(turn.id)
        self._notify()
        return turn

    def use(self, branch: str) -> bool:
        """Continue on a branch; a new name starts one at the head.

        Returns:
            Whether it is new.
        """
        self._keep_undone()
        is_new = branch not in self.tree.heads
        if is_new:
            self.tree.move(self.tree.head, branch)
        self.tree.branch = branch
        self._notify()
        return is_new

    @property
    def compared(self) -> list[Turn]:
        """The turns of the last comparison, in the order in which they were asked."""
        asked = (turn for turn in reversed(self.turns) if turn.beside is not None)
        last = next(asked, None)
        return [] if last is None else self.tree.sides(last)

    def choose(self, turn: Turn) -> None:
        """Continue with one of ``compared``; what that leaves stays on a branch."""
        self._keep_undone()
        self.tree.choose(turn.id)
        self._notify()

    def go_to(self, head: str | None) -> None:
        """Set the head, None for the beginning; what it leaves stays on a branch.

        Raises:
            KeyError: There is no such turn.
        """
        self._keep_undone()
        left = self.tree.head
        self.tree.move(head)
        self.tree.keep(left)
        self._notify()

    def _keep_undone(self) -> None:
        """Keep turns that were undone, when something else follows."""
        if self._undone:
            self.tree.keep(self._undone[0])
            self._undone.clear()

    def _set_aside(self, cell: Cell | None) -> str:
        """Go back to where a cell that runs again began; returns a notice of it."""
        self._keep_undone()
        before = self.turns_before(cell)
        left = self.turns[len(before) :]
        self.go_to(before[-1].id if before else None)
        if not left:
            return ""
        siblings = (each.id for turn in left for each in self.tree.sides(turn))
        turns = format_count(len({*siblings, *(turn.id for turn in left)}), "turn")
        return f"This cell ran before: {turns} set aside. `%step use` lists branches."

    # Running turns, on the background loop

    async def _ask(
        self,
        streams: TurnStream | TurnStreams,
        prompt: Message,
        each: Sequence[Options],
        cell: Cell | None,
    ) -> None:
        """Ask, once everything is ready; the turns are in the tree from then on."""
        async with self._lock.held(streams):
            runs = [
                TurnRun(stream, prompt, options)
                for stream, options in zip(streams.streams, each, strict=True)
            ]
            before = self.turns_before(cell)
            for run in runs:
                await run.prepare(before)
            notices = [self._set_aside(cell), runs[0].notice]
            parent = self.tree.head
            turns = compared(
                new_turn(prompt, run.options, parent=parent, cell=cell) for run in runs
            )
            for run, turn in zip(runs, turns, strict=True):
                self.tree.add(turn)
                run.begin(turn)
            self.tree.move(turns[0].id)
            for run in runs:
                self._notify(key=run.key)
            for notice in filter(None, notices):
                streams.streams[0].put(Notice(text=notice, stays=True))
            await self._run(runs)

    async def _continue(self, stream: TurnStream, options: Options) -> None:
        """Ask for the rest of the last answer."""
        async with self._lock.held(stream):
            broken_off = self.unfinished_turn()
            run = ContinuedTurn(stream, broken_off, options)
            await run.prepare(self.turns[:-1])
            turn = broken_off.turn
            if self.tree.is_built_upon(turn.id):
                # Turns that follow the answer keep it as it is; a copy continues.
                self._keep_undone()
                turn = replace(turn, id=secrets.token_hex(8), beside=None)
                self.tree.add(turn)
            waiting = replace(broken_off, turn=turn).waiting()
            self.tree.replace(waiting)
            run.begin(turn)
            self._notify(waiting, key=run.key)
            await self._run([run])

    async def _run(self, runs: Sequence[TurnRun]) -> None:
        """Run turns at once; the journal gets them while they grow."""
        recording = asyncio.create_task(self._record_growth(runs))
        try:
            await asyncio.gather(*(self._run_one(run, runs) for run in runs))
        finally:
            recording.cancel()

    async def _run_one(self, run: TurnRun, runs: Sequence[TurnRun]) -> None:
        """Run a turn to its end; an error in it reaches its own reader."""
        stream = run.stream
        try:
            try:
                await run.run()
            finally:
                self.tree.close(run.turn, [each.turn.id for each in runs])
                self._notify(run.turn)
                stream.notify(run.finish)
            log = self._journal()
            if log is not None and (fault := await log.settle()):
                stream.put(Notice(text=fault, stays=True))
            stream.put(run.finish)
        except Exception as error:  # noqa: BLE001 - our own faults reach the reader too
            stream.put(error)

    async def _record_growth(self, runs: Sequence[TurnRun]) -> None:
        """Put turns into the journal now and then, while they grow."""
        recorded = [run.turn for run in runs]
        while True:
            await asyncio.sleep(EVERY_S)
            for number, run in enumerate(runs):
                turn = run.turn
                if turn.status == "running" and turn != recorded[number]:
                    self._notify(turn)
                recorded[number] = turn

    def _journal(self) -> Journal | None:
        return journal() if self._in_journal else None

    def _notify(self, *turns: Turn, key: Key | None = None) -> None:
        """Tell the journal and the watchers of a change, such as grown turns."""
        if (log := self._journal()) is not None:
            log.put(self._id, self.saved, *turns, key=key)
        for watcher in tuple(self._watchers):
            watcher()
