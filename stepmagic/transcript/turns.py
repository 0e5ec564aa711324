"""Turns and the tree they grow in.

A turn is one user message and everything until its finish, tool rounds included. Turns
form a tree; a branch is a named head in it. The tree knows nothing of the order of
cells or of what is sent: it is moved about by ``Conversation``, its only writer.
"""

from __future__ import annotations

import itertools
import re
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

from stepmagic.transcript.parts import Message, Metadata, Part, Status, ToolResult

FinishReason: TypeAlias = Literal[
    "stop", "length", "tool_calls", "content_filter", "error", "other"
]
"""Why a model stopped, in one vocabulary for the three protocols."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens and money of one answer, as the server counted them.

    ``reasoning_tokens`` can exceed ``completion_tokens`` (seen in recordings), so
    neither is ever subtracted from the other.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    cached_tokens: int = 0
    cost_usd: float | None = None
    """US dollars; None where the server does not say."""
    context_tokens: int = 0
    """What the last of several requests and its answer took; 0 for a single one."""
    provider_metadata: Metadata = field(default_factory=dict)
    """The usage object as it was received."""

    @property
    def held_tokens(self) -> int:
        """Tokens in the model's context at the end, as the server counted them."""
        return self.context_tokens or self.prompt_tokens + self.completion_tokens

    def __add__(self, other: Usage) -> Usage:
        """Return the sum; a cost that only one side has is taken as it is."""
        costs = [
            usage.cost_usd for usage in (self, other) if usage.cost_usd is not None
        ]
        return Usage(
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            reasoning_tokens=self.reasoning_tokens + other.reasoning_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            cost_usd=sum(costs) if costs else None,
            context_tokens=other.held_tokens or self.held_tokens,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """Which cell, in which of its executions, asked a turn."""

    id: str
    execution: str
    """The parent message id: differs between two runs of one cell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A user message and the replies to it."""

    id: str = field(default_factory=lambda: secrets.token_hex(8))
    parent: str | None
    """Id of the turn before; None for the first."""
    prompt: Message
    replies: tuple[Message, ...] = ()
    """Assistant and tool messages, in order."""
    status: Status = "running"
    finish_reason: FinishReason | None = None
    native_reason: str | None = None
    usage: Usage | None = None
    model: str | None = None
    """The model that answered, as the server names it."""
    effort: str | None = None
    generation_id: str | None = None
    error: str | None = None
    """The error message, if ``status`` is ``error``."""
    cell: Cell | None = None
    beside: str | None = None
    """Id of the first of the turns that were asked side by side, its own for that one;
    None if it was the only one."""
    started_at: float = field(default_factory=time.time)
    """Unix time, seconds."""
    ended_at: float | None = None

    @property
    def messages(self) -> tuple[Message, ...]:
        """The prompt and the replies."""
        return (self.prompt, *self.replies)

    @property
    def text(self) -> str:
        """The visible text of all replies, a paragraph for each round."""
        return "\n\n".join(reply.text for reply in self.replies if reply.text)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was received."""
        return not any(reply.parts for reply in self.replies)

    @property
    def is_void(self) -> bool:
        """Whether it has ended without anything that a next turn could build on."""
        return self.is_empty and self.status in ("interrupted", "error")


def with_parts(turn: Turn, change: Callable[[Part], Part]) -> Turn:
    """Return a turn with each part changed, those in results of calls too.

    Args:
        turn: A turn.
        change: Returns what replaces a part, of the same type.
    """

    def in_part(part: Part) -> Part:
        if isinstance(part, ToolResult):
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


@dataclass(slots=True, kw_only=True)
class TurnTree:
    """Turns by id, and the branches: named heads, one of them current."""

    turns: dict[str, Turn] = field(default_factory=dict)
    """Each after its parent."""
    heads: dict[str, str | None] = field(default_factory=lambda: {"main": None})
    """The last turn of each branch; None where it has none yet."""
    branch: str = "main"
    """The current one."""

    @property
    def head(self) -> str | None:
        """Id of the last turn of the current branch; None before the first."""
        return self.heads[self.branch]

    def add(self, turn: Turn) -> None:
        """Put a turn in and make it the head of the current branch.

        Raises:
            ValueError: Its parent is not in the tree, or its id already is.
        """
        if turn.id in self.turns:
            message = f"turn {turn.id!r} is in the tree already"
            raise ValueError(message)
        if turn.parent is not None and turn.parent not in self.turns:
            message = f"the parent {turn.parent!r} of turn {turn.id!r} is not there"
            raise ValueError(message)
        self.turns[turn.id] = turn
        self.heads[self.branch] = turn.id

    def replace(self, turn: Turn) -> None:
        """Put a newer state of a turn in the place of the one with the same id.

        Raises:
            KeyError: There is no such turn.
        """
        if turn.id not in self.turns:
            raise KeyError(turn.id)
        self.turns[turn.id] = turn

    def close(self, turn: Turn, together: Iterable[str]) -> None:
        """Put in a turn that is over, where it was asked together with others.

        Where an interrupt or an error left nothing at all, the turn stays there and the
        head moves to the next of them, or back to the turn before. Once all are over,
        those that the head does not follow get branches.
        """
        self.replace(turn)
        turns = [self.turns[each] for each in together]
        answered = [each for each in turns if not each.is_void]
        if turn.is_void and self.head == turn.id:
            self.move(answered[0].id if answered else turn.parent)
        if all(each.status != "running" for each in turns):
            for each in answered:
                self.keep(each.id)

    def move(self, head: str | None, branch: str | None = None) -> None:
        """Set the head of a branch, the current one by default.

        Raises:
            KeyError: The head is not in the tree.
        """
        if head is not None and head not in self.turns:
            raise KeyError(head)
        self.heads[self.branch if branch is None else branch] = head

    def before(self, cell: Cell | None) -> str | None:
        """Return the turn that a new turn of a cell follows; None for the first.

        A cell that runs again follows what it followed before, if its turns lead to the
        head: those of its last execution, a loop of several, go together. A cell that
        is not known, or whose turns are on another branch, follows the head.
        """
        path = self.path() if cell is not None else []
        own = [turn for turn in path if turn.cell and cell and turn.cell.id == cell.id]
        if cell is None or not own or own[-1].cell == cell:
            return self.head
        first = next(turn for turn in own if turn.cell == own[-1].cell)
        return first.parent

    def keep(self, head: str | None) -> str | None:
        """Name a branch for turns that no branch leads to; returns the name, if new."""
        # The current branch first: it is the one that leads there as a rule.
        ends = (self.head, *self.heads.values())
        if head is None or any(
            turn.id == head for end in ends for turn in self._upward(end)
        ):
            return None
        numbers = itertools.count(len(self.heads) + 1)
        names = (f"{self.branch}-{number}" for number in numbers)
        name = next(name for name in names if name not in self.heads)
        self.heads[name] = head
        return name

    def path(self, head: str | None = None) -> list[Turn]:
        """Return the turns from the first to ``head``, by default the current one.

        Raises:
            KeyError: The head is not in the tree.
        """
        return list(self._upward(self.head if head is None else head))[::-1]

    def _upward(self, head: str | None) -> Iterator[Turn]:
        while head is not None:
            turn = self.turns[head]
            yield turn
            head = turn.parent

    def choose(self, turn_id: str) -> None:
        """Make another of the turns side by side the head of the current branch.

        What is left stays on a branch: on the one that was named for the other turn, if
        there is one.
        """
        left, named = self.head, re.compile(rf"{re.escape(self.branch)}-\d+")
        spare = [
            name
            for name, head in self.heads.items()
            if head == turn_id and named.fullmatch(name)
        ]
        self.move(turn_id)
        if spare:
            self.move(left, spare[0])
        self.keep(left)

    def sides(self, turn: Turn) -> list[Turn]:
        """Return the turns that were asked side by side with one, and it, in order."""
        if turn.beside is None:
            return []
        return [each for each in self.turns.values() if each.beside == turn.beside]

    def is_built_upon(self, turn_id: str) -> bool:
        """Whether a turn has others after it, or another branch ends in it."""
        ends = list(self.heads.values()).count(turn_id)
        return ends > 1 or not all(turn.is_void for turn in self.children(turn_id))

    def children(self, parent: str | None) -> list[Turn]:
        """Return the turns under ``parent``, oldest first."""
        return [turn for turn in self.turns.values() if turn.parent == parent]
