"""The state that the pages of a panel show, and which of it is new.

``receive``, ``changed`` and ``repeat`` may be called in any thread; everything else is
read and written by the sender thread only.
"""

from __future__ import annotations

import queue
import re
import time
from collections.abc import Callable, Container, Iterator
from typing import Any

from stepmagic.attachments.notebook.host import Host
from stepmagic.conversation.dialogue import Dialogue
from stepmagic.display.answer import AnswerFold
from stepmagic.display.notebook.frames import Frames
from stepmagic.display.notebook.patches import Patches
from stepmagic.markdown import plain
from stepmagic.panel.question import Question
from stepmagic.panel.views import (
    order_view,
    settings_view,
    transcript_bundle,
    turn_view,
)
from stepmagic.transcript import Turn
from stepmagic.transcript.events import StreamEvent

_SENTENCE_END = re.compile(r"[.!?:](?=\s)|\n")
_FENCE = re.compile(r"\s*(```|~~~)\s*([\w+#.-]*)")
_MARKUP = re.compile(r"[*_`#>|]+|^\s*[-+] |\\[()\[\]]|\$+", re.MULTILINE)
"""Characters of Markdown that are not read out."""

_TURNS_PER_MESSAGE = 20
"""The last turns of a conversation are sent first."""

_SPEECH_INTERVAL_S = 1.0
"""Between two texts for a screen reader."""


class Speech:
    """Turns the text of one growing answer into sentences for a screen reader."""

    def __init__(self) -> None:
        self._position = 0
        self._in_code = False

    def more(self, text: str, *, is_complete: bool = False) -> str:
        """Return the sentences that were finished since the last call.

        A code block is announced by its language, and not read out.

        Args:
            text: All of the answer so far.
            is_complete: Whether no more text follows.
        """
        ends = [found.end() for found in _SENTENCE_END.finditer(text, self._position)]
        end = len(text) if is_complete else (ends[-1] if ends else self._position)
        new, self._position = text[self._position : end], end
        lines = [self._line(line) for line in new.split("\n")]
        return " ".join(filter(None, lines))

    def _line(self, line: str) -> str:
        fence = _FENCE.match(line)
        if fence is not None:
            self._in_code = not self._in_code
            return f"Code {fence[2]}".strip() + "." if self._in_code else ""
        if self._in_code:
            return ""
        return " ".join(_MARKUP.sub(" ", plain(line)).split())


class _LiveTurn:
    """A turn whose answer is streaming."""

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
        """Return what changed in the answer since the last patch."""
        return self.patches.message(self._frames.next())

    def speech(self, *, is_complete: bool = False) -> str:
        """Return the text for a screen reader that is due now; empty if none is."""
        now = time.monotonic()
        if now - self._spoke_at < _SPEECH_INTERVAL_S and not is_complete:
            return ""
        self._spoke_at = now
        return self._speech.more(self.fold.answer().text, is_complete=is_complete)


