"""What the tests of notebook views share."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell

from stepmagic.transcript import (
    Reasoning,
    Text,
)
from stepmagic.transcript.events import (
    PartDelta,
    PartEnd,
    PartStart,
    StreamEvent,
)


class Clock:
    """Seconds that pass when a test says so, or with every reading."""

    def __init__(self, *, step_s: float = 0.0) -> None:
        """Begin at zero."""
        self.now_s = 0.0
        self.step_s = step_s

    def __call__(self) -> float:
        """Return the time."""
        self.now_s += self.step_s
        return self.now_s


class Recorder(DisplayPublisher):
    """A publisher that keeps what is published, in order."""

    def __init__(self, *, parent: InteractiveShell) -> None:
        """Begin with nothing."""
        # IPython's publisher is untyped.
        super().__init__(parent=parent)  # type: ignore[no-untyped-call]
        self.bundles: list[dict[str, str]] = []
        self.ids: list[str | None] = []
        self.updates: list[bool] = []
        self.interrupts = False
        """Whether to send an interrupt just before the static bundle is taken."""

    def publish(  # type: ignore[override]
        # IPython's own subclasses differ in what they spell out, too.
        self,
        data: dict[str, str],
        metadata: Any = None,  # noqa: ARG002 - the publisher's signature
        *,
        transient: dict[str, str] | None = None,
        update: bool = False,
        **_: Any,
    ) -> None:
        """Keep a bundle."""
        if self.interrupts and "text/markdown" in data:
            os.kill(os.getpid(), signal.SIGINT)
        self.bundles.append(data)
        self.ids.append((transient or {}).get("display_id"))
        self.updates.append(update)

    @property
    def last(self) -> dict[str, str]:
        """What stands in the output."""
        return self.bundles[-1]


@pytest.fixture
def published(bare_shell: InteractiveShell) -> Recorder:
    """What a real shell publishes."""
    recorder = Recorder(parent=bare_shell)
    bare_shell.display_pub = recorder
    return recorder


def told(text: str, *, index: int = 0, pieces: int = 7) -> list[StreamEvent]:
    """Return the events of a text that comes in pieces."""
    size = max(1, len(text) // pieces)
    cut = [text[at : at + size] for at in range(0, len(text), size)]
    return [
        PartStart(index=index, part=Text(text="")),
        *(PartDelta(index=index, text=piece) for piece in cut),
        PartEnd(index=index, part=Text(text=text)),
    ]


def thought(text: str, *, index: int = 0) -> list[StreamEvent]:
    """Return the events of reasoning."""
    return [
        PartStart(index=index, part=Reasoning()),
        PartDelta(index=index, text=text),
        PartEnd(index=index, part=Reasoning(text=text)),
    ]
