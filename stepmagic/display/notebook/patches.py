"""What changed from frame to frame, as messages for ``live.js``.

A message has ``seq``, counted from 0, and ``pieces``, each with its place ``at`` and
what of it changed: ``around`` (its HTML with an empty summary and nothing inside, a
new beginning), ``summary``, ``restart`` (all its frozen HTML is void), ``frozen`` (HTML
to append), and ``keep`` and ``tail`` (of the open HTML before, so many UTF-16 units
stay and the tail follows). ``line`` is the HTML below the pieces. A message that is
``complete`` says everything again, for a page that lost one.

Cells of a table say where they stand, which is a third of its HTML, or more. The most
usual place, on the left, is left out here: ``view.css`` has it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stepmagic.display.html.bundle import quiet
from stepmagic.display.notebook.frames import Drawn, Frame

_LEAST_REPEATED = 16 * 1024
"""Letters of HTML; below, the end comes soon enough."""

_GROWTH = 8
"""From one repeat to the next, in letters of HTML."""

_ON_THE_LEFT = ' style="text-align:left"'
"""Nothing but an attribute can look so: in text, a quote is escaped."""


@dataclass(slots=True)
class _Sent:
    """What a page knows of a piece."""

    around: tuple[str, str, str] = ("", "", "")
    summary: str = ""
    restarts: int = 0
    frozen: int = 0
    """How many of the frozen fragments."""
    open: str = ""


class Patches:
    """Writes the messages of one reply.

    The whole is repeated now and then, so that a page that lost a message need not
    wait for the end. It is eight times as long each time: all repeats together have
    less than 8/7 of the letters of the answer.
    """

    def __init__(self) -> None:
        """Begin with a page that knows nothing."""
        self.must_repeat = True
        """Whether the next message has to be whole."""
        self._seq = 0
        self._sent: list[_Sent] = []
        self._line = ""
        self._repeat_at = _LEAST_REPEATED

    def message(self, frame: Frame) -> dict[str, Any] | None:
        """Return what a page must know to draw this frame; None if it knows it."""
        size = frame.size
        if (
            self.must_repeat
            or size >= self._repeat_at
            or len(frame.pieces) < len(self._sent)
        ):
            self.must_repeat = False
            self._sent, self._line = [], ""
            self._repeat_at = max(_GROWTH * size, _LEAST_REPEATED)
            message = {"seq": self._seq, "complete": True, **self._changes(frame)}
        else:
            message = {"seq": self._seq, **self._changes(frame)}
            if len(message) == 1:
                return None
        self._seq += 1
        return message

    @property
    def sent(self) -> int:
        """How many messages were written."""
        return self._seq

    def last(self, html: str) -> dict[str, Any]:
        """Return the message that shows a static bundle instead."""
        message = {"seq": self._seq, "complete": True, "line": html}
        self._seq += 1
        return message

    def _changes(self, frame: Frame) -> dict[str, Any]:
        while len(self._sent) < len(frame.pieces):
            self._sent.append(_Sent())
        changes: dict[str, Any] = {}
        pairs = zip(self._sent, frame.pieces, strict=True)
        pieces = [
            {"at": place, **changed}
            for place, (sent, drawn) in enumerate(pairs)
            if (changed := _changed(sent, drawn))
        ]
        if pieces:
            changes["pieces"] = pieces
        line = quiet(frame.line)
        if line != self._line:
            changes["line"] = self._line = line
        return changes


def _changed(sent: _Sent, drawn: Drawn) -> dict[str, Any]:
    """Return what is new of a piece, and note it as sent."""
    changed: dict[str, Any] = {}
    if drawn.around != sent.around:
        changed["around"] = "".join(drawn.around)
        sent.around, sent.summary, sent.frozen, sent.open = drawn.around, "", 0, ""
    elif drawn.restarts != sent.restarts:
        changed["restart"] = True
        sent.frozen, sent.open = 0, ""
    sent.restarts = drawn.restarts
    if drawn.summary != sent.summary:
        changed["summary"] = sent.summary = drawn.summary
    if sent.frozen < len(drawn.frozen):
        changed["frozen"] = lean("".join(drawn.frozen[sent.frozen :]))
        sent.frozen = len(drawn.frozen)
    if drawn.open != sent.open:
        before, now = lean(sent.open), lean(drawn.open)
        keep = common_length(before, now)
        changed["keep"] = utf16_length(now[:keep])
        changed["tail"] = now[keep:]
        sent.open = drawn.open
    return changed


def lean(html: str) -> str:
    """Return HTML without what the style of a live view says by itself."""
    return html.replace(_ON_THE_LEFT, "")


def common_length(one: str, other: str) -> int:
    """Return how many letters two texts begin with in common."""
    least, most = 0, min(len(one), len(other))
    while least < most:
        # Slices are compared at the speed of memory, letters are not.
        middle = (least + most + 1) // 2
        if one[least:middle] == other[least:middle]:
            least = middle
        else:
            most = middle - 1
    return least


def utf16_length(text: str) -> int:
    """Return the length of a text as JavaScript counts it."""
    if text.isascii():
        return len(text)
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
