"""What the pages of a panel have to know, and what of it is new.

Events are put in from the background loop; everything else is read and written by the
pump's thread alone.
"""

from __future__ import annotations

import queue
import re
import time
from collections.abc import Container, Iterator
from typing import Any

from stepmagic.conversation.dialogue import Dialogue
from stepmagic.display.answer import AnswerFold
from stepmagic.display.notebook.frames import Frames
from stepmagic.display.notebook.patches import Patches
from stepmagic.markdown import plain
from stepmagic.panel.question import Question
from stepmagic.panel.views import order_form, settings_form, transcript_html, turn_form
from stepmagic.transcript import Turn
from stepmagic.transcript.events import StreamEvent

_END = re.compile(r"[.!?:](?=\s)|\n")
_FENCE = re.compile(r"\s*(```|~~~)\s*([\w+#.-]*)")
_SIGNS = re.compile(r"[*_`#>|]+|^\s*[-+] |\\[()\[\]]|\$+", re.MULTILINE)
"""Of Markdown, which are no words."""


class Speech:
    """Follows the text of one answer."""

    def __init__(self) -> None:
        """Begin with nothing said."""
        self._said = 0
        self._in_code = False

    def more(self, text: str, *, is_whole: bool = False) -> str:
        """Return what is to be said now, the text so far being this.

        Code is told by its language, and not read out.
        """
        ends = [found.end() for found in _END.finditer(text, self._said)]
        end = len(text) if is_whole else (ends[-1] if ends else self._said)
        new, self._said = text[self._said : end], end
        words = [self._line(line) for line in new.split("\n")]
        return " ".join(filter(None, words))

    def _line(self, line: str) -> str:
        fence = _FENCE.match(line)
        if fence is not None:
            self._in_code = not self._in_code
            return f"Code {fence[2]}".strip() + "." if self._in_code else ""
        if self._in_code:
            return ""
        return " ".join(_SIGNS.sub(" ", plain(line)).split())


_AT_ONCE = 20
"""Turns in one message; the last of a conversation come first."""

_SPEECH_S = 1.0
"""Between two things said to a screen reader."""


class _Growing:
    """A turn that is being answered."""

    def __init__(self, turn: Turn) -> None:
        origin = turn.replies[0].origin if turn.replies else None
        self.fold = AnswerFold(
            model=origin.model if origin else None, effort=turn.effort
        )
        self._frames = Frames(self.fold)
        self.patches = Patches()
        self._speech = Speech()
        self._spoke_at = time.monotonic()

    def patch(self) -> dict[str, Any] | None:
        """Return what is new of the answer since the last patch."""
        return self.patches.message(self._frames.next())

    def speech(self, *, is_whole: bool = False) -> str:
        """Return what a screen reader is to say now, if anything is due."""
        now = time.monotonic()
        if now - self._spoke_at < _SPEECH_S and not is_whole:
            return ""
        self._spoke_at = now
        return self._speech.more(self.fold.answer().text, is_whole=is_whole)


