"""``%step new | use | undo | redo | continue``: where the conversation goes on."""

from __future__ import annotations

from stepmagic import ask
from stepmagic.conversation.dialogue import Dialogue
from stepmagic.conversation.reply import Reply
from stepmagic.display.html.tables import Table
from stepmagic.errors import CommandError
from stepmagic.server.catalogue import full_name
from stepmagic.session import Session
from stepmagic.settings import current
from stepmagic.transcript import Turn
from stepmagic.transcript.usage import format_count

_SHOWN = 60
"""Letters of a prompt that a list shows."""


def new(here: Session, _: list[str]) -> str:
    """Start the current conversation afresh."""
    talk = here.conversation
    count = len(talk.turns)
    talk.start_afresh()
    if not count:
        return f"{talk.name} is empty already."
    turns = format_count(count, "turn")
    return f"{talk.name} starts afresh; {turns} set aside. `%step use` lists them."


def use(here: Session, words: list[str]) -> Table | str:
    """List the branches, go on with one, or keep one of the answers side by side."""
    if not words:
        return _branches(here)
    branch = words[0]
    if branch.isdecimal():
        return _keep(here, int(branch))
    owner = _owner(here, branch)
    if owner is None:
        talk = here.conversation
        talk.use(branch)
        return f"Branch {branch} begins here, after {_turns(talk)} of {talk.name}."
    talk = here.use(owner)
    talk.use(branch)
    return f"Now on {branch}: {_turns(talk)}."


def _keep(here: Session, number: int) -> str:
    """Go on with one of the answers that were asked side by side last."""
    asked = here.last.turn.id if here.last else None
    others = [talk for talk in here.conversations.values() if asked in talk.tree.turns]
    talk = (others or [here.conversation])[0]
    sides = talk.compared
    if not 1 <= number <= len(sides):
        there = f"{len(sides)} answers stand" if sides else "no answers stand"
        message = (
            f"{there} side by side in {talk.name}: there is no {number} to keep. A "
            "branch is named by more than a number."
        )
        raise CommandError(message)
    turn = sides[number - 1]
    if turn.is_void:
        message = f"nothing came of answer {number}: {turn.error or 'it was stopped'}"
        raise CommandError(message)
    talk.choose(turn)
    here.use(talk.name)
    here.last = Reply(turn)
    return f"{talk.name} goes on with answer {number} of {len(sides)}: {_turns(talk)}."


def undo(here: Session, words: list[str]) -> str:
    """Go back by a turn, or by several."""
    left = here.conversation.undo(_count(words))
    if not left:
        return "There is no turn to undo."
    turns = format_count(len(left), "turn")
    return f"{turns} undone, from {_prompt(left[0])!r} on. `%step redo` brings back."


def redo(here: Session, _: list[str]) -> str:
    """Bring back what was undone last."""
    turn = here.conversation.redo()
    if turn is None:
        return "There is nothing to redo: no turn was undone, or others were asked."
    return f"Brought back {_prompt(turn)!r}: {_turns(here.conversation)}."


def go_on(_: Session, __: list[str]) -> None:
    """Go on with the last answer, where it broke off; it is drawn, whole."""
    ask.continue_answer()


def branch_names(here: Session) -> list[str]:
    """Return what ``use`` may be told."""
    return [
        branch for talk in here.conversations.values() for branch in talk.tree.heads
    ]


def asked_model(talk: Dialogue) -> str:
    """Return the model that a conversation asks."""
    return full_name(talk.overrides.model or current().model)


def _owner(here: Session, branch: str) -> str | None:
    """Return the conversation that has a branch, the current one before others."""
    others = (name for name in here.conversations if name != here.current)
    return next(
        (
            name
            for name in (here.current, *others)
            if branch in here.conversations[name].tree.heads
        ),
        None,
    )


def _branches(here: Session) -> Table:
    rows = []
    for name, talk in here.conversations.items():
        for branch, head in talk.tree.heads.items():
            path = [] if head is None else talk.tree.path(head)
            is_here = name == here.current and branch == talk.tree.branch
            last = _last(path[-1]) if path else ""
            label = f"{branch} (current)" if is_here else branch
            rows.append((label, str(len(path)), asked_model(talk), last))
    head_row = ("branch", "turns", "model", "last prompt")
    return Table(title="branches", head=head_row, rows=tuple(rows))


def _count(words: list[str]) -> int:
    if not words:
        return 1
    if not words[0].isdecimal() or not int(words[0]):
        message = f"%step undo takes a number of turns, not {words[0]!r}."
        raise CommandError(message)
    return int(words[0])


def _turns(talk: Dialogue) -> str:
    return format_count(len(talk.turns), "turn")


def _last(turn: Turn) -> str:
    """Return the prompt of a turn; of one side by side, with its effort."""
    how = f" (effort {turn.effort})" if turn.beside and turn.effort else ""
    return f"{_prompt(turn)}{how}"


def _prompt(turn: Turn) -> str:
    return " ".join(turn.prompt.typed.split())[:_SHOWN]
