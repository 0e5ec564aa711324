"""What the tests of terminal views share."""

from __future__ import annotations

from stepmagic.transcript import Text
from stepmagic.transcript.events import (
    PartDelta,
    PartEnd,
    PartStart,
    StreamEvent,
)


class Clock:
    """Time that passes when a test says so."""

    now = 0.0

    def __call__(self) -> float:
        """Return the seconds."""
        return self.now


def told(*pieces: str, index: int = 0) -> list[StreamEvent]:
    """Return the events of a text that comes in these pieces."""
    return [
        PartStart(index=index, part=Text(text="")),
        *(PartDelta(index=index, text=piece) for piece in pieces),
        PartEnd(index=index, part=Text(text="".join(pieces))),
    ]
