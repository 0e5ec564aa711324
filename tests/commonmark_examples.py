"""The examples of CommonMark, and what cuts them in pieces."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

from paths import TESTS

# CC-BY-SA 4.0; see the README beside them.
EXAMPLES: list[str] = json.loads(
    (TESTS / "commonmark" / "examples.json").read_text("utf-8")
)


def cut(source: str, chance: random.Random, longest: int = 9) -> Iterator[str]:
    """Return a text in pieces; one ends at each line's end."""
    begin = 0
    while begin < len(source):
        end = begin + chance.randint(1, longest)
        line = source.find("\n", begin) + 1 or len(source)
        yield source[begin : min(end, line)]
        begin = min(end, line)
