"""A conversation: the tree of turns, its head, and one turn in flight.

``send`` starts a turn on the background loop and returns a ``Sending`` that yields its
events. The tree is written on the loop alone: whatever the reader does (a slow display,
an interrupt, a crash of its own), the turn is closed as complete, interrupted or error,
and the next one finds a valid conversation.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from dataclasses import replace
from typing import Any, TypeAlias

from stepmagic.context import check_fits
from stepmagic.endpoint import find_endpoint, refuse_key
from stepmagic.errors import StepError
from stepmagic.events import Assembly, Finish, Notice, StreamEvent, UsageReport
from stepmagic.options import Options, Overrides, build_request
from stepmagic.sending import Sending
from stepmagic.transcript import Cell, Message, Origin, Status, Turn, TurnTree
from stepmagic.transport import Call, Exchange, start
from stepmagic.usage import format_count
from stepmagic.wire import codec

Listener: TypeAlias = Callable[[str, StreamEvent], None]
"""Called on the background loop with a turn's id and its next event."""


class Conversation:
    """Turns in a tree, what they are asked with, and one in flight.

    >>> from stepmagic import Conversation
    >>> talk = Conversation("demo")
    >>> talk.turns
    []
    """

    def __init__(self, name: str = "main", overrides: Overrides | None = None) -> None:
        """Begin empty; ``overrides`` holds what is set for this conversation alone."""
        self.name = name
        self.tree = TurnTree(heads={name: None}, branch=name)
        self.overrides = overrides or Overrides()
        self._undone: list[str] = []
        """Turns that ``redo`` brings back, the next one last."""
        self._listeners: list[Listener] = []
        self._lock: asyncio.Lock | None = None
        self._lock_loop: asyncio.AbstractEventLoop | None = None

    @property
    def turns(self) -> list[Turn]:
        """The turns from the first to the head."""
        return self.tree.path()

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Let a listener see the events of every turn; returns what ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def send(
        self, prompt: Message, options: Options, *, cell: Cell | None = None
    ) -> Sending:
        """Ask; returns at once with the turn's events to come.

        A second send waits until the turn before is closed, and says so.
        """
        sending = Sending(self.tree.turns.__getitem__)
        sending.run(start(self._drive(sending, prompt, options, cell)))
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
        return codec(options.api).encode(build_request(options, (*before, prompt)))

    def start_afresh(self) -> None:
        """Begin with no history; the turns so far stay, on a branch of their own."""
        self._go_to(None)

    def undo(self, count: int = 1) -> list[Turn]:
        """Go back by some turns, which ``redo`` brings back; returns them.

        Once something else is asked, they stay on a branch of their own.
        """
        left = self.turns[max(0, len(self.turns) - count) :]
        for turn in reversed(left):
            self._undone.append(turn.id)
            self.tree.move(turn.parent)
        return left

    def redo(self) -> Turn | None:
        """Bring back the turn that was undone last; None where there is none."""
        if not self._undone:
            return None
        turn = self.tree.turns[self._undone.pop()]
        self.tree.move(turn.id)
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
        return is_new

    def _go_to(self, head: str | None) -> None:
        """Set the head; what it leaves stays on a branch."""
        self._keep_undone()
        left = self.tree.head
        self.tree.move(head)
        self.tree.keep(left)

    def _keep_undone(self) -> None:
        """Keep turns that were undone, when something else follows."""
        if self._undone:
            self.tree.keep(self._undone[0])
            self._undone.clear()

    def _make_way(self, cell: Cell | None) -> str:
        """Go back to where a cell that runs again begins; returns a notice of it."""
        self._keep_undone()
        parent = self.tree.before(cell)
        count = len(self.turns) - len(self.tree.path(parent) if parent else [])
        self._go_to(parent)
        if not count:
            return ""
        turns = format_count(count, "turn")
        return f"This cell ran before: {turns} set aside. `%step use` lists branches."

    async def _drive(
        self, sending: Sending, prompt: Message, options: Options, cell: Cell | None
    ) -> None:
        """Run a turn to its end; the reader gets whatever goes wrong."""
        try:
            lock = self._lock_here()
            if lock.locked():
                sending.put(Notice(text="waiting for the turn before this one"))
            async with lock:
                finish = await self._turn(sending, prompt, options, cell)
            sending.put(finish)
        except StepError as error:
            sending.put(Finish(reason="error", error=error))
        except asyncio.CancelledError:
            sending.put(CancelledError())
            raise
        except Exception as error:  # noqa: BLE001 - a fault of ours is the reader's too
            sending.put(error)
        finally:
            sending.close()

    async def _turn(
        self, sending: Sending, prompt: Message, options: Options, cell: Cell | None
    ) -> Finish:
        endpoint = await asyncio.to_thread(find_endpoint, options, sending.report)
        refuse_key(endpoint.key, options.system, prompt)
        before = self.history(cell)
        check_fits(options, before, prompt)
        asked = endpoint.adapt(options)
        call = Call(
            url=asked.base_url + codec(asked.api).path,
            body=self.encode(prompt, asked, history=before),
            key=endpoint.key,
            headers=asked.headers,
            limits=asked.limits,
        )
        notice = self._make_way(cell)
        turn = self._begin(prompt, asked, cell)
        sending.turn_id = turn.id
        if notice:
            sending.put(Notice(text=notice, stays=True))
        exchange = Exchange(call, codec(options.api).decoder)
        assembly = Assembly()
        try:
            async with contextlib.aclosing(exchange.events()) as events:
                async for came in events:
                    event = _priced(came, asked)
                    assembly.feed(event)
                    if not isinstance(event, Finish):
                        sending.put(event)
                        self._tell(turn.id, event)
        finally:
            if assembly.finish is None:
                for event in exchange.cut():
                    assembly.feed(event)
            finish = self._end(turn, assembly, asked)
            self._tell(turn.id, finish)
        return finish

    def _begin(self, prompt: Message, options: Options, cell: Cell | None) -> Turn:
        """Put the turn into the tree, with an empty reply, before the first byte."""
        origin = Origin(protocol=options.api, model=options.model)
        reply = Message(role="assistant", parts=(), origin=origin, status="running")
        turn = Turn(
            parent=self.tree.head,
            prompt=prompt,
            replies=(reply,),
            effort=options.effort,
            cell=cell,
        )
        self.tree.add(turn)
        return turn

    def _end(self, turn: Turn, assembly: Assembly, options: Options) -> Finish:
        """Close the turn with what came.

        Where an interrupt or an error left nothing at all, the turn stays in the tree
        and the head goes back to the turn before it.
        """
        finish = assembly.finish or Finish(reason="other", native_reason="interrupted")
        status: Status = "error" if finish.error else "complete"
        if assembly.finish is None:
            status = "interrupted"
        origin = Origin(
            protocol=options.api, model=options.model, provider=finish.provider
        )
        reply = Message(
            role="assistant", parts=assembly.parts, origin=origin, status=status
        )
        closed = replace(
            turn,
            replies=(reply,),
            status=status,
            finish_reason=finish.reason,
            native_reason=finish.native_reason,
            usage=assembly.usage,
            model=finish.model or options.model,
            generation_id=finish.id,
            error=str(finish.error) if finish.error else None,
            ended_at=time.time(),
        )
        self.tree.replace(closed)
        if closed.is_empty and status != "complete" and self.tree.head == turn.id:
            self.tree.move(turn.parent)
        return finish

    def _tell(self, turn_id: str, event: StreamEvent) -> None:
        for listener in tuple(self._listeners):
            listener(turn_id, event)

    def _lock_here(self) -> asyncio.Lock:
        """Return the lock of the running loop.

        A forked child has a loop of its own; a turn of its parent's must not lock it
        out.
        """
        loop = asyncio.get_running_loop()
        if self._lock is None or self._lock_loop is not loop:
            self._lock, self._lock_loop = asyncio.Lock(), loop
        return self._lock


def _priced(event: StreamEvent, options: Options) -> StreamEvent:
    """Return a usage report with the list price where the server names no cost."""
    if not isinstance(event, UsageReport) or options.entry is None:
        return event
    usage = event.usage
    if usage.cost_usd is not None:
        return event
    cost_usd = options.entry.cost_usd(usage)
    return UsageReport(usage=replace(usage, cost_usd=cost_usd))
