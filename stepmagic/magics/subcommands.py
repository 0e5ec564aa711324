"""What ``%step WORD`` does: a table of subcommands, each a function of the session."""

from __future__ import annotations

import getpass
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from stepmagic import keys
from stepmagic.display.html.tables import Table
from stepmagic.errors import (
    CommandError,
    KeyMissing,
    KeyRefused,
    RequestRefused,
    ServerError,
    SettingError,
    did_you_mean,
)
from stepmagic.magics.branches import (
    asked_model,
    branch_names,
    continue_last,
    new,
    redo,
    undo,
    use,
)
from stepmagic.magics.cassette import cassette, cassette_words
from stepmagic.magics.code import code, fix
from stepmagic.magics.files import load, save
from stepmagic.magics.first_line import split_words
from stepmagic.magics.status import status
from stepmagic.panel import Panel
from stepmagic.server.catalogue import LOCAL_ALIAS, is_local
from stepmagic.server.http import look_up
from stepmagic.server.options import Overrides
from stepmagic.session import Session, session
from stepmagic.settings import current
from stepmagic.transcript.usage import format_cost, format_count
from stepmagic.wire.json_values import amount, mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Subcommand:
    """One word after ``%step``."""

    run: Callable[[Session, list[str]], Any]
    most_words: int
    names: Callable[[Session], list[str]] = lambda _: []
    """Returns the candidates for its first argument, for completion."""


def run_subcommand(line: str) -> Any:
    """Run a ``%step`` line; returns what the cell shows, or None.

    Raises:
        CommandError: There is no such subcommand; the nearest is named.
    """
    words = split_words(line)
    if not words:
        return status(session())
    name, *arguments = words
    found = SUBCOMMANDS.get(name)
    if found is None:
        hint = did_you_mean(name, SUBCOMMANDS, form="`%step {}`".format)
        message = (
            f"%step has no subcommand {name!r}.{hint} There are: "
            f"{', '.join(SUBCOMMANDS)}. To ask a question, use %%step and write the "
            "question on the next line."
        )
        raise CommandError(message)
    if len(arguments) > found.most_words:
        # The message does not repeat the words: one may be a key.
        most = format_count(found.most_words, "word") if found.most_words else "nothing"
        message = f"%step {name} takes {most} after it."
        raise CommandError(message)
    return found.run(session(), arguments)


def _key(here: Session, words: list[str]) -> str:
    if words == ["forget"]:
        here.keys.forget()
        other = keys.find_key()
        used = "there is no other" if other is None else f"the next is {other.source}"
        return f"The key entered in this kernel is forgotten; {used}."
    if words:
        message = (
            "%step key asks for the key and hides it. A key written into a cell is "
            "saved with the notebook: clear this cell, and revoke the key if it was "
            "real."
        )
        raise CommandError(message)
    place = _enter_key(here)
    if place is None:
        return "No key entered; nothing has changed."
    return f"The key is kept in {place}. {_checked()}"


def _enter_key(here: Session) -> str | None:
    """Ask for a key and store it; returns where.

    No other function has it in a local variable: a traceback may show those.
    """
    value = _hidden("API key (not shown): ")
    if not value:
        return None
    if not keys.Key(value, "the user").is_sendable:
        message = (
            "the key contains characters that HTTP cannot send. Nothing has changed; "
            "try again."
        )
        raise SettingError(message)
    return here.keys.enter(value, remember=keys.can_remember())


