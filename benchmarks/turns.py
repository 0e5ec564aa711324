"""What a turn costs beside the network, as a conversation grows to 1,000 turns.

Times are those of this process's own threads: the server's do not count. A request
holds all that was said and grows with it, so that making one is measured by itself, at
the same turns: for each letter it has to cost the same. All else that a turn does, to
estimate its tokens and to send it among it, may grow by half of that.
"""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from look_alike import Stream, look_alike
from stepmagic.conversation.dialogue import Dialogue
from stepmagic.conversation.turn import new_turn
from stepmagic.server.options import Options, Overrides
from stepmagic.session import session
from stepmagic.settings import current
from stepmagic.transcript import Cell, Text, user
from table import Row

_TURNS = 1000
_SAMPLE = 40
"""Turns that are asked at the beginning, and at the end; the rest is put there."""

_MAKES = 20
"""How often a request is made for one measurement."""

_MOST_ADDED = 0.5
"""Of a turn beside its request, in times of making that request: what reads the same
messages once more, such as the estimate of their tokens, and sends them."""

_MOST_A_LETTER = 1.5
"""Of a long request, in times of a short one."""

_ANSWER = "The deviation is about two and a half, and the figure agrees with it. " * 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sample:
    """Turns that followed one another."""

    beside_ms: float
    """What one took beside its request."""
    request_ms: float
    letters: int
    """Of the request."""

    @property
    def letter_ns(self) -> float:
        """What a letter of the request took."""
        return 1e6 * self.request_ms / self.letters


def measure() -> Iterator[Row]:
    """Yield what the last turns of a long conversation cost, and what the first."""
    with tempfile.TemporaryDirectory() as folder, look_alike() as server:
        stream = server.serve(_ANSWER)
        os.environ["OPENROUTER_API_KEY"] = stream.key
        settings = current()
        settings.base_url, settings.journal = stream.url, folder
        talk, options = Dialogue("turns"), _options(stream)
        early = _sample(talk, options)
        _fill(talk, options, _TURNS - 2 * _SAMPLE)
        late = _sample(talk, options)
    added_ms = late.beside_ms - early.beside_ms
    added = added_ms / late.request_ms
    first, last = f"1 to {_SAMPLE}", f"{_TURNS - _SAMPLE + 1} to {_TURNS}"
    yield Row(
        what=f"a turn beside network and request: {last}",
        measured=f"{late.beside_ms:.1f} ms",
        beside=f"{early.beside_ms:.1f} ms for {first}",
        ratio=f"+{added_ms:.1f} ms, {added:.2f} of the request",
        limit=f"{_MOST_ADDED:g}",
        good=added < _MOST_ADDED,
    )
    ratio = late.letter_ns / early.letter_ns
    yield Row(
        what=f"to make the request of a turn: {last}",
        measured=f"{late.letter_ns:.0f} ns a letter, {late.request_ms:.1f} ms",
        beside=f"{early.letter_ns:.0f} ns for {first}",
        ratio=f"{ratio:.2f}",
        limit=f"{_MOST_A_LETTER:g}",
        good=ratio < _MOST_A_LETTER,
    )


def _sample(talk: Dialogue, options: Options) -> _Sample:
    taken_ms, made_ms = [], []
    for _ in range(_SAMPLE):
        taken_ms.append(_ask(talk, options))
        made_ms.append(_make(talk, options)[0])
    beside = [took - made for took, made in zip(taken_ms, made_ms, strict=True)]
    requests = [_make(talk, options) for _ in range(_MAKES)]
    return _Sample(
        beside_ms=statistics.median(beside),
        request_ms=statistics.median(took for took, _ in requests),
        letters=requests[0][1],
    )


def _make(talk: Dialogue, options: Options) -> tuple[float, int]:
    """Return the milliseconds it takes to make the next request, and its letters."""
    begin = time.process_time()
    body = talk.encode(user("Question?"), options)
    letters = len(json.dumps(body, ensure_ascii=False).encode())
    return 1000 * (time.process_time() - begin), letters


def _ask(talk: Dialogue, options: Options) -> float:
    """Ask in a cell of its own; returns the milliseconds of this process's threads."""
    begin = time.process_time()
    with talk.send(user("Question?"), options, cell=_cell(talk)) as stream:
        for _ in stream:
            pass
    stream.result()
    return 1000 * (time.process_time() - begin)


def _fill(talk: Dialogue, options: Options, count: int) -> None:
    """Put turns into a conversation as if they had been asked."""
    said = (Text(text=_ANSWER),)
    for _ in range(count):
        head, cell = talk.tree.head, _cell(talk)
        turn = new_turn(user("Question?"), options, parent=head, cell=cell)
        reply = replace(turn.replies[0], parts=said, status="complete")
        talk.tree.add(replace(turn, replies=(reply,), status="complete"))


def _cell(talk: Dialogue) -> Cell:
    """Return a cell that has not asked yet."""
    number = str(len(talk.tree.turns))
    return Cell(id=number, execution=number)


def _options(stream: Stream) -> Options:
    return session().options(Dialogue("none"), Overrides(model=stream.model))
