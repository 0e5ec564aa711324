"""Answers to one question side by side: whom each is of, and what it is called."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self, TypeAlias

from stepmagic.events import StreamEvent
from stepmagic.transcript import Turn

SideEvent: TypeAlias = tuple[int, StreamEvent]
"""The number of a side, counted from 0, and an event of its turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """Who is asked, and how."""

    model: str
    effort: str | None = None

    @classmethod
    def of(cls, turn: Turn) -> Self:
        """Return whom a turn asked."""
        origins = [reply.origin for reply in turn.replies if reply.origin]
        return cls(model=origins[0].model if origins else "", effort=turn.effort)


def headings(sides: Iterable[Side]) -> list[str]:
    """Return a heading for each: its number, and what tells it from the others."""
    sides = list(sides)
    tells_models = len({side.model for side in sides}) > 1
    tells_efforts = len({side.effort for side in sides}) > 1
    found = []
    for number, side in enumerate(sides, 1):
        words = [str(number)]
        if tells_models:
            words.append(side.model)
        if tells_efforts and side.effort:
            words.append(f"effort {side.effort}")
        found.append(" · ".join(words))
    return found
