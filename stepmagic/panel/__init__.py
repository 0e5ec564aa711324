"""The chat panel: a conversation in a widget, as an alternative to cells.

    panel      what the user creates and shows
    server     one per conversation: the widget, and the thread that sends
    actions    what a page may request
    question   a question from the panel: its message, its turn, its end
    state      what pages need, and which of it is new
    views      turns and settings as pages draw them
    variables  the notebook's variables: to attach, and to bind answers to
    static     the page: ES modules and a style sheet

The panel asks as a cell does, through the same conversation, and shows nothing that the
kernel has not sanitized. Callbacks run where Jupyter delivers messages; only the sender
thread sends, 20 times a second at most.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stepmagic.panel.panel import Panel

__all__ = ["Panel"]

_HOMES = {"Panel": "panel"}
"""The module of each name, imported when the name is first used."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    found = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = found
    return found
