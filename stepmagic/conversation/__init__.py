"""A conversation, and a turn of it from its draft to its reply."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stepmagic.conversation.dry_run import make_dry_run
    from stepmagic.conversation.prompt import build_prompt, checked_prompt

__all__ = ["build_prompt", "checked_prompt", "make_dry_run"]

_HOMES = {
    "make_dry_run": "dry_run",
    "checked_prompt": "prompt",
    "build_prompt": "prompt",
}
"""The module of each name, imported when the name is first used."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    found = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = found
    return found
