"""Every way to ask from Python: one question, several side by side, many rows."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stepmagic.ask.comparison import ask_each
    from stepmagic.ask.single import ask, continue_answer, prepare

__all__ = ["ask", "ask_each", "continue_answer", "prepare"]

_HOMES = {
    "ask": "single",
    "ask_each": "comparison",
    "continue_answer": "single",
    "prepare": "single",
}
"""The module of each name, imported when the name is first used."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    found = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = found
    return found
