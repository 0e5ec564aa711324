"""Bare ``%step``: the status of the kernel on one card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stepmagic import keys
from stepmagic.conversation.context import MARGIN, calibration, context_used
from stepmagic.conversation.dialogue import Dialogue
from stepmagic.display.html.tables import Card
from stepmagic.server.budget import Ledger, limit_usd
from stepmagic.server.cassette.mode import place as cassette_place
from stepmagic.server.catalogue import is_local
from stepmagic.server.options import Options
from stepmagic.session import Session
from stepmagic.storage.journal import place
from stepmagic.transcript import TurnTree
from stepmagic.transcript.usage import format_cost, format_count, total

_SMALLEST_SHARE = 0.01


def status(here: Session) -> Card:
    """Return the status: model, conversation, context, cost, files and key."""
    dialogue = here.conversation
    options = here.options(dialogue)
    key = keys.find_key()
    effort = options.effort or _listed(options.reasoning) or "none sent"
    server = "the embedded engine" if is_local(options.model) else f"{options.base_url}"
    return Card(
        title="stepmagic",
        rows=(
            ("model", options.model),
            ("effort", effort),
            ("protocol", f"{options.api}, at {server}"),
            ("parameters", _listed(options.parameters) or "none set"),
            ("conversation", _conversation(dialogue)),
            ("branch", _branch(dialogue.tree)),
            ("context", _context(dialogue, options)),
            ("estimates", _estimates(options)),
            ("cost", _cost(dialogue, here.ledger)),
            ("limits", _limits(options)),
            ("journal", place()),
            ("cassette", cassette_place()),
            ("key", "none: `%step key` enters one" if key is None else key.source),
        ),
    )


def _conversation(dialogue: Dialogue) -> str:
    turns = format_count(len(dialogue.turns), "turn")
    all_turns = len(dialogue.tree.turns)
    more = (
        f" of {all_turns:,} on all branches" if all_turns > len(dialogue.turns) else ""
    )
    return f"{dialogue.name}, {turns}{more}"


def _branch(tree: TurnTree) -> str:
    others = len(tree.heads) - 1
    more = f", {format_count(others, 'other')} (`%step use`)" if others else ""
    return f"{tree.branch}{more}"


def _context(dialogue: Dialogue, options: Options) -> str:
    factor = calibration().factor(options.model)
    used = context_used(dialogue.turns, options.system, factor=factor)
    most = options.entry.context_tokens if options.entry else None
    if not most:
        return f"about {used:,} tokens"
    share = used / most
    percent = f"{share:.0%}" if share >= _SMALLEST_SHARE else "under 1%"
    return f"about {used:,} tokens of {most:,} ({percent})"


def _estimates(options: Options) -> str:
    """Return how good the estimates of tokens were."""
    found = calibration().describe(options.model)
    return found or f"not yet compared with counts, margin {MARGIN:.0%}"


def _cost(dialogue: Dialogue, ledger: Ledger) -> str:
    spent = total(turn.usage for turn in dialogue.tree.turns.values())
    cost = format_cost(spent.cost_usd or 0)
    return f"{cost} in this conversation, {ledger.words} in this kernel"


def _limits(options: Options) -> str:
    limit = limit_usd()
    cost = "no cost limit (`%config StepMagic.max_cost_usd`)"
    if limit is not None:
        cost = f"{format_cost(limit)} in this kernel"
    waits = options.limits
    total_s = f", {waits.total_s:g} s for an answer" if waits.total_s else ""
    return f"{cost}, {waits.idle_s:g} s of silence{total_s}, retries: {waits.retries}"


def _listed(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in values.items())
