"""The embedded engine: llama.cpp's own server, in a separate process.

``weights`` finds or downloads a model file, ``process`` keeps one engine for each model
running, ``server`` is the program of that process. All three protocols, text only, no
reasoning.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stepmagic.server.local.process import Engine, Engines, engine, stop
    from stepmagic.server.local.weights import ensure_weights, locate_weights

__all__ = ["Engine", "Engines", "engine", "ensure_weights", "locate_weights", "stop"]

_HOMES = {
    "Engine": "process",
    "Engines": "process",
    "engine": "process",
    "ensure_weights": "weights",
    "locate_weights": "weights",
    "stop": "process",
}
"""The module of each name, imported when the name is first used."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    found = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = found
    return found
