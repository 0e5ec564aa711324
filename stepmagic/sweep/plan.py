"""How a batch asks: everything that a worker needs but the key, which it finds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stepmagic.attachments.handling import Handling
from stepmagic.options import Options


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to ask of each row, and how; it may go to another machine."""

    id: str
    """The same wherever parts of one batch run."""
    prompt: str
    options: Options
    handling: Handling
    concurrency: int
    """Most requests at a time."""
    max_cost_usd: float | None = None
    """No request goes out once this much is spent."""
    resume: Path | None = None
    """Where answers are kept, and found by the next run."""
    prefix: str = ""
    """Before the name of each new column."""
    schema: Any = None
    """The type of the answers as it was given, since what reads them cannot travel;
    None for text."""
