"""``%step new | use | undo | redo | continue``: the branches of a conversation."""

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
"""Characters of a prompt in a list."""


def new(here: Session, _: list[str]) -> str:
    """Start the current conversation afresh."""
    dialogue = here.conversation
    count = len(dialogue.turns)
    dialogue.start_afresh()
    if not count:
        return f"{dialogue.name} is empty already."
    turns = format_count(count, "turn")
    return (
        f"{dialogue.name} starts afresh; {turns} set aside. `%step use` lists "
        "the branches."
    )


def use(here: Session, words: list[str]) -> Table | str:
    """List the branches, switch to one, or keep one of the answers side by side."""
    if not words:
        return _branches(here)
    branch = words[0]
    if branch.isdecimal():
        return _keep(here, int(branch))
    owner = _owner(here, branch)
    if owner is None:
        dialogue = here.conversation
        dialogue.use(branch)
        return (
            f"Branch {branch} begins here, after {_turns(dialogue)} of {dialogue.name}."
        )
    dialogue = here.use(owner)
    dialogue.use(branch)
    return f"Now on {branch}: {_turns(dialogue)}."


def _keep(here: Session, number: int) -> str:
    """Keep one of the answers that were asked side by side last."""
    asked = here.last.turn.id if here.last else None
    others = [
        dialogue
        for dialogue in here.conversations.values()
        if asked in dialogue.tree.turns
    ]
    dialogue = (others or [here.conversation])[0]
    compared = dialogue.compared
    if not 1 <= number <= len(compared):
        there = f"there are {len(compared)}" if compared else "there are no"
        message = (
            f"{there} answers side by side in {dialogue.name}, so {number} cannot be "
            "kept. The name of a branch cannot be a number."
        )
        raise CommandError(message)
    turn = compared[number - 1]
    if turn.is_void:
        message = f"answer {number} is empty: {turn.error or 'it was stopped'}"
        raise CommandError(message)
    dialogue.choose(turn)
    here.use(dialogue.name)
    here.last = Reply(turn)
    answer = f"answer {number} of {len(compared)}"
    return f"{dialogue.name} continues with {answer}: {_turns(dialogue)}."


def undo(here: Session, words: list[str]) -> str:
    """Go back by a turn, or by several."""
    left = here.conversation.undo(_count(words))
    if not left:
        return "There is no turn to undo."
    turns = format_count(len(left), "turn")
    first = _prompt(left[0])
    return f"{turns} undone, from {first!r} on. `%step redo` restores them."


def redo(here: Session, _: list[str]) -> str:
    """Restore what was undone last."""
    turn = here.conversation.redo()
    if turn is None:
        return (
            "There is nothing to redo: no turn was undone, or a question was asked "
            "since."
        )
    return f"Restored {_prompt(turn)!r}: {_turns(here.conversation)}."


def continue_last(_: Session, __: list[str]) -> None:
    """Continue the last answer where it broke off, and show all of it."""
    ask.continue_answer()


def branch_names(here: Session) -> list[str]:
    """Return the names that ``use`` accepts."""
    return [
        branch
        for dialogue in here.conversations.values()
        for branch in dialogue.tree.heads
    ]


def asked_model(dialogue: Dialogue) -> str:
    """Return the id of the model that a conversation asks."""
    return full_name(dialogue.overrides.model or current().model)


def _owner(here: Session, branch: str) -> str | None:
    """Return the conversation that has a branch; the current one is searched first."""
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
    for name, dialogue in here.conversations.items():
        for branch, head in dialogue.tree.heads.items():
            path = [] if head is None else dialogue.tree.path(head)
            is_here = name == here.current and branch == dialogue.tree.branch
            last = _last(path[-1]) if path else ""
            label = f"{branch} (current)" if is_here else branch
            rows.append((label, str(len(path)), asked_model(dialogue), last))
    head_row = ("branch", "turns", "model", "last prompt")
    return Table(title="branches", head=head_row, rows=tuple(rows))


def _count(words: list[str]) -> int:
    if not words:
        return 1
    if not words[0].isdecimal() or not int(words[0]):
        message = f"%step undo takes a number of turns, not {words[0]!r}."
        raise CommandError(message)
    return int(words[0])


def _turns(dialogue: Dialogue) -> str:
    return format_count(len(dialogue.turns), "turn")


def _last(turn: Turn) -> str:
    """Return the prompt of a turn, with its effort if it was asked side by side."""
    how = f" (effort {turn.effort})" if turn.beside and turn.effort else ""
    return f"{_prompt(turn)}{how}"


def _prompt(turn: Turn) -> str:
    return " ".join(turn.prompt.typed.split())[:_SHOWN]
