"""What is asked of every row: a text with the names of columns in braces."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from stepmagic.attachments.attachment import Handling
from stepmagic.attachments.names import look_up
from stepmagic.attachments.placeholders import named
from stepmagic.conversation.draft import Draft
from stepmagic.conversation.prompt import build_message
from stepmagic.errors import AttachmentError, did_you_mean
from stepmagic.transcript import Message

_ROOT = re.compile(r"\w+")
_MISSING_TYPES = ("NAType", "NaTType")
"""Of pandas; each has one value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question, and the columns that it takes."""

    text: str
    columns: tuple[str, ...]
    attached: bool = False
    """Whether the columns come before the text, which names none."""
    handling: Handling

    def missing(self, row: Mapping[str, Any]) -> str | None:
        """Return a column that has no value in a row; None where all have."""
        return next((name for name in self.columns if _is_missing(row[name])), None)

    def message(self, row: Mapping[str, Any]) -> Message:
        """Return what is asked of a row.

        Raises:
            AttachmentError: A value cannot be sent.
        """
        attached = row if self.attached else {}
        draft = Draft(
            text=self.text,
            values=tuple(attached.items()),
            find=lambda name: _find(name, row),
        )
        message, _ = build_message(draft, self.handling)
        return message


def only_name(text: str, usual: str) -> str:
    """Return what a text calls the one column of a list.

    >>> only_name("Is {{ review }} kind?", "item"), only_name("What is it?", "item")
    ('review', 'item')
    """
    roots = {_root(expression) for expression in named(text)}
    return roots.pop() if len(roots) == 1 else usual


def question(text: str, names: Iterable[str], handling: Handling) -> Question:
    """Return the question to ask of rows with some columns.

    A text that names no column asks about the only one, which then comes before it.

    Raises:
        AttachmentError: It names a column that is not there, or none of several.
    """
    names = tuple(names)
    expressions = named(text)
    if not expressions:
        if len(names) != 1:
            message = (
                "the prompt names no column, so every row would ask the same. Write "
                f"one in double braces: {{{{ {names[0] if names else 'column'} }}}}."
            )
            raise AttachmentError(message)
        return Question(text=text, columns=names, attached=True, handling=handling)
    columns = [_column(expression, names) for expression in expressions]
    unique = tuple(dict.fromkeys(columns))
    return Question(text=text, columns=unique, handling=handling)


def _column(expression: str, names: tuple[str, ...]) -> str:
    for name in (expression, _root(expression)):
        if name in names:
            return name
    hint = did_you_mean(expression, names, form=repr)
    hint = hint or f" It has {', '.join(names)}."
    message = f"the data has no column {expression!r}.{hint}"
    raise AttachmentError(message)


def _root(expression: str) -> str:
    """Return the name that an expression such as ``a.b`` or ``a['b']`` starts with."""
    found = _ROOT.match(expression)
    return found.group() if found else expression


def _find(expression: str, row: Mapping[str, Any]) -> Any:
    """Return a column's value; its name may contain what a variable's cannot."""
    return row[expression] if expression in row else look_up(expression, row)


def _is_missing(value: Any) -> bool:
    """Whether a value is what tables put where there is none."""
    kind = type(value)
    is_nan = issubclass(kind, float) and value != value  # noqa: PLR0124 - only NaN
    return value is None or is_nan or kind.__name__ in _MISSING_TYPES
