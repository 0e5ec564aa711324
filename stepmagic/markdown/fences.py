"""The fenced code blocks of an answer."""

from __future__ import annotations


def fences(source: str) -> list[tuple[str, str]]:
    """Return the language and the text of each fenced block, in order.

    A block that was cut before its closing fence counts, as far as it came.
    """
    if "```" not in source and "~~~" not in source:
        return []
    from markdown_it import MarkdownIt  # noqa: PLC0415 - 30 ms that loading need not

    return [
        (token.info.split()[0] if token.info.strip() else "", token.content)
        for token in MarkdownIt().parse(source)
        if token.type == "fence"
    ]
