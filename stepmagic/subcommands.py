"""What ``%step WORD`` does: a table of words, each a few lines over the session."""

from __future__ import annotations

import difflib
import getpass
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from stepmagic import keys
from stepmagic.catalogue import LOCAL_MODEL, is_local
from stepmagic.command import split_words
from stepmagic.display import Card, Table
from stepmagic.errors import CommandError, KeyMissing, ServerError
from stepmagic.session import Session, session
from stepmagic.settings import current
from stepmagic.transport import Call, Limits, fetch_json, start
from stepmagic.usage import estimate_messages, format_cost, format_count, total

_QUICK = Limits(connect_s=5, idle_s=10, total_s=10, retries=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subcommand:
    """One word after ``%step``."""

    run: Callable[[Session, list[str]], Any]
    most_words: int
    names: Callable[[Session], list[str]] = lambda _: []
    """What its first argument may be, for completion."""


def run_subcommand(line: str) -> Any:
    """Do what a ``%step`` line says; returns what the cell shows.

    Raises:
        CommandError: There is no such word; the nearest is named.
    """
    words = split_words(line)
    if not words:
        return status(session())
    name, *arguments = words
    found = SUBCOMMANDS.get(name)
    if found is None:
        close = difflib.get_close_matches(name, SUBCOMMANDS, n=1)
        hint = f" Did you mean `%step {close[0]}`?" if close else ""
        message = (
            f"%step has no subcommand {name!r}.{hint} There are: "
            f"{', '.join(SUBCOMMANDS)}. To ask something, use %%step and write the "
            "question on the next line."
        )
        raise CommandError(message)
    if len(arguments) > found.most_words:
        message = f"%step {name} takes at most {found.most_words} word(s) after it"
        raise CommandError(message)
    return found.run(session(), arguments)


def status(here: Session) -> Card:
    """Return where things stand: model, conversation, context, cost, key."""
    talk = here.conversation
    options = here.options(talk)
    turns = talk.turns
    spent = total(turn.usage for turn in talk.tree.turns.values())
    key = keys.find_key()
    entry = options.entry
    used = estimate_messages(talk.history(), options.system)
    context = f"about {used:,} tokens"
    if entry is not None and entry.context_tokens:
        share = used / entry.context_tokens
        context += f" of {entry.context_tokens:,} ({share:.0%})"
    parameters = ", ".join(
        f"{name}={value}" for name, value in options.parameters.items()
    )
    return Card(
        title="stepmagic",
        rows=(
            ("model", options.model),
            ("effort", options.effort or "none"),
            (
                "protocol",
                f"{options.api}, at {_server(options.model, options.base_url)}",
            ),
            ("parameters", parameters or "none set"),
            ("conversation", f"{talk.name}, {format_count(len(turns), 'turn')}"),
            ("context", context),
            ("cost", format_cost(spent.cost_usd or 0)),
            (
                "key",
                "none: `%step key` enters one" if key is None else f"from {key.source}",
            ),
        ),
    )


def _server(model: str, base_url: str) -> str:
    return "the embedded engine" if is_local(model) else base_url


def _key(here: Session, words: list[str]) -> str:
    if words:
        if words != ["forget"]:
            message = (
                "%step key asks for the key unseen. A key written into a cell is saved "
                "with the notebook: clear this cell, and change the key if it was real."
            )
            raise CommandError(message)
        keys.forget()
        return "The key entered in this kernel is forgotten."
    try:
        value = getpass.getpass("API key (not shown): ").strip()
    except (EOFError, NotImplementedError, RuntimeError) as exc:
        message = (
            "this front end cannot ask for a key. Set the environment variable "
            f"{keys.VARIABLE} before the kernel starts."
        )
        raise KeyMissing(message) from exc
    if not value:
        return "No key entered; nothing has changed."
    place = keys.enter(value, remember=keys.can_remember())
    return f"The key is kept in {place}. {_checked(here)}"


def _checked(here: Session) -> str:
    """Ask the server about the key, and say what it says."""
    options = here.options(here.conversation)
    call = Call(url=f"{options.base_url}/key", key=keys.find_key(), limits=_QUICK)
    try:
        data = start(fetch_json(call)).result()["data"]
        left = data.get("limit_remaining")
    except ServerError as exc:
        return f"It could not be checked: {exc}"
    except (KeyError, TypeError, AttributeError):
        return "The server took it."
    limit = "no spending limit" if left is None else f"{format_cost(left)} left"
    return f"The server took it: {limit}."


def _model(here: Session, words: list[str]) -> Any:
    talk = here.conversation
    catalogue = here.catalogue()
    if not words:
        note = _refresh(here)
        rows = tuple(
            (
                entry.id
                + (" (current)" if entry.id == here.options(talk).model else ""),
                ", ".join(entry.inputs),
                f"{entry.context_tokens:,}" if entry.context_tokens else "",
                _per_million(entry.prompt_usd),
                _per_million(entry.completion_usd),
            )
            for entry in catalogue.entries
        )
        head = ("model", "takes", "context", "in, $/M tokens", "out, $/M tokens")
        return Table(title="models", head=head, rows=rows, note=note)
    model = LOCAL_MODEL if words[0] == "local" else words[0]
    before = talk.overrides
    talk.overrides = replace(before, model=model)
    try:
        here.options(talk)
    except Exception:
        talk.overrides = before
        raise
    said = f"{talk.name} asks {model} from here on."
    entry = catalogue.entry(model)
    if entry is None and not is_local(model):
        close = catalogue.close(model)
        said += " It is not in the catalogue and is sent as typed."
        said += f" Close to it: {', '.join(close)}." if close else ""
    return said


def _refresh(here: Session) -> str:
    """Fetch the server's list once a day; returns a note where that failed."""
    catalogue = here.catalogue()
    if catalogue.is_fresh:
        return ""
    url = f"{current().base_url.rstrip('/')}/models"
    call = Call(url=url, key=keys.find_key(), limits=_QUICK)
    try:
        catalogue.take(start(fetch_json(call)).result())
    except ServerError as exc:
        return f"Only the models that are known without the server's list: {exc}"
    return ""


def _per_million(price: float | None) -> str:
    return "" if price is None else f"{price * 1e6:.2f}"


def _new(here: Session, _: list[str]) -> str:
    talk = here.conversation
    count = len(talk.turns)
    talk.start_afresh()
    if not count:
        return f"{talk.name} is empty already."
    return f"{talk.name} starts afresh; {format_count(count, 'turn')} set aside."


def _use(here: Session, words: list[str]) -> Any:
    if not words:
        rows = tuple(
            (
                name + (" (current)" if name == here.current else ""),
                str(len(talk.turns)),
                here.options(talk).model,
                talk.turns[-1].prompt.text[:60] if talk.turns else "",
            )
            for name, talk in here.conversations.items()
        )
        head = ("conversation", "turns", "model", "last prompt")
        return Table(title="conversations", head=head, rows=rows)
    is_new = words[0] not in here.conversations
    talk = here.use(words[0])
    state = "a new conversation" if is_new else format_count(len(talk.turns), "turn")
    return f"Now in {talk.name}: {state}."


def _history(here: Session, _: list[str]) -> Any:
    return here.conversation


def _model_names(here: Session) -> list[str]:
    return ["local", *(entry.id for entry in here.catalogue().entries)]


SUBCOMMANDS: dict[str, Subcommand] = {
    "key": Subcommand(run=_key, most_words=1, names=lambda _: ["forget"]),
    "model": Subcommand(run=_model, most_words=1, names=_model_names),
    "new": Subcommand(run=_new, most_words=0),
    "use": Subcommand(
        run=_use, most_words=1, names=lambda here: list(here.conversations)
    ),
    "history": Subcommand(run=_history, most_words=0),
}
"""The words after ``%step``."""
