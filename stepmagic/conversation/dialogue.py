"""A conversation: the tree of turns, its head, and one turn in flight.

``send`` starts a turn on the background loop and returns a ``Sending`` that yields its
events. The tree is written on the loop alone: whatever the reader does (a slow display,
an interrupt, a crash of its own), the turn is closed as complete, interrupted or error,
and the next one finds a valid conversation.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from abc import ABC, abstractmethod
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Sequence,
)
from concurrent.futures import CancelledError
from contextvars import ContextVar
from dataclasses import replace
from typing import Any, TypeAlias

from stepmagic.conversation.context import nearly_full
from stepmagic.conversation.continuation import Broken, take_apart
from stepmagic.conversation.request import Prepared, encode, prepare
from stepmagic.conversation.stream import NOBODY, Reader, Sending, Together
from stepmagic.conversation.turn import Running, begun, side_by_side
from stepmagic.errors import StepError
from stepmagic.keys import Key
from stepmagic.schema.tools import to_tools
from stepmagic.server.catalogue import Catalogue
from stepmagic.server.http import start
from stepmagic.server.options import Options, Overrides, resolve, with_tools
from stepmagic.settings import current
from stepmagic.storage import About, Saved, to_openai
from stepmagic.storage.journal import Journal, journal
from stepmagic.transcript import Cell, Message, Turn, TurnTree, user
from stepmagic.transcript.events import Finish, Notice, StreamEvent
from stepmagic.transcript.usage import format_count


class Streaming(ABC):
    """What can be asked and has settings of its own."""

    overrides: Overrides

    @abstractmethod
    def send(self, prompt: Message, options: Any, *, reader: Reader) -> Sending:
        """Ask; returns at once."""

    async def astream(
        self,
        prompt: str | Message,
        *,
        model: str | None = None,
        effort: str | None = None,
        tools: Iterable[Callable[..., Any]] = (),
        **parameters: Any,
    ) -> AsyncGenerator[StreamEvent, None]:
        """Ask, and yield the events as they come; draws nothing.

            async for event in conversation.astream("Why is the sky blue?"):
                if isinstance(event, PartDelta):
                    print(event.text, end="")

        To leave the loop early, close what this returns (``contextlib.aclosing``): that
        stops the turn. Async functions of ``tools`` run in the loop that reads; a
        ``tool(confirm=True)`` is denied.

        Args:
            prompt: The question.
            model: Model id, for this turn.
            effort: Reasoning effort: high, medium or low.
            tools: Functions the model may call.
            parameters: Any parameter by the wire's own name; also ``api``, ``stream``.

        Raises:
            StepError: No answer, or not a whole one; what came stays here.
        """
        settings = current()
        options = resolve(
            settings,
            Catalogue(settings.base_url),
            self.overrides,
            Overrides(model=model, effort=effort, parameters=parameters),
        )
        message = user(prompt) if isinstance(prompt, str) else prompt
        reader = Reader(home=asyncio.get_running_loop())
        options = with_tools(options, to_tools(tools))
        async with self.send(message, options, reader=reader) as sending:
            async for event in sending:
                yield event
        sending.result()


_held: ContextVar[tuple[Turnstile, ...]] = ContextVar("_held", default=())
"""Those of the turns that wait for what runs here, such as a function."""


class Turnstile:
    """Lets one in at a time; used from coroutines alone."""

    def __init__(self) -> None:
        """Begin free, on no loop yet."""
        self._lock: asyncio.Lock | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def here(self) -> asyncio.Lock:
        """Return the lock of the running loop."""
        loop = asyncio.get_running_loop()
        if self._lock is None or self._loop is not loop:
            self._lock, self._loop = asyncio.Lock(), loop
        return self._lock

    @contextlib.asynccontextmanager
    async def held(self, waits: Callable[[], None]) -> AsyncIterator[None]:
        """Be the one in the block; ``waits`` is called first where another is.

        Raises:
            StepError: That one waits for what runs here, and so would never end.
        """
        lock = self.here()
        if lock.locked():
            if self in _held.get():
                message = (
                    "a function that the model called asks in the conversation that "
                    "waits for it. Ask aside there: `step(..., once=True)`."
                )
                raise StepError(message)
            waits()
        async with lock:
            _held.set((*_held.get(), self))
            yield


Listener: TypeAlias = Callable[[str, StreamEvent], None]
"""Called on the background loop with a turn's id and its next event."""


