"""``%step save`` and ``%step load``: conversations in files and journals."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from stepmagic import storage
from stepmagic.display.html.tables import Table
from stepmagic.errors import CommandError, TranscriptError
from stepmagic.session import Session
from stepmagic.storage.journal import earlier_journals, notebook
from stepmagic.transcript import Turn
from stepmagic.transcript.usage import format_count

_SHOWN = 60
"""Characters of a prompt in a list."""

_LISTED = 20
"""The most journals in a list, the latest first."""


def save(here: Session, words: list[str]) -> str:
    """Write the current conversation to a file."""
    if not words:
        message = (
            "%step save takes a file: `%step save chat.json` can be loaded again, .md "
            "and .ipynb are for reading."
        )
        raise CommandError(message)
    dialogue = here.conversation
    if not dialogue.tree.turns:
        message = f"{dialogue.name} is empty: there is nothing to save."
        raise CommandError(message)
    path = Path(words[0]).expanduser()
    storage.save_file(dialogue.saved, path)
    if path.suffix.lower() == ".json":
        turns = format_count(len(dialogue.tree.turns), "turn")
        return f"Saved {dialogue.name} to {path}: {turns}, all branches."
    turns = format_count(len(dialogue.turns), "turn")
    return f"Saved branch {dialogue.tree.branch} of {dialogue.name} to {path}: {turns}."


def load(here: Session, words: list[str]) -> str | Table:
    """Load conversations: this notebook's, by a number in the list, or from a file."""
    if not words:
        return _load_latest(here)
    if not words[0].isdecimal():
        path = Path(words[0]).expanduser()
        conversations, faults = storage.load_file(path)
        return _add(here, conversations, faults, str(path))
    journals = _journals()
    number = int(words[0])
    if not 1 <= number <= len(journals):
        there = format_count(len(journals), "earlier journal")
        message = f"there is no journal {number}: {there} found."
        raise CommandError(message)
    return _load_journal(here, journals[number - 1])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Journal:
    """An earlier journal that can be read."""

    path: Path
    notebook: str | None


def _journals() -> list[_Journal]:
    """Return the journals of other kernels, the latest first."""
    try:
        paths = earlier_journals()
    except OSError as exc:
        message = f"journals cannot be read: {exc}."
        raise TranscriptError(message) from exc
    found = []
    for path in paths:
        try:
            found.append(
                _Journal(path=path, notebook=storage.read_header(path).notebook)
            )
        except TranscriptError:
            # Written by a newer stepmagic, or still empty: the others are listed.
            continue
    return found


def _load_latest(here: Session) -> str | Table:
    journals = _journals()
    if not journals:
        message = (
            "there is no journal of an earlier kernel. `%step load FILE` loads what "
            "`%step save FILE` saved."
        )
        raise CommandError(message)
    name = notebook()
    own = [each for each in journals if name is not None and each.notebook == name]
    if own:
        text = _load_journal(here, own[0])
        older = [str(journals.index(each) + 1) for each in own[1:_LISTED]]
        more = (
            f" Older ones of this notebook: `%step load N` with N {', '.join(older)}."
        )
        return text + more if older else text
    if len(journals) == 1:
        return _load_journal(here, journals[0])
    return _listed(journals)


def _load_journal(here: Session, journal: _Journal) -> str:
    found = storage.read_journal(journal.path)
    return _add(here, found.conversations, found.faults, _place(found))


def _place(found: storage.Recovered) -> str:
    place = f"the journal of {_moment(found.header.started_at)}"
    return f"{place}, {found.header.notebook}" if found.header.notebook else place


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def _listed(journals: list[_Journal]) -> Table:
    rows = []
    for number, journal in enumerate(journals[:_LISTED], 1):
        found = storage.read_journal(journal.path)
        turns = [t for saved in found.conversations for t in saved.tree.turns.values()]
        last = max(turns, key=lambda turn: turn.started_at, default=None)
        rows.append(
            (
                str(number),
                _moment(found.header.started_at),
                journal.notebook or found.header.folder,
                str(len(turns)),
                "" if last is None else _prompt(last),
            )
        )
    return Table(
        title="journals",
        head=("number", "started", "notebook or folder", "turns", "last prompt"),
        rows=tuple(rows),
        note="Nothing is loaded yet: `%step load NUMBER` loads one.",
    )


def _prompt(turn: Turn) -> str:
    return " ".join(turn.prompt.typed.split())[:_SHOWN]


def _add(
    here: Session,
    conversations: tuple[storage.Saved, ...],
    faults: tuple[str, ...],
    place: str,
) -> str:
    """Add what was read to the session; returns the message."""
    if not any(saved.tree.turns for saved in conversations):
        message = f"{place} contains no turn{_skipped(faults)}."
        raise TranscriptError(message)
    loaded = [(saved, here.add(saved)) for saved in conversations]
    chosen = next(
        (dialogue for saved, dialogue in loaded if saved.about.name == "main"),
        loaded[0][1],
    )
    here.current = chosen.name
    listed = ", ".join(
        f"{dialogue.name} ({format_count(len(dialogue.tree.turns), 'turn')})"
        for _, dialogue in loaded
    )
    text = [f"Loaded {listed} from {place}{_skipped(faults)}."]
    text += [
        f"{saved.about.name} has turns already: the loaded one is {dialogue.name}."
        for saved, dialogue in loaded
        if saved.about.name != dialogue.name
    ]
    turns = chosen.turns
    last = f", after {_prompt(turns[-1])!r}" if turns else ""
    text.append(f"Now on {chosen.name}{last}.")
    if turns and turns[-1].status == "interrupted":
        text.append("Its last answer is incomplete: it was cut off.")
    return " ".join(text)


def _skipped(faults: tuple[str, ...]) -> str:
    if not faults:
        return ""
    more = f" and {len(faults) - 1} more" if faults[1:] else ""
    return f", except for what could not be read: {faults[0]}{more}"
