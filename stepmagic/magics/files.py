"""``%step save`` and ``%step load``: conversations as files, and back."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from stepmagic.display.html.tables import Table
from stepmagic.errors import CommandError, TranscriptError
from stepmagic.session import Session
from stepmagic.storage import (
    Recovered,
    Saved,
    load_file,
    read_header,
    read_journal,
    save_file,
)
from stepmagic.storage.journal import earlier_journals, notebook
from stepmagic.transcript import Turn
from stepmagic.transcript.usage import format_count

_SHOWN = 60
"""Letters of a prompt that a list shows."""

_LISTED = 20
"""Journals that a list shows, the latest."""


def save(here: Session, words: list[str]) -> str:
    """Write the current conversation to a file."""
    if not words:
        message = (
            "%step save takes a file: `%step save talk.json` to load it again, .md or "
            ".ipynb to read it."
        )
        raise CommandError(message)
    talk = here.conversation
    if not talk.tree.turns:
        message = f"{talk.name} is empty: there is nothing to save."
        raise CommandError(message)
    path = Path(words[0]).expanduser()
    save_file(talk.saved, path)
    if path.suffix.lower() == ".json":
        turns = format_count(len(talk.tree.turns), "turn")
        return f"Saved {talk.name} to {path}: {turns}, all branches."
    turns = format_count(len(talk.turns), "turn")
    return f"Saved branch {talk.tree.branch} of {talk.name} to {path}: {turns}."


def load(here: Session, words: list[str]) -> str | Table:
    """Bring back conversations: of this notebook, a number of the list, or a file."""
    if not words:
        return _load_latest(here)
    if not words[0].isdecimal():
        path = Path(words[0]).expanduser()
        conversations, faults = load_file(path)
        return _take_in(here, conversations, faults, str(path))
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
    """Return the journals of other kernels, the one last written to first."""
    try:
        paths = earlier_journals()
    except OSError as exc:
        message = f"journals cannot be read: {exc}."
        raise TranscriptError(message) from exc
    found = []
    for path in paths:
        try:
            found.append(_Journal(path=path, notebook=read_header(path).notebook))
        except TranscriptError:
            # Of a newer stepmagic, or not begun: no reason to hide the others.
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
        said = _load_journal(here, own[0])
        older = [str(journals.index(each) + 1) for each in own[1:_LISTED]]
        more = (
            f" Older ones of this notebook: `%step load N` with N {', '.join(older)}."
        )
        return said + more if older else said
    if len(journals) == 1:
        return _load_journal(here, journals[0])
    return _listed(journals)


def _load_journal(here: Session, journal: _Journal) -> str:
    found = read_journal(journal.path)
    return _take_in(here, found.conversations, found.faults, _place(found))


def _place(found: Recovered) -> str:
    place = f"the journal of {_moment(found.header.started_at)}"
    return f"{place}, {found.header.notebook}" if found.header.notebook else place


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def _listed(journals: list[_Journal]) -> Table:
    rows = []
    for number, journal in enumerate(journals[:_LISTED], 1):
        found = read_journal(journal.path)
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
        head=("number", "begun", "notebook or folder", "turns", "last prompt"),
        rows=tuple(rows),
        note="Nothing is loaded yet: `%step load NUMBER` loads one.",
    )


def _prompt(turn: Turn) -> str:
    return " ".join(turn.prompt.typed.split())[:_SHOWN]


def _take_in(
    here: Session,
    conversations: tuple[Saved, ...],
    faults: tuple[str, ...],
    place: str,
) -> str:
    """Add what was read to the session; returns what to say of it."""
    if not any(saved.tree.turns for saved in conversations):
        message = f"{place} holds no turn{_left_out(faults)}."
        raise TranscriptError(message)
    loaded = [(saved, here.add(saved)) for saved in conversations]
    chosen = next(
        (talk for saved, talk in loaded if saved.about.name == "main"), loaded[0][1]
    )
    here.current = chosen.name
    listed = ", ".join(
        f"{talk.name} ({format_count(len(talk.tree.turns), 'turn')})"
        for _, talk in loaded
    )
    said = [f"Loaded {listed} from {place}{_left_out(faults)}."]
    said += [
        f"{saved.about.name} has turns already: what was loaded is {talk.name}."
        for saved, talk in loaded
        if saved.about.name != talk.name
    ]
    turns = chosen.turns
    last = f", after {_prompt(turns[-1])!r}" if turns else ""
    said.append(f"Now on {chosen.name}{last}.")
    if turns and turns[-1].status == "interrupted":
        said.append("Its last answer was cut off; what came of it is kept.")
    return " ".join(said)


def _left_out(faults: tuple[str, ...]) -> str:
    if not faults:
        return ""
    more = f" and {len(faults) - 1} more" if faults[1:] else ""
    return f", but for what could not be read: {faults[0]}{more}"
