"""Answers of a type: read, and asked for once more where they do not fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from stepmagic.errors import ValueMisfit
from stepmagic.repair import ask_again
from stepmagic.schema import Schema
from stepmagic.sweep.asking import Asker, Outcome
from stepmagic.transcript import Message, Text

_MOST_QUOTED = 500
"""Letters of a text that does not fit, in the error that keeps it."""


async def ask_for_value(
    asker: Asker, body: Mapping[str, Any], message: Message, schema: Schema
) -> Outcome:
    """Return what came of a question whose answer is of a type.

    Args:
        asker: Asks.
        body: The question, encoded.
        message: The question itself, which a second one follows.
        schema: The type.
    """
    first = _read(await asker.ask(body), schema)
    wrong = first.error
    # What was cut off would be cut off again.
    is_whole = first.reason == "stop" and bool(first.text.strip())
    if not isinstance(wrong, ValueMisfit) or not is_whole:
        return first
    said = Message(role="assistant", parts=(Text(text=first.text),))
    second = asker.encode(message, said, ask_again(wrong))
    again = _read(await asker.ask(second), schema)
    costs = [each.cost_usd for each in (first, again) if each.cost_usd is not None]
    return replace(again, cost_usd=sum(costs) if costs else None)


def _read(outcome: Outcome, schema: Schema) -> Outcome:
    """Return an answer with its value, or with why it has none."""
    if outcome.error is not None:
        return outcome
    try:
        return replace(outcome, value=schema.read(outcome.text))
    except ValueMisfit as wrong:
        return replace(outcome, error=_explained(wrong, outcome, schema))


def _explained(wrong: ValueMisfit, outcome: Outcome, schema: Schema) -> ValueMisfit:
    """Return the error that a row keeps, with the text that no column has."""
    cut = "; it was cut off at max_tokens" if outcome.reason == "length" else ""
    text = outcome.text
    said = text if len(text) <= _MOST_QUOTED else f"{text[:_MOST_QUOTED]}..."
    message = f"the answer is no {schema.title}: {wrong.problem}{cut}. It says {said!r}"
    return ValueMisfit(message, text=text, problem=wrong.problem)
