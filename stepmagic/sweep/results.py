"""Answers as the columns that are joined to the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from stepmagic.errors import SettingError
from stepmagic.schema import Schema
from stepmagic.sweep.answers import Answer
from stepmagic.sweep.plan import Plan
from stepmagic.sweep.tables import Column, Table


def result_columns(plan: Plan, answers: Sequence[Answer]) -> list[Column]:
    """Return what is joined to the data: answers, errors, costs.

    With a schema there is a column for each of its fields.
    """
    columns = [
        *_answer_columns(plan, answers),
        Column(name="error", kind="string", values=[each.error for each in answers]),
        Column(name="cost_usd", kind="number", values=[e.cost_usd for e in answers]),
    ]
    return [replace(column, name=plan.prefix + column.name) for column in columns]


def _answer_columns(plan: Plan, answers: Sequence[Answer]) -> list[Column]:
    if plan.schema is None:
        texts = [answer.text for answer in answers]
        return [Column(name="answer", kind="string", values=texts)]
    schema = Schema.of(plan.schema)
    rows = [
        {} if answer.value is None else schema.row(answer.value) for answer in answers
    ]
    return [
        Column(name=each.name, kind=each.kind, values=[r.get(each.name) for r in rows])
        for each in schema.columns
    ]


def check_names(plan: Plan, table: Table) -> None:
    """Refuse to write over a column of the data.

    Raises:
        SettingError: A new column would have the name of one that is there.
    """
    names = [column.name for column in result_columns(plan, [])]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        message = f"a batch has a column {twice!r} of its own: rename that of the type."
        raise SettingError(message)
    clash = next((name for name in names if name in table.names), None)
    if clash is not None:
        message = (
            f"the data has a column {clash!r} already, such as from a batch before. "
            'Leave it out, or name the new ones otherwise: prefix="model_".'
        )
        raise SettingError(message)
