"""Where files that outlive the kernel lie."""

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