class Stage:
    """Everything that the pages of one conversation show."""

    def __init__(self, conversation: Dialogue) -> None:
        """Begin with pages that know nothing."""
        self.conversation = conversation
        self.questions: list[Question] = []
        """Those of the panel that are not answered."""
        self._unseen = {turn.id for turn in _running(conversation)}
        """Turns that began before anybody looked; they are shown when they are over."""
        self._events: queue.SimpleQueue[tuple[str, StreamEvent]] = queue.SimpleQueue()
        self._is_stale = True
        self._growing: dict[str, _Growing] = {}
        self._forms: dict[str, dict[str, Any]] = {}
        """Closed turns as pages draw them, made once."""
        self._known: dict[str, str] = {}
        """The turns that pages have, with their status."""
        self._sent: dict[str, Any] = {}
        """Everything else that pages have, by its kind."""

    def feed(self, turn_id: str, event: StreamEvent) -> None:
        """Take an event; called on the background loop."""
        self._events.put((turn_id, event))

    def change(self) -> None:
        """Note that more than an answer has changed; may be called in any thread."""
        self._is_stale = True

    def forget(self) -> None:
        """Begin again with pages that know nothing."""
        self._known.clear()
        self._sent.clear()
        self._is_stale = True
        for growing in self._growing.values():
            growing.patches.must_repeat = True

    @property
    def runs(self) -> bool:
        """Whether an answer is growing."""
        return bool(self._growing)

    @property
    def is_behind(self) -> bool:
        """Whether turns are left that the last messages did not hold."""
        return any(turn.id not in self._known for turn in self.conversation.turns)

    def transcript(self, place: str) -> str:
        """Return the turns for a page without a kernel, which knows them by a place."""
        turns = [each for each in self.conversation.turns if each.status != "running"]
        return transcript_html(self.conversation.name, map(self._form, turns), place)

    def messages(self) -> Iterator[dict[str, Any]]:
        """Yield what is new for the pages."""
        is_stale, self._is_stale = self._is_stale, False
        running = {turn.id: turn for turn in _running(self.conversation)}
        for turn in running.values():
            self._look_at(turn)
        self._fold()
        turns = self.conversation.turns
        if is_stale:
            yield from self._changed("order", order_form(self.conversation))
        if forms := list(self._new_forms(turns)):
            yield {"kind": "turns", "turns": forms}
        yield from self._patches({turn.id for turn in turns}, running)
        if is_stale:
            for question in [each for each in self.questions if each.is_done]:
                self.questions.remove(question)
            waiting = [each.to_form() for each in self.questions if not each.is_turn]
            yield from self._changed("waiting", waiting)
            own = [q.turn_id for q in self.questions if q.turn_id in running]
            yield from self._changed("stoppable", own)
            yield from self._changed("settings", settings_form(self.conversation))

    def _look_at(self, turn: Turn) -> None:
        if turn.id not in self._growing and turn.id not in self._unseen:
            self._growing[turn.id] = _Growing(turn)

    def _fold(self) -> None:
        while not self._events.empty():
            turn_id, event = self._events.get()
            # One may be over before it was seen running.
            self._look_at(self.conversation.tree.turns[turn_id])
            if turn_id in self._growing:
                self._growing[turn_id].fold.feed(event)

    def _new_forms(self, turns: list[Turn]) -> Iterator[dict[str, Any]]:
        new = [turn for turn in turns if self._known.get(turn.id) != turn.status]
        for turn in new[-_AT_ONCE:]:
            self._known[turn.id] = turn.status
            if turn.status == "running":
                yield turn_form(turn, is_seen=turn.id not in self._unseen)
                continue
            yield self._form(turn)

    def _form(self, turn: Turn) -> dict[str, Any]:
        if turn.id not in self._forms:
            self._forms[turn.id] = turn_form(turn)
        return self._forms[turn.id]

    def _patches(
        self, shown: Container[str], running: Container[str]
    ) -> Iterator[dict[str, Any]]:
        for turn_id, growing in list(self._growing.items()):
            is_over = turn_id not in running
            said = growing.speech(is_whole=is_over) if turn_id in shown else ""
            if is_over:
                del self._growing[turn_id]
            elif turn_id not in shown:
                growing.patches.must_repeat = True
            elif patch := growing.patch():
                yield {"kind": "patch", "turn": turn_id, "patch": patch}
            if said:
                yield {"kind": "say", "say": said}

    def _changed(self, kind: str, value: Any) -> Iterator[dict[str, Any]]:
        if kind not in self._sent or self._sent[kind] != value:
            self._sent[kind] = value
            yield {"kind": kind, kind: value}


def _running(conversation: Dialogue) -> list[Turn]:
    turns = list(conversation.tree.turns.values())
    return [turn for turn in turns if turn.status == "running"]
