"""Cells, outputs, errors and code of the notebook as parts."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stepmagic.attachments.notebook.cells import attach_cells
    from stepmagic.attachments.notebook.errors import attach_last_error, failed_cell

__all__ = ["attach_cells", "attach_last_error", "failed_cell"]

_HOMES = {
    "attach_cells": "cells",
    "attach_last_error": "errors",
    "failed_cell": "errors",
}
"""The module of each name, imported when the name is first used."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    found = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = found
    return found
