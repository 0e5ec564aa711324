"""The frames of an answer while it is being received.

Owns which part of a frame is unchanged: each text has a ``BlockStream``, so that the
cost of a frame depends only on what is new. ``output`` and ``live`` send the frames to
the front end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stepmagic.display.answer import AnswerFold
from stepmagic.display.html.bundle import (
    Piece,
    aside_html,
    merge_parts,
    plain_text,
    single_thought_s,
    to_piece,
    waiting,
    wrapped,
)
from stepmagic.display.html.calls import DisplayedPart
from stepmagic.markdown.stream import BlockStream
from stepmagic.transcript import Part, Reasoning


class DrawnPiece:
    """A piece of an answer, as HTML so far."""

    def __init__(self) -> None:
        self.around = ("", "", "")
        self.summary = ""
        self.frozen: list[str] = []
        """HTML that is only appended to."""
        self.open = ""
        """HTML after it that may still change."""
        self.restarts = 0
        """How often all frozen HTML was replaced."""
        self.size = 0
        """Characters of frozen HTML."""
        self._part: DisplayedPart | None = None
        self._is_streaming = True
        self._is_last = True
        self._source = ""
        self._stream = BlockStream()

    @property
    def html(self) -> str:
        """The HTML of the piece."""
        body = "".join((*self.frozen, self.open))
        return Piece(around=self.around, summary=self.summary).join(body)

    def update(
        self,
        part: DisplayedPart,
        *,
        is_last: bool,
        is_streaming: bool,
        thought_s: float | None,
    ) -> None:
        """Update the piece to a part.

        Args:
            part: The part at this place; usually the previous one with more text.
            is_last: Whether no other part follows it yet.
            is_streaming: Whether it is reasoning that continues.
            thought_s: How long the reasoning took so far.
        """
        # A summary that shows the time changes without the part.
        if part is self._part and is_last is self._is_last and not self._is_streaming:
            return
        self._part, self._is_last, self._is_streaming = part, is_last, is_streaming
        piece = to_piece(part, is_streaming=is_streaming, thought_s=thought_s)
        self.around, self.summary = piece.around, piece.summary
        # A stream buffers the end of an incomplete line if it may become markup.
        is_cut = piece.source and not is_last
        self._feed(f"{piece.source}\n" if is_cut else piece.source)
        if piece.html:
            self.open = piece.html

    def _feed(self, source: str) -> None:
        if source == self._source:
            return
        if not source.startswith(self._source):
            # The final part differs from its deltas, or it is another part.
            self._stream, self._source = BlockStream(), ""
            self._restart()
        self._stream.feed(source[len(self._source) :])
        self._source = source
        patch = self._stream.patch()
        if patch.restart:
            self._restart()
        if patch.frozen:
            self.frozen.append(patch.frozen)
            self.size += len(patch.frozen)
        self.open = patch.open

    def _restart(self) -> None:
        self.restarts += 1
        self.frozen = []
        self.size = 0
        self.open = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """An answer at one moment."""

    pieces: Sequence[DrawnPiece]
    line: str
    """What is happening before text arrives; empty with text."""
    parts: tuple[Part, ...]

    @property
    def size(self) -> int:
        """Characters of HTML that come from the model."""
        return sum(piece.size + len(piece.open) for piece in self.pieces)

    def to_bundle(self) -> dict[str, str]:
        """Return the complete frame: HTML and text."""
        html = "".join(piece.html for piece in self.pieces)
        return {
            "text/html": wrapped(html + aside_html(self.line)),
            "text/plain": plain_text(self.parts, [self.line] if self.line else []),
        }


class Frames:
    """Makes the frames of one answer, from the state of its ``AnswerFold``."""

    def __init__(self, fold: AnswerFold) -> None:
        self._fold = fold
        self._drawn: list[DrawnPiece] = []

    def next(self) -> Frame:
        """Return the answer as it is now; the previous frame becomes invalid."""
        answer = self._fold.answer()
        parts = merge_parts(answer.parts, answer.call_times_s)
        thought_s = single_thought_s(parts, answer.thought_s)
        while len(self._drawn) < len(parts):
            self._drawn.append(DrawnPiece())
        del self._drawn[len(parts) :]
        for drawn, part in zip(self._drawn, parts, strict=True):
            is_last = part is parts[-1]
            is_streaming = (
                is_last and isinstance(part, Reasoning) and self._fold.is_thinking
            )
            drawn.update(
                part, is_last=is_last, is_streaming=is_streaming, thought_s=thought_s
            )
        is_empty = not any(d.summary or d.size or d.open for d in self._drawn)
        line = self._fold.line or (waiting(answer) if is_empty else "")
        return Frame(pieces=self._drawn, line=line, parts=answer.parts)
