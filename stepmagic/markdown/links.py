"""Link definitions of a text that is still being received, and where they are used.

Owns the links between finished blocks and later ones: a definition assigns an
address to every label after it, and also to labels in blocks that were finished before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markdown_it.common.utils import normalizeReference
from markdown_it.token import Token

from stepmagic.markdown.parser import LONGEST, parse_blocks

_LABEL = re.compile(r"(?=\[((?:[^][\\]|\\.){0,999}+)\])", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Parsed:
    """The blocks of a text."""

    tokens: list[Token]
    references: dict[str, Any]
    """All link definitions so far, including those of the text."""
    has_duplicates: bool
    """Whether a label is defined twice."""


class Links:
    """The link definitions and the labels of all finished blocks."""

    def __init__(self) -> None:
        self.references: dict[str, Any] = {}
        """The definitions, in the form that markdown-it keeps them in."""
        self.labels: set[str] = set()
        """The labels in finished blocks that a definition could turn into links."""
        self.brackets = 0
        """How many ``[`` the finished blocks contain; the parser limits them."""
        self._parsed_lines: dict[str, list[Token]] = {}
        """Cache of inline tokens by their text, for blocks that are parsed again."""

    def parse(
        self,
        text: str,
        *,
        references: Mapping[str, Any] | None = None,
        brackets: int | None = None,
    ) -> Parsed:
        """Return the blocks of a text that follows the finished blocks.

        Args:
            text: Complete blocks, or the beginning of one.
            references: The definitions to use instead of those of finished blocks.
            brackets: The number of ``[`` before the text, if it is another one.

        Raises:
            RecursionError: A block is nested too deeply, or the text is too long.
        """
        if len(text) > LONGEST:
            raise RecursionError
        env: dict[str, Any] = {
            "known": self._parsed_lines,
            "used": self._parsed_lines,
            "references": dict(self.references if references is None else references),
            "brackets": self.brackets if brackets is None else brackets,
        }
        tokens = parse_blocks(text, env)
        return Parsed(tokens, env["references"], "duplicate_refs" in env)

    def add(
        self, tokens: Sequence[Token], references: Mapping[str, Any], end: int
    ) -> list[tuple[str, str]]:
        """Add finished blocks; return the definitions that earlier blocks lacked.

        Args:
            tokens: The blocks.
            references: The definitions that were parsed with them.
            end: The line after the blocks. Definitions from there on do not count.

        Returns:
            Labels that occur in earlier blocks, each with its address.
        """
        late = []
        for label, definition in references.items():
            if label not in self.references and definition["map"][0] < end:
                self.references[label] = definition
                if label in self.labels:
                    late.append((label, str(definition["href"])))
        self.brackets += count_brackets(tokens)
        self.labels |= link_labels(tokens)
        self._parsed_lines.clear()
        return late


def count_brackets(tokens: Sequence[Token]) -> int:
    """Return the number of ``[`` in text that may contain links."""
    return sum(line.count("[") for line in _lines(tokens))


def link_labels(tokens: Sequence[Token]) -> set[str]:
    """Return all labels that a link definition could match, normalized for that."""
    return {
        normalizeReference(found[1])
        for line in _lines(tokens)
        if "[" in line
        for found in _LABEL.finditer(line)
    }


def _lines(tokens: Sequence[Token]) -> Iterator[str]:
    return (token.content for token in tokens if token.type == "inline")
