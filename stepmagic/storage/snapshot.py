"""A conversation as a value, and the form in which it is saved.

The form is that of a tree plus the conversation's name, the options it is asked
with and what ``redo`` would bring back. ``conversation.schema.json`` describes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from stepmagic.errors import TranscriptError
from stepmagic.server.options import Overrides
from stepmagic.transcript import (
    Message,
    Turn,
    TurnTree,
    from_form,
    to_form,
    tree_from_dict,
    tree_to_dict,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a saved conversation contains besides its tree."""

    name: str = "main"
    overrides: Overrides = field(default_factory=Overrides)
    undone: tuple[str, ...] = ()
    """Ids of the turns that ``redo`` brings back, the next one last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """The state of a conversation."""

    about: About = field(default_factory=About)
    tree: TurnTree = field(default_factory=TurnTree)


_ABOUT = ("name", "overrides", "undone")


def saved_to_dict(saved: Saved) -> dict[str, Any]:
    """Return the form of a file."""
    about = {"name": saved.about.name, **to_form(saved.about)}
    return {**about, **tree_to_dict(saved.tree)}


def saved_from_dict(form: Any) -> Saved:
    """Return what ``saved_to_dict`` made a form of; turns that ran are closed.

    Raises:
        TranscriptError: The form is of another version, or damaged.
    """
    if not isinstance(form, Mapping):
        message = "this is not a saved conversation: it is not a JSON object"
        raise TranscriptError(message)
    tree = tree_from_dict({k: v for k, v in form.items() if k not in _ABOUT})
    held = {"overrides": {}} | {k: form[k] for k in _ABOUT if k in form}
    about = from_form(About, held, "it")
    unknown = [turn for turn in about.undone if turn not in tree.turns]
    if unknown:
        message = (
            f"the saved conversation is damaged: undone {unknown[0]!r} is not a turn"
        )
        raise TranscriptError(message)
    return Saved(about=about, tree=closed(tree))


def closed(tree: TurnTree) -> TurnTree:
    """Close the turns that were running when their kernel ended; returns the tree.

    As after an interrupt: what was received is kept; a head leaves an empty turn.
    """
    for turn in list(tree.turns.values()):
        if turn.status != "running":
            continue
        tree.replace(_interrupted(turn))
        if turn.is_empty:
            for branch, head in tree.heads.items():
                if head == turn.id:
                    tree.move(turn.parent, branch)
        # Turns side by side would have got their branches when all were over.
        for side in tree.sides(turn):
            if not side.is_empty:
                tree.keep(side.id)
    return tree


def _interrupted(turn: Turn) -> Turn:
    origins = [reply.origin for reply in turn.replies if reply.origin]
    return replace(
        turn,
        replies=tuple(map(_stopped, turn.replies)),
        status="interrupted",
        finish_reason="other",
        native_reason="interrupted",
        model=turn.model or (origins[-1].model if origins else None),
    )


def _stopped(reply: Message) -> Message:
    return replace(reply, status="interrupted") if reply.status == "running" else reply
