"""Ask a model from a notebook cell: ``%load_ext stepmagic``, then ``%%step``."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stepmagic.ask.batch import abatch, batch
    from stepmagic.ask.single import astep, step
    from stepmagic.attachments.frames import Preview, preview
    from stepmagic.conversation.dialogue import Dialogue as Conversation
    from stepmagic.conversation.reply import Reply
    from stepmagic.panel import Panel
    from stepmagic.schema.tools import tool

__version__ = "0.1.0"

__all__ = [
    "Conversation",
    "Panel",
    "Preview",
    "Reply",
    "__version__",
    "abatch",
    "astep",
    "batch",
    "load_ipython_extension",
    "preview",
    "step",
    "tool",
]

_HOMES = {
    "Conversation": "stepmagic.conversation.dialogue:Dialogue",
    "Panel": "stepmagic.panel",
    "Preview": "stepmagic.attachments.frames",
    "Reply": "stepmagic.conversation.reply",
    "abatch": "stepmagic.ask.batch",
    "astep": "stepmagic.ask.single",
    "batch": "stepmagic.ask.batch",
    "preview": "stepmagic.attachments.frames",
    "step": "stepmagic.ask.single",
    "tool": "stepmagic.schema.tools",
}
"""Public names are imported when first used, so that ``%load_ext`` stays quick."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        message = f"module 'stepmagic' has no attribute {name!r}"
        raise AttributeError(message)
    home, _, attribute = _HOMES[name].partition(":")
    return getattr(importlib.import_module(home), attribute or name)


def __dir__() -> list[str]:
    return sorted(__all__)


def load_ipython_extension(shell: Any) -> None:
    """Add the magics, their completion, the settings and the formatters."""
    from stepmagic.magics.extension import load  # noqa: PLC0415 - needs IPython

    load(shell)
