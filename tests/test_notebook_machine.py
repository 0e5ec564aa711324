"""Anything a notebook does, in any order: what is sent is what a simple model says.

The model is a notebook on paper. A branch is a list of questions with what came of
each; a cell that runs again crosses out its own last run and what follows. It knows no
tree, no turns and no heads.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from openrouter_server import (
    OpenRouterServer,
    Reply,
    answer,
    error,
    mid_stream_error,
    stall,
)
from stepmagic.conversation.dialogue import Dialogue
from stepmagic.errors import Interrupted, StepError
from stepmagic.server.catalogue import Catalogue
from stepmagic.server.options import Options, Overrides, resolve
from stepmagic.session import session
from stepmagic.settings import current
from stepmagic.storage import load_file, read_journal, save_file
from stepmagic.storage.journal import journal
from stepmagic.transcript import Cell, Turn, user
from stepmagic.transcript.events import PartDelta

CELLS = ("A", "B", "C", None)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question on paper, and what came of it."""

    question: str
    answer: str
    cell: str | None
    run: int


@dataclass(slots=True)
class Paper:
    """The notebook as a person would keep it."""

    branches: dict[str, list[Asked]] = field(default_factory=lambda: {"main": []})
    here: str = "main"
    undone: list[Asked] = field(default_factory=list)
    aside: list[list[Asked]] = field(default_factory=list)
    """What should have got a branch since the names were last looked up."""

    @property
    def asked(self) -> list[Asked]:
        """The current branch."""
        return self.branches[self.here]

    def before(self, cell: str | None) -> list[Asked]:
        """Return what a question of a cell follows."""
        runs = [one.run for one in self.asked if cell is not None and one.cell == cell]
        if not runs:
            return self.asked
        own = (one.cell == cell and one.run == runs[-1] for one in self.asked)
        return self.asked[: list(own).index(True)]

    def go(self, to: list[Asked]) -> None:
        """Let the current branch be another list; what that leaves is set aside."""
        self.settle()
        left = self.asked
        self.branches[self.here] = to
        self.set_aside(left)

    def settle(self) -> None:
        """Give up what was undone."""
        self.set_aside([*self.asked, *reversed(self.undone)])
        self.undone = []

    def set_aside(self, left: list[Asked]) -> None:
        """Note a list that must be on a branch from here on."""
        known = [*self.branches.values(), *self.aside]
        if not any(each[: len(left)] == left for each in known):
            self.aside.append(left)


