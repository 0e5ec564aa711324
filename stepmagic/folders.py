"""Where files lie that outlive the kernel."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """Return the folder for what can be fetched again.

    ``STEPMAGIC_CACHE`` names another than the user's own.
    """
    if chosen := os.environ.get("STEPMAGIC_CACHE"):
        return Path(chosen).expanduser()
    from platformdirs import user_cache_path  # noqa: PLC0415 - seldom needed

    return user_cache_path("stepmagic")


def state_folder() -> Path:
    """Return the folder for what cannot be had again: the journals.

    ``STEPMAGIC_STATE`` names another than the user's own.
    """
    if chosen := os.environ.get("STEPMAGIC_STATE"):
        return Path(chosen).expanduser()
    from platformdirs import user_state_path  # noqa: PLC0415 - with the first turn

    return user_state_path("stepmagic")
