"""The embedded engine: llama.cpp's own server, in a separate process.

``weights`` finds or fetches a model file, ``process`` keeps one engine a model running,
``server`` is what that process runs. All three protocols, text only, no reasoning.
"""

from stepmagic.server.local.process import Engine, engine, stop
from stepmagic.server.local.weights import ensure_weights, locate_weights

__all__ = ["Engine", "engine", "ensure_weights", "locate_weights", "stop"]
