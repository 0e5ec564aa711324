"""What one row got: an answer, or why there is none."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer to one row."""

    text: str | None = None
    """None where there is none."""
    value: Any = None
    """What the text stands for, where a type was asked for."""
    error: str | None = None
    """Why there is none, or why it is not whole."""
    cost_usd: float | None = None
    """None where the server does not say."""

    def to_form(self) -> dict[str, Any]:
        """Return the answer as JSON, without what is None."""
        form = {"text": self.text, "error": self.error, "cost_usd": self.cost_usd}
        return {name: value for name, value in form.items() if value is not None}

    @classmethod
    def from_form(cls, form: Mapping[str, Any]) -> Self | None:
        """Return the answer that ``to_form`` gave; None where it is something else."""
        text, error = form.get("text"), form.get("error")
        if not isinstance(text, str) or not isinstance(error, str | None):
            return None
        cost_usd = None
        with contextlib.suppress(KeyError, TypeError, ValueError):
            cost_usd = float(form["cost_usd"])
        return cls(text=text, error=error, cost_usd=cost_usd)
