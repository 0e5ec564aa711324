"""Markdown that is drawn in tests, attacks among it."""

from __future__ import annotations

import re

from paths import TESTS

FIXTURES = TESTS / "markdown"


SAMPLES = sorted(path for path in FIXTURES.glob("*.md") if path.stem != "xss")


def attacks() -> dict[int, str]:
    """Return the attack of each class, by its number."""
    text = (FIXTURES / "xss.md").read_text("utf-8")
    sections = re.split(r"^## (\d+) .*\n", text, flags=re.MULTILINE)[1:]
    numbers, bodies = sections[::2], sections[1::2]
    return {
        int(number): re.sub(r"⟦(\w+)⟧", lambda code: chr(int(code[1], 16)), body)
        for number, body in zip(numbers, bodies, strict=True)
    }


ATTACKS = attacks()


PIECES = [
    *("`", "```", "~~~", "\n", "\n\n", "    ", "- ", "1. ", "> ", "|", "|-|-|\n"),
    *("| a | b |\n", "[", "]", "(", ")", "](", "![", "!", "[r]", "![r]", "{", "}"),
    *("[r]: https://evil.example/x\n", "[r]: javascript:x\n", "<br>", "\t", "a", "b c"),
    *(
        "![x](https://evil.example/p.png)",
        "[a](javascript:alert(1))",
        "[a](https://a.b)",
    ),
    *("<img src=x onerror=alert(1)>", "<script>alert(1)</script>", "<", "</div>"),
    *(
        "<!--",
        "-->",
        "$",
        "$$",
        "\\(",
        "\\)",
        "\\[",
        "\\]",
        "\\",
        "\\\\",
        "\\href",
        "%\n",
    ),
    *("&lt;", "&#x60;", "&#10;", "&#36;", "&#x202e;", "&", "*", "**", "_", "~~", "#"),
    *("# ", "=", "===\n", "---\n", ":", "<https://evil.example>", "<javascript:x>"),
    *("\u202e", "\x1b[31m", "1", "."),
]
