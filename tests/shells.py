"""Real IPython shells for tests."""

from __future__ import annotations

from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

# IPython's shell is typed in part; a test calls all of it.
_Shell: Any = InteractiveShell


def bare_shell() -> Any:
    """Return a shell of its own that writes no history."""
    config = Config({"HistoryManager": {"enabled": False}})
    return _Shell(config=config)
