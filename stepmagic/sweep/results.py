"""Answers as the columns that are joined to the data."""

from __future__ import annotations

from collections.abc import Sequence

from stepmagic.errors import SettingError
from stepmagic.sweep.answers import Answer
from stepmagic.sweep.plan import Plan
from stepmagic.sweep.tables import Column, Table


def result_columns(plan: Plan, answers: Sequence[Answer]) -> list[Column]:
    """Return what is joined to the data: answers, errors, costs."""
    columns = [
        Column(name="answer", kind="string", values=[each.text for each in answers]),
        Column(name="error", kind="string", values=[each.error for each in answers]),
        Column(name="cost_usd", kind="number", values=[e.cost_usd for e in answers]),
    ]
    return [
        Column(name=plan.prefix + column.name, kind=column.kind, values=column.values)
        for column in columns
    ]


def check_names(plan: Plan, table: Table) -> None:
    """Refuse to write over a column of the data.

    Raises:
        SettingError: A new column would have the name of one that is there.
    """
    names = [column.name for column in result_columns(plan, [])]
    clash = next((name for name in names if name in table.names), None)
    if clash is not None:
        message = (
            f"the data has a column {clash!r} already, such as from a batch before. "
            'Leave it out, or name the new ones otherwise: prefix="model_".'
        )
        raise SettingError(message)
