"""The differences between frames, as messages for ``live.js``.

A message has ``seq``, counted from 0, and ``pieces``, each with its place ``at`` and
what of it changed: ``around`` (its HTML with an empty summary and an empty body, a new
start), ``summary``, ``restart`` (all its frozen HTML is void), ``frozen`` (HTML
to append), and ``keep`` and ``tail`` (of the open HTML before, so many UTF-16 units
stay and the tail follows). ``line`` is the HTML below the pieces. A message that is
``complete`` repeats everything, for a page that lost one.

The alignment of table cells is a third of their HTML, or more. The most frequent one,
to the left, is left out here, since ``view.css`` sets it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stepmagic.display.html.bundle import aside_html
from stepmagic.display.notebook.frames import DrawnPiece, Frame

_LEAST_REPEATED = 16 * 1024
"""Characters of HTML; a shorter answer is not repeated before its end."""

_GROWTH = 8
"""By which factor the HTML grows from one repetition to the next."""

_ON_THE_LEFT = ' style="text-align:left"'
"""Only an attribute can contain this: in text, a quote is escaped."""


@dataclass(slots=True)
class _Sent:
    """What a page has received of a piece."""

    around: tuple[str, str, str] = ("", "", "")
    summary: str = ""
    restarts: int = 0
    frozen: int = 0
    """How many of the frozen fragments were sent."""
    open: str = ""


class Patches:
    """Writes the messages of one reply.

    Everything is repeated now and then, so that a page that lost a message need not
    wait for the end. Each repetition is eight times as long as the one before, so that
    all together have less than 8/7 of the characters of the answer.
    """

    def __init__(self) -> None:
        self.must_repeat = True
        """Whether the next message has to contain everything."""
        self._seq = 0
        self._sent: list[_Sent] = []
        self._line = ""
        self._repeat_at = _LEAST_REPEATED

    def message(self, frame: Frame) -> dict[str, Any] | None:
        """Return the message that updates a page to a frame; None if it is equal."""
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
        """How many messages were sent."""
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
            if (changed := _take_changes(sent, drawn))
        ]
        if pieces:
            changes["pieces"] = pieces
        line = aside_html(frame.line)
        if line != self._line:
            changes["line"] = self._line = line
        return changes


def _take_changes(sent: _Sent, drawn: DrawnPiece) -> dict[str, Any]:
    """Return the changes of a piece, and mark them as sent."""
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
        changed["frozen"] = without_left_alignment("".join(drawn.frozen[sent.frozen :]))
        sent.frozen = len(drawn.frozen)
    if drawn.open != sent.open:
        before, now = (
            without_left_alignment(sent.open),
            without_left_alignment(drawn.open),
        )
        keep = common_length(before, now)
        changed["keep"] = utf16_length(now[:keep])
        changed["tail"] = now[keep:]
        sent.open = drawn.open
    return changed


def without_left_alignment(html: str) -> str:
    """Return HTML without the alignment that ``view.css`` sets."""
    return html.replace(_ON_THE_LEFT, "")


def common_length(one: str, other: str) -> int:
    """Return the length of the common prefix of two texts."""
    least, most = 0, min(len(one), len(other))
    while least < most:
        # Comparing slices is much faster than comparing characters.
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
