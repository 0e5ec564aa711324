"""Questions to a cassette, and the lines of its file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from stepmagic.ask import single
from stepmagic.conversation.dialogue import Dialogue
from stepmagic.transcript import Turn

NOWHERE = "https://openrouter.ai/api/v1"


def ask(talk: Dialogue, text: str, **parameters: Any) -> Turn:
    single.step(text, conversation=talk, **parameters)
    return talk.turns[-1]


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
