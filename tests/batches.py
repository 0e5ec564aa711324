"""Rows, and the answers that a batch gets for them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

from openrouter_server import (
    Reply,
    answer,
)
from stepmagic import batch


def quiet(data: Any, prompt: str, **options: Any) -> Any:
    """Run a batch without its bar."""
    return batch(data, prompt, progress=False, **options)


@dataclass
class Review:
    """What is asked about each."""

    is_kind: bool
    stars: int | None
    words: list[str]
    mood: Literal["good", "bad"]


RIGHT = {"is_kind": True, "stars": None, "words": ["a"], "mood": "good"}


def says(value: Any, **options: Any) -> Reply:
    """Return a reply that is JSON."""
    return answer(json.dumps(value), reasoning="", **options)