class Notebook(RuleBasedStateMachine):
    """A conversation and its paper, asked and changed alike."""

    def __init__(self, server: OpenRouterServer, folder: Path) -> None:
        """Begin with an empty conversation in an empty journal."""
        super().__init__()
        session().journals.close()
        server.reset()
        self.server, self.folder = server, folder
        self.talk, self.paper = Dialogue("main"), Paper()
        self.numbers: Iterator[int] = itertools.count(1)
        self.named = {"main"}

    # Questions

    @rule(cell=st.sampled_from(CELLS), times=st.integers(1, 2))
    def ask(self, cell: str | None, times: int) -> None:
        """Run a cell; a loop in it asks twice."""
        run = next(self.numbers)
        for _ in range(times):
            self._ask(cell, run, answer(f"Answer {next(self.numbers)}.", reasoning=""))

    @rule(cell=st.sampled_from(CELLS), after=st.integers(0, 4))
    def interrupt(self, cell: str | None, after: int) -> None:
        """Stop a cell, before or after its first words."""
        said = answer(f"Cut off {next(self.numbers)}, in the end.", reasoning="")
        self._ask(cell, next(self.numbers), stall(said, after=after))

    @rule(cell=st.sampled_from(CELLS), after=st.integers(0, 4))
    def fail(self, cell: str | None, after: int) -> None:
        """Let a cell fail, before or after its first words."""
        said = answer(f"Broken off {next(self.numbers)}, alas.", reasoning="")
        reply = mid_stream_error(said, after=after) if after else error(400)
        self._ask(cell, next(self.numbers), reply)

    def _ask(self, cell: str | None, run: int, reply: Reply) -> None:
        question = f"Question {next(self.numbers)}?"
        self.server.enqueue(reply)
        known = Cell(id=cell, execution=str(run)) if cell else None
        stream = self.talk.send(user(question), _options(self.server), cell=known)
        said = []
        try:
            with stream:
                for event in stream.beats(0.05):
                    if isinstance(event, PartDelta):
                        said.append(event.text)
                    if event is None and reply.ending == "stall":
                        raise KeyboardInterrupt
            stream.result()
        except (Interrupted, StepError):
            rest = (one for one in stream.rest() if isinstance(one, PartDelta))
            said += [event.text for event in rest]
        follows = self._same_run(cell, run)
        self._check_request([question], follows)
        self.paper.go(follows)
        if said:
            one = Asked(question, "".join(said), cell, run if cell else 0)
            self.paper.branches[self.paper.here] = [*follows, one]

    def _same_run(self, cell: str | None, run: int) -> list[Asked]:
        """Return what the next question of a run follows: the run itself, if begun."""
        asked = self.paper.asked
        own = [one.run for one in asked if cell is not None and one.cell == cell]
        return asked if own and own[-1] == run else self.paper.before(cell)

    def _check_request(self, questions: list[str], follows: list[Asked]) -> None:
        messages = self.server.requests[-1].body["messages"]
        sent = [(one["role"], one["content"]) for one in messages[1:]]
        wanted = []
        for one in follows:
            wanted += [("user", one.question), ("assistant", one.answer)]
        assert sent == [*wanted, *(("user", question) for question in questions)]

    @rule(cell=st.sampled_from(CELLS))
    def ask_side_by_side(self, cell: str | None) -> None:
        """Ask two at once; the conversation continues with the first."""
        question, run = f"Question {next(self.numbers)}?", next(self.numbers)
        texts = [f"Answer {next(self.numbers)}." for _ in range(2)]
        self.server.enqueue(*(answer(text, reasoning="") for text in texts))
        known = Cell(id=cell, execution=str(run)) if cell else None
        each = [_options(self.server, effort) for effort in ("low", "high")]
        together = self.talk.send_each(user(question), each, cell=known)
        with together:
            for _ in together.beats(30):
                pass
        follows = self.paper.before(cell)
        self._check_request([question], follows)
        self.paper.go(follows)
        run = run if cell else 0
        came = [Asked(question, turn.text, cell, run) for turn in together.turns]
        assert sorted(one.answer for one in came) == sorted(texts)
        self.paper.branches[self.paper.here] = [*follows, came[0]]
        self.paper.set_aside([*follows, came[1]])

    # Where the next question is asked

    @rule(count=st.integers(1, 3))
    def undo(self, count: int) -> None:
        """Go back by some turns, or by all there are."""
        self.talk.undo(count)
        asked = self.paper.asked
        kept = max(0, len(asked) - count)
        self.paper.undone += reversed(asked[kept:])
        self.paper.branches[self.paper.here] = asked[:kept]

    @rule()
    def redo(self) -> None:
        """Bring back what was undone last."""
        assert (self.talk.redo() is None) == (not self.paper.undone)
        if self.paper.undone:
            back = self.paper.undone.pop()
            self.paper.branches[self.paper.here] = [*self.paper.asked, back]

    @rule(data=st.data())
    def use(self, data: st.DataObject) -> None:
        """Go on with a branch, or begin one."""
        names = [*self.paper.branches, f"new {next(self.numbers)}"]
        name = data.draw(st.sampled_from(names))
        assert self.talk.use(name) == (name not in self.paper.branches)
        self.paper.settle()
        self._look_up()
        self.paper.branches.setdefault(name, self.paper.asked)
        self.paper.here = name

    @precondition(lambda self: self.talk.compared)
    @rule(data=st.data())
    def choose(self, data: st.DataObject) -> None:
        """Keep one of the answers side by side."""
        turn = data.draw(st.sampled_from(self.talk.compared))
        self.talk.choose(turn)
        self.paper.settle()
        heads = {name: self._read(name) for name in self.talk.tree.heads}
        # Names that the tree gave may change hands; no list is lost.
        old = [*self.paper.branches.values(), *self.paper.aside]
        chosen = heads[self.paper.here]
        assert chosen[-1].answer == turn.text
        for left in old:
            assert any(each[: len(left)] == left for each in heads.values())
        self.paper.branches, self.paper.aside = heads, []

    # What outlives the kernel

    @rule()
    def save_and_load(self) -> None:
        """Write a file, and go on with what is read from it."""
        if self.talk.tree.turns:
            save_file(self.talk.saved, self.folder / "talk.json")
            (saved,), faults = load_file(self.folder / "talk.json")
            assert faults == ()
            self.talk = Dialogue.from_saved(saved)

    @rule()
    def start_anew(self) -> None:
        """End the kernel, and go on with what its journal has."""
        kept = journal()
        assert kept is not None
        session().journals.close()
        if kept.path is not None:
            found = read_journal(kept.path)
            assert found.faults == ()
            self.talk = Dialogue.from_saved(found.conversations[-1])

    # What is true at any moment

    @invariant()
    def branches_are_those_on_paper(self) -> None:
        """Every list has its branch, and nothing that came is off all of them."""
        self._look_up()
        for name, asked in self.paper.branches.items():
            assert self._read(name) == asked
        assert self.talk.tree.branch == self.paper.here
        held = {
            turn.id
            for head in self.talk.tree.heads.values()
            for turn in (self.talk.tree.path(head) if head else [])
        }
        held.update(self.talk.saved.about.undone)
        lost = [t for t in self.talk.tree.turns.values() if t.id not in held]
        assert all(turn.is_void for turn in lost)

    def _look_up(self) -> None:
        """Find the names that were given to what was set aside."""
        new = [name for name in self.talk.tree.heads if name not in self.paper.branches]
        for name in new:
            asked = self._read(name)
            if asked in self.paper.aside:
                self.paper.aside.remove(asked)
                self.paper.branches[name] = asked
        assert self.paper.aside == []

    def _read(self, name: str) -> list[Asked]:
        head = self.talk.tree.heads[name]
        return [] if head is None else [_on_paper(t) for t in self.talk.tree.path(head)]


def _on_paper(turn: Turn) -> Asked:
    cell, run = (turn.cell.id, int(turn.cell.execution)) if turn.cell else (None, 0)
    return Asked(turn.prompt.text, turn.text, cell, run)


def _options(server: OpenRouterServer, effort: str = "low") -> Options:
    overrides = Overrides(effort=effort)
    return resolve(current(), Catalogue(server.url), Overrides(), overrides)


def test_what_is_sent_is_what_the_notebook_says(
    server: OpenRouterServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", server.key)
    current().base_url = server.url
    current().retries = 0

    class Here(Notebook):
        def __init__(self) -> None:
            super().__init__(server, tmp_path)

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=10,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