class Dialogue(Streaming):
    """Turns in a tree, what they are asked with, and one in flight.

    >>> from stepmagic.conversation.dialogue import Dialogue
    >>> talk = Dialogue("demo")
    >>> talk.turns
    []
    """

    def __init__(
        self,
        name: str = "main",
        overrides: Overrides | None = None,
        *,
        in_journal: bool = True,
    ) -> None:
        """Begin empty.

        Args:
            name: What it is called.
            overrides: What is set for this conversation alone.
            in_journal: Whether its turns outlive the kernel.
        """
        self.name = name
        self.tree = TurnTree(heads={name: None}, branch=name)
        self._id = secrets.token_hex(8)
        self._in_journal = in_journal
        self._overrides = overrides or Overrides()
        self._undone: list[str] = []
        """Turns that ``redo`` brings back, the next one last."""
        self._listeners: list[Listener] = []
        self._watchers: list[Callable[[], None]] = []
        self._turnstile = Turnstile()

    @classmethod
    def from_saved(cls, saved: Saved, name: str | None = None) -> Dialogue:
        """Return the conversation that was saved, by another name if one is given."""
        made = cls(name or saved.about.name, saved.about.overrides)
        made.tree = saved.tree
        made._undone = list(saved.about.undone)
        made._note()
        return made

    @property
    def saved(self) -> Saved:
        """The conversation as it stands, to be saved."""
        about = About(
            name=self.name, overrides=self._overrides, undone=tuple(self._undone)
        )
        return Saved(about=about, tree=self.tree)

    def to_openai(self) -> list[dict[str, Any]]:
        """Return the turns so far as the messages of an OpenAI chat completion."""
        return to_openai(self.history(), self._overrides.system)

    @property
    def overrides(self) -> Overrides:
        """What is set for this conversation alone."""
        return self._overrides

    @overrides.setter
    def overrides(self, overrides: Overrides) -> None:
        """Set them, from the next turn on."""
        self._overrides = overrides
        self._note()

    @property
    def turns(self) -> list[Turn]:
        """The turns from the first to the head."""
        return self.tree.path()

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Let a listener see the events of every turn; returns what ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def watch(self, watcher: Callable[[], None]) -> Callable[[], None]:
        """Call a watcher when turns, head or settings change; returns what ends that.

        In the thread that changed them: the background loop's, or the user's.
        """
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher)

    def send(
        self,
        prompt: Message,
        options: Options,
        *,
        cell: Cell | None = None,
        reader: Reader = NOBODY,
    ) -> Sending:
        """Ask, once the turn before is closed; returns at once, its events to come."""
        return self.send_each(prompt, [options], cell=cell, reader=reader).sendings[0]

    def send_each(
        self,
        prompt: Message,
        each: Sequence[Options],
        *,
        cell: Cell | None = None,
        reader: Reader = NOBODY,
    ) -> Together:
        """Ask with each of some options at once; returns their turns, side by side.

        Nothing is sent unless all can be, and stopping one stops all. The conversation
        goes on with the first that brings something; the others stay on branches.
        """
        together = Together(self.tree.turns.__getitem__, reader, len(each))
        sendings = together.sendings
        self._start(sendings, lambda: self._begin(sendings, prompt, each, cell))
        return together

    def broken_off(self) -> Broken:
        """Return the last answer, to be gone on with.

        Raises:
            StepError: There is none, or it is whole.
        """
        return take_apart(next(reversed(self.turns), None))

    def continue_answer(self, options: Options) -> Sending:
        """Go on with the last answer where it broke off; it stays one answer.

        The events are those of the whole answer, from its first word.
        """
        sending = Sending(self.tree.turns.__getitem__)
        self._start([sending], lambda: self._begin_rest(sending, options))
        return sending

    def history(self, cell: Cell | None = None) -> tuple[Message, ...]:
        """Return the messages that a next prompt would follow.

        Args:
            cell: Which cell asks: one that runs again follows what it followed before.
        """
        parent = self.tree.before(cell)
        turns = [] if parent is None else self.tree.path(parent)
        return tuple(message for turn in turns for message in turn.messages)

    def encode(
        self,
        prompt: Message,
        options: Options,
        *,
        history: tuple[Message, ...] | None = None,
    ) -> dict[str, Any]:
        """Return the body of the request that asks a prompt, by default after it all.

        Raises:
            UnsupportedOption: The model or the protocol has no form for part of it.
        """
        before = self.history() if history is None else history
        return encode(prompt, options, before)

    def start_afresh(self) -> None:
        """Begin with no history; the turns so far stay, on a branch of their own."""
        self.go_to(None)

    def undo(self, count: int = 1) -> list[Turn]:
        """Go back by some turns, which ``redo`` brings back; returns them.

        Once something else is asked, they stay on a branch of their own.
        """
        left = self.turns[max(0, len(self.turns) - count) :]
        for turn in reversed(left):
            self._undone.append(turn.id)
            self.tree.move(turn.parent)
        self._note()
        return left

    def redo(self) -> Turn | None:
        """Bring back the turn that was undone last; None where there is none."""
        if not self._undone:
            return None
        turn = self.tree.turns[self._undone.pop()]
        self.tree.move(turn.id)
        self._note()
        return turn

    def use(self, branch: str) -> bool:
        """Go on with a branch; a new name begins one at the head.

        Returns:
            Whether it is new.
        """
        self._keep_undone()
        is_new = branch not in self.tree.heads
        if is_new:
            self.tree.move(self.tree.head, branch)
        self.tree.branch = branch
        self._note()
        return is_new

    @property
    def sides(self) -> list[Turn]:
        """The turns of the last question that was asked side by side, in order."""
        asked = (turn for turn in reversed(self.turns) if turn.beside is not None)
        last = next(asked, None)
        return [] if last is None else self.tree.sides(last)

    def choose(self, turn: Turn) -> None:
        """Go on with one of ``sides``; what that leaves stays on a branch."""
        self._keep_undone()
        self.tree.choose(turn.id)
        self._note()

    def go_to(self, head: str | None) -> None:
        """Set the head, None for the beginning; what it leaves stays on a branch.

        Raises:
            KeyError: There is no such turn.
        """
        self._keep_undone()
        left = self.tree.head
        self.tree.move(head)
        self.tree.keep(left)
        self._note()

    def _keep_undone(self) -> None:
        """Keep turns that were undone, when something else follows."""
        if self._undone:
            self.tree.keep(self._undone[0])
            self._undone.clear()

    def _make_way(self, cell: Cell | None) -> str:
        """Go back to where a cell that runs again begins; returns a notice of it."""
        self._keep_undone()
        parent = self.tree.before(cell)
        left = self.turns[len(self.tree.path(parent) if parent else []) :]
        self.go_to(parent)
        if not left:
            return ""
        beside = (side.id for turn in left for side in self.tree.sides(turn))
        turns = format_count(len({*beside, *(turn.id for turn in left)}), "turn")
        return f"This cell ran before: {turns} set aside. `%step use` lists branches."

    def _start(
        self, sendings: Sequence[Sending], begin: Callable[[], Awaitable[list[Running]]]
    ) -> None:
        task = start(self._drive(sendings, begin))
        for sending in sendings:
            sending.run(task)

    async def _drive(
        self, sendings: Sequence[Sending], begin: Callable[[], Awaitable[list[Running]]]
    ) -> None:
        """Run turns to their end; the reader gets whatever goes wrong."""
        try:
            waits = Notice(text="waiting for the turn before this one")
            async with self._turnstile.held(lambda: _put(sendings, waits)):
                running = await begin()
                turns = [one.turn.id for one in running]
                pairs = zip(sendings, running, strict=True)
                await asyncio.gather(*(self._run(*pair, turns) for pair in pairs))
        except StepError as error:
            _put(sendings, Finish(reason="error", error=error))
        except asyncio.CancelledError:
            _put(sendings, CancelledError())
            raise
        except Exception as error:  # noqa: BLE001 - a fault of ours is the reader's too
            _put(sendings, error)
        finally:
            for sending in sendings:
                sending.close()

    async def _begin(
        self,
        sendings: Sequence[Sending],
        prompt: Message,
        each: Sequence[Options],
        cell: Cell | None,
    ) -> list[Running]:
        """Put the turns into the tree, once all that they need is there."""
        before = self.history(cell)
        prepared = [
            await prepare(prompt, options, before, sending.report)
            for sending, options in zip(sendings, each, strict=True)
        ]
        notices = [self._make_way(cell)]
        notices.append(nearly_full(prepared[0].options, self.turns, prompt))
        parent = self.tree.head
        turns = side_by_side(
            begun(prompt, one.options, parent=parent, cell=cell) for one in prepared
        )
        for turn in turns:
            self.tree.add(turn)
        self.tree.move(turns[0].id)
        for one in prepared:
            self._note(key=one.key)
        for notice in filter(None, notices):
            sendings[0].put(Notice(text=notice, stays=True))
        return [
            self._running(*one) for one in zip(sendings, turns, prepared, strict=True)
        ]

    async def _begin_rest(self, sending: Sending, options: Options) -> list[Running]:
        """Let the last answer wait for its rest."""
        broken = self.broken_off()
        before = tuple(m for turn in self.turns[:-1] for m in turn.messages)
        *told, asked = broken.asked
        prepared = await prepare(asked, options, (*before, *told), sending.report)
        if self.tree.is_built_upon(broken.turn.id):
            # What builds upon the answer keeps it as it is; a copy goes on.
            self._keep_undone()
            turn = replace(broken.turn, id=secrets.token_hex(8), beside=None)
            broken = replace(broken, turn=turn)
            self.tree.add(turn)
        self.tree.replace(broken.waiting())
        self._note(broken.waiting(), key=prepared.key)
        rest = broken.begun(prepared.options)
        return [self._running(sending, rest, prepared.resuming(broken, before))]

    def _running(self, sending: Sending, turn: Turn, prepared: Prepared) -> Running:
        sending.turn_id = turn.id
        return prepared.running(
            turn,
            sending,
            listen=lambda event: self._pass_on(sending, turn.id, event),
            keep=self._note,
        )

    async def _run(self, sending: Sending, running: Running, turns: list[str]) -> None:
        """Run one of some turns; what goes wrong with it is its own reader's."""
        try:
            try:
                await running.run()
            finally:
                self.tree.close(running.turn, turns)
                self._note(running.turn)
                self._tell(running.turn.id, running.finish)
            kept = self._journal()
            if kept is not None and (fault := await kept.settle()):
                sending.put(Notice(text=fault, stays=True))
            sending.put(running.finish)
        except Exception as error:  # noqa: BLE001 - see _drive
            sending.put(error)

    def _pass_on(self, sending: Sending, turn_id: str, event: StreamEvent) -> None:
        sending.put(event)
        self._tell(turn_id, event)

    def _journal(self) -> Journal | None:
        return journal() if self._in_journal else None

    def _note(self, *turns: Turn, key: Key | None = None) -> None:
        """Let the journal have how things stand, and turns that have grown."""
        if (kept := self._journal()) is not None:
            kept.put(self._id, self.saved, *turns, key=key)
        for watcher in tuple(self._watchers):
            watcher()

    def _tell(self, turn_id: str, event: StreamEvent) -> None:
        for listener in tuple(self._listeners):
            listener(turn_id, event)


def _put(sendings: Sequence[Sending], event: StreamEvent | BaseException) -> None:
    for sending in sendings:
        sending.put(event)
