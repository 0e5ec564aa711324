"""What IPython sees: ``%%step``, ``%step WORD``, the first line and its completion."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stepmagic.magics.completion import complete
    from stepmagic.magics.subcommands import run_subcommand

__all__ = ["complete", "run_subcommand"]

_HOMES = {"complete": "completion", "run_subcommand": "subcommands"}
"""The module of each name, imported when the name is first used."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    found = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = found
    return found