def _hidden(prompt: str) -> str:
    """Ask for a text that is hidden.

    Raises:
        KeyMissing: The front end cannot ask, or would show it.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", getpass.GetPassWarning)
            return getpass.getpass(prompt).strip()
    except (EOFError, NotImplementedError, getpass.GetPassWarning) as exc:
        message = (
            "this front end cannot hide a key that is typed. Set the environment "
            f"variable {keys.VARIABLE} before the kernel starts."
        )
        raise KeyMissing(message) from exc


def _checked() -> str:
    """Ask the server whether it accepts the key; returns a sentence."""
    url = f"{current().base_url.rstrip('/')}/key"
    if not keys.may_carry_key(url):
        return "It is never sent: StepMagic.base_url is plain http to another machine."
    try:
        payload = look_up(url, keys.find_key())
    except KeyRefused as exc:
        return f"The server does not accept it: {exc}"
    except RequestRefused:
        return "This server does not say whether it accepts the key."
    except ServerError as exc:
        return f"It could not be checked: {exc}"
    return f"The server accepts it{_limit(payload)}."


def _limit(payload: Any) -> str:
    """Return the remaining credit, from the reply of ``GET /key``."""
    data = mapping(mapping(payload).get("data"))
    if data.get("limit_remaining", "") is None:
        return ": no spending limit"
    left = amount(data.get("limit_remaining"))
    return "" if left is None else f": {format_cost(left)} left"


def _model(here: Session, words: list[str]) -> Any:
    if not words:
        return _model_table(here)
    dialogue = here.conversation
    options = here.options(dialogue, Overrides(model=words[0]))
    dialogue.overrides = replace(dialogue.overrides, model=options.model)
    message = f"{dialogue.name} asks {options.model} from here on."
    if options.entry is None and not is_local(options.model):
        close = here.catalogue().close(options.model)
        message += " It is not in the catalogue and is sent as typed."
        message += f" Similar: {', '.join(close)}." if close else ""
    return message


def _model_table(here: Session) -> Table:
    note = _refresh(here)
    asked = asked_model(here.conversation)
    rows = tuple(
        (
            f"{entry.id} (current)" if entry.id == asked else entry.id,
            ", ".join(entry.inputs or ()),
            f"{entry.context_tokens:,}" if entry.context_tokens else "",
            _per_million(entry.prompt_usd),
            _per_million(entry.completion_usd),
        )
        for entry in here.catalogue().entries
    )
    head = ("model", "takes", "context", "in, $/M tokens", "out, $/M tokens")
    return Table(title="models", head=head, rows=rows, note=note)


def _refresh(here: Session) -> str:
    """Fetch the server's list once a day; returns a note if that failed."""
    catalogue = here.catalogue()
    if catalogue.is_fresh:
        return ""
    url = f"{current().base_url.rstrip('/')}/models"
    try:
        catalogue.take(look_up(url, keys.find_key()))
    except ServerError as exc:
        return f"The server's list could not be fetched; this one may be old: {exc}"
    return ""


def _per_million(price: float | None) -> str:
    return "" if price is None else f"{price * 1e6:.2f}"


def _history(here: Session, _: list[str]) -> Any:
    return here.conversation


def _panel(_: Session, words: list[str]) -> Any:
    return Panel(words[0] if words else None)


def _model_names(here: Session) -> list[str]:
    return [LOCAL_ALIAS, *(entry.id for entry in here.catalogue().entries)]


SUBCOMMANDS: dict[str, Subcommand] = {
    "key": Subcommand(run=_key, most_words=1, names=lambda _: ["forget"]),
    "model": Subcommand(run=_model, most_words=1, names=_model_names),
    "new": Subcommand(run=new, most_words=0),
    "use": Subcommand(run=use, most_words=1, names=branch_names),
    "undo": Subcommand(run=undo, most_words=1),
    "redo": Subcommand(run=redo, most_words=0),
    "continue": Subcommand(run=continue_last, most_words=0),
    "code": Subcommand(run=code, most_words=1),
    "fix": Subcommand(run=fix, most_words=0),
    "history": Subcommand(run=_history, most_words=0),
    "save": Subcommand(run=save, most_words=1),
    "load": Subcommand(run=load, most_words=1),
    "panel": Subcommand(
        run=_panel, most_words=1, names=lambda here: list(here.conversations)
    ),
    "cassette": Subcommand(run=cassette, most_words=2, names=cassette_words),
}
"""The subcommands by name."""