class PanelState:
    """What the pages of one conversation show, and which of it was sent already.

    Args:
        conversation: Whose turns are shown.
        host: The notebook whose variables can be attached.
        notify: Called when there may be something new to send; in any thread.
    """

    def __init__(
        self, conversation: Dialogue, host: Host, notify: Callable[[], None]
    ) -> None:
        self.conversation = conversation
        self.host = host
        self.questions: list[Question] = []
        """Questions of the panel that are not answered yet."""
        self._notify = notify
        self._missed = {turn.id for turn in _running(conversation)}
        """Turns that began before this state; they are shown when they have ended."""
        self._events: queue.SimpleQueue[tuple[str, StreamEvent]] = queue.SimpleQueue()
        self._is_changed = True
        self._must_repeat = True
        self._live: dict[str, _LiveTurn] = {}
        self._views: dict[str, dict[str, Any]] = {}
        """Turns that have ended, as pages draw them: each is made once."""
        self._sent_turns: dict[str, str] = {}
        """The turns that pages have, with their status."""
        self._sent: dict[str, Any] = {}
        """Everything else that pages have, by its kind."""

    def receive(self, turn_id: str, event: StreamEvent) -> None:
        """Put an event of a turn into the queue; called on the event loop."""
        self._events.put((turn_id, event))
        self._notify()

    def changed(self) -> None:
        """Note that something other than an answer has changed."""
        self._is_changed = True
        self._notify()

    def repeat(self) -> None:
        """Have the next message contain everything: a page has nothing yet."""
        self._must_repeat = True

    @property
    def is_running(self) -> bool:
        """Whether an answer is streaming."""
        return bool(self._live)

    @property
    def is_behind(self) -> bool:
        """Whether turns are left for the next message."""
        return any(turn.id not in self._sent_turns for turn in self.conversation.turns)

    def transcript(self, place: str = "", *, with_turns: bool = True) -> dict[str, str]:
        """Return the bundle of the conversation for a page without a kernel.

        Args:
            place: The id by which pages with a kernel find it.
            with_turns: Whether it contains the turns already.
        """
        turns = self.conversation.turns
        ended = [each for each in turns if each.status != "running"]
        views = map(self._ended_view, ended if with_turns else ())
        return transcript_bundle(
            self.conversation.name, views, count=len(turns), place=place
        )

    def update(self) -> tuple[bool, list[dict[str, Any]]]:
        """Return whether the next message repeats everything, and its parts."""
        is_complete, self._must_repeat = self._must_repeat, False
        if is_complete:
            self._sent_turns.clear()
            self._sent.clear()
            self._is_changed = True
            for live in self._live.values():
                live.patches.must_repeat = True
        return is_complete, list(self.parts())

    def parts(self) -> Iterator[dict[str, Any]]:
        """Yield what is new for the pages."""
        is_changed, self._is_changed = self._is_changed, False
        running = {turn.id: turn for turn in _running(self.conversation)}
        for turn in running.values():
            self._follow(turn)
        self._fold()
        turns = self.conversation.turns
        if is_changed:
            yield from self._if_new("order", order_view(self.conversation))
        if views := list(self._new_views(turns)):
            yield {"kind": "turns", "turns": views}
        yield from self._patches({turn.id for turn in turns}, running)
        if is_changed:
            for question in [each for each in self.questions if each.is_answered]:
                self.questions.remove(question)
            waiting = [each.to_view() for each in self.questions if not each.is_turn]
            yield from self._if_new("waiting", waiting)
            own = [q.turn_id for q in self.questions if q.turn_id in running]
            yield from self._if_new("stoppable", own)
            yield from self._if_new("settings", settings_view(self.conversation))

    def _follow(self, turn: Turn) -> None:
        if turn.id not in self._live and turn.id not in self._missed:
            self._live[turn.id] = _LiveTurn(turn)

    def _fold(self) -> None:
        while not self._events.empty():
            turn_id, event = self._events.get()
            # A turn may end before it was sent as running.
            self._follow(self.conversation.tree.turns[turn_id])
            if turn_id in self._live:
                self._live[turn_id].fold.feed(event)

    def _new_views(self, turns: list[Turn]) -> Iterator[dict[str, Any]]:
        new = [turn for turn in turns if self._sent_turns.get(turn.id) != turn.status]
        for turn in new[-_TURNS_PER_MESSAGE:]:
            self._sent_turns[turn.id] = turn.status
            if turn.status == "running":
                yield turn_view(turn, is_streamed=turn.id not in self._missed)
                continue
            yield self._ended_view(turn)

    def _ended_view(self, turn: Turn) -> dict[str, Any]:
        if turn.id not in self._views:
            self._views[turn.id] = turn_view(turn)
        return self._views[turn.id]

    def _patches(
        self, shown: Container[str], running: Container[str]
    ) -> Iterator[dict[str, Any]]:
        for turn_id, live in list(self._live.items()):
            is_over = turn_id not in running
            speech = live.speech(is_complete=is_over) if turn_id in shown else ""
            if is_over:
                del self._live[turn_id]
            elif turn_id not in shown:
                live.patches.must_repeat = True
            elif patch := live.patch():
                yield {"kind": "patch", "turn": turn_id, "patch": patch}
            if speech:
                yield {"kind": "speech", "text": speech}

    def _if_new(self, kind: str, value: Any) -> Iterator[dict[str, Any]]:
        if kind not in self._sent or self._sent[kind] != value:
            self._sent[kind] = value
            yield {"kind": kind, kind: value}


def _running(conversation: Dialogue) -> list[Turn]:
    turns = list(conversation.tree.turns.values())
    return [turn for turn in turns if turn.status == "running"]
