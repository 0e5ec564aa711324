"""An answer that grows, as it looks from frame to frame.

Owns what of a frame was there before: each text has a ``BlockStream``, so that a frame
costs what is new. How a frame reaches the screen is for ``notebook`` and ``live``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stepmagic.display.answer import AnswerFold
from stepmagic.display.html.bundle import (
    Piece,
    merge_parts,
    plain_text,
    quiet,
    single_thought_s,
    to_piece,
    waiting,
    wrapped,
)
from stepmagic.display.html.calls import DisplayedPart
from stepmagic.markdown.stream import BlockStream
from stepmagic.transcript import Part, Reasoning


class DrawnPiece:
    """A piece of an answer as it is drawn by now."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.around = ("", "", "")
        self.summary = ""
        self.frozen: list[str] = []
        """HTML that only grows."""
        self.open = ""
        """HTML after it that may still change."""
        self.restarts = 0
        """How often all that was frozen became void."""
        self.size = 0
        """Letters of HTML that are frozen."""
        self._part: DisplayedPart | None = None
        self._grows = True
        self._is_last = True
        self._source = ""
        self._stream = BlockStream()

    @property
    def html(self) -> str:
        """The HTML of the piece."""
        body = "".join((*self.frozen, self.open))
        return Piece(around=self.around, summary=self.summary).join(body)

    def follow(
        self,
        part: DisplayedPart,
        *,
        is_last: bool,
        grows: bool,
        thought_s: float | None,
    ) -> None:
        """Draw a part as it is now.

        Args:
            part: The part that stands here; as a rule the one from before, with more.
            is_last: Whether nothing follows it yet.
            grows: Whether it is reasoning that goes on.
            thought_s: How long the reasoning took, so far.
        """
        # A summary that tells the time changes without the part.
        if part is self._part and is_last is self._is_last and not self._grows:
            return
        self._part, self._is_last, self._grows = part, is_last, grows
        piece = to_piece(part, grows=grows, thought_s=thought_s)
        self.around, self.summary = piece.around, piece.summary
        # Of a line that is not whole, a stream holds back what may become markup.
        is_cut = piece.source and not is_last
        self._feed(f"{piece.source}\n" if is_cut else piece.source)
        if piece.html:
            self.open = piece.html

    def _feed(self, source: str) -> None:
        if source == self._source:
            return
        if not source.startswith(self._source):
            # The part ended otherwise than it grew, or another stands here now.
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
    """An answer at one moment of its growth."""

    pieces: Sequence[DrawnPiece]
    line: str
    """What happens instead of an answer, in words; empty with text."""
    parts: tuple[Part, ...]

    @property
    def size(self) -> int:
        """Letters of the model's HTML."""
        return sum(piece.size + len(piece.open) for piece in self.pieces)

    def to_bundle(self) -> dict[str, str]:
        """Return the frame as a whole: HTML and text."""
        html = "".join(piece.html for piece in self.pieces)
        return {
            "text/html": wrapped(html + quiet(self.line)),
            "text/plain": plain_text(self.parts, [self.line] if self.line else []),
        }


class Frames:
    """Makes the frames of one answer."""

    def __init__(self, fold: AnswerFold) -> None:
        """Follow what a fold has of the answer."""
        self._fold = fold
        self._drawn: list[DrawnPiece] = []

    def next(self) -> Frame:
        """Return the answer as it stands; the frame before is void."""
        answer = self._fold.answer()
        parts = merge_parts(answer.parts, answer.call_times_s)
        thought_s = single_thought_s(parts, answer.thought_s)
        while len(self._drawn) < len(parts):
            self._drawn.append(DrawnPiece())
        del self._drawn[len(parts) :]
        for drawn, part in zip(self._drawn, parts, strict=True):
            is_last = part is parts[-1]
            thinks = is_last and isinstance(part, Reasoning) and self._fold.is_thinking
            drawn.follow(part, is_last=is_last, grows=thinks, thought_s=thought_s)
        is_blank = not any(d.summary or d.size or d.open for d in self._drawn)
        line = self._fold.line or (waiting(answer) if is_blank else "")
        return Frame(pieces=self._drawn, line=line, parts=answer.parts)
