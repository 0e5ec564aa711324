"""What the model says in the benchmarks: Markdown of any length, the same each time."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from itertools import cycle

_VOCABULARY = """
the a of and to in is that for it as with on by are be from at this or not each
row column month sales mean index value data frame group sum count days gap plot figure
axis label scale sort merge join key null type date week year noise trend model fit test
score error range low high step loop list dict cache query filter result table chart
outlier deviation average because therefore however compare recorded missing median
quantile estimate café naïve
"""
_WORDS = _VOCABULARY.split()


class Writer:
    """Writes sentences and blocks that differ from one another."""

    def __init__(self) -> None:
        """Begin anew; two writers write the same."""
        self._random = random.Random(7)  # noqa: S311 - to be the same each time

    def words(self, least: int, most: int) -> str:
        """Return so many words."""
        count = self._random.randint(least, most)
        return " ".join(self._random.choices(_WORDS, k=count))

    def sentence(self) -> str:
        """Return a sentence, as a rule with something marked up."""
        marks = ("**{}**", "*{}*", "`{}`", "[{}](https://example.org/docs)", "{}", "{}")
        marked = self._random.choice(marks).format(self.words(1, 2))
        sentence = f"{self.words(3, 8)} {marked} {self.words(3, 8)}."
        return sentence.capitalize()

    def prose(self) -> str:
        """Return a paragraph."""
        count = self._random.randint(2, 5)
        return " ".join(self.sentence() for _ in range(count)) + "\n\n"

    def heading(self) -> str:
        """Return a heading."""
        return f"## {self.words(2, 5).capitalize()}\n\n"

    def bullets(self) -> str:
        """Return a list, nested in one place."""
        items = [f"- {self.sentence()}\n" for _ in range(4)]
        return "".join([*items, f"  - {self.sentence()}\n", "\n"])

    def steps(self) -> str:
        """Return a numbered list."""
        items = [f"{number}. {self.sentence()}\n" for number in range(1, 5)]
        return "".join([*items, "\n"])

    def row(self) -> str:
        """Return a row of a table of three columns."""
        number = self._random.randint(0, 99_999)
        return f"| {self.words(1, 2)} | {number:,} | {self.words(2, 5)} |\n"

    def table(self) -> str:
        """Return a table."""
        return _TABLE_HEAD + "".join(self.row() for _ in range(6)) + "\n"

    def code_line(self) -> str:
        """Return a line of Python."""
        name, other, column = (self._random.choice(_WORDS[22:]) for _ in range(3))
        lines = (
            f'{name} = df.groupby("{column}")["{other}"].mean()\n',
            f"for {name} in range({len(other)}, 10):\n",
            f'    print(f"{{{name}:.2f}} {other}")  # {self.words(2, 5)}\n',
            f'{name}, {other} = df["{column}"].min(), 0.5\n',
        )
        return self._random.choice(lines)

    def code(self) -> str:
        """Return a fenced block of code."""
        return _FENCE + "".join(self.code_line() for _ in range(8)) + "```\n\n"

    def quote(self) -> str:
        """Return a quotation."""
        return f"> {self.sentence()}\n> {self.sentence()}\n\n"

    def maths(self) -> str:
        """Return a formula in a line and one of its own."""
        return f"Where $z_i = x_i - m$:\n\n$$\ns = \\sqrt{{{self.words(1, 1)}}}\n$$\n\n"


_TABLE_HEAD = "| month | sales | note |\n|---|---:|---|\n"
_FENCE = "```python\n"


def mixed(size: int) -> str:
    """Return all kinds of blocks in turn."""
    write = Writer()
    kinds = (
        write.heading,
        write.prose,
        write.bullets,
        write.prose,
        write.table,
        write.prose,
        write.code,
        write.steps,
        write.maths,
        write.quote,
    )
    return _grown((kind() for kind in cycle(kinds)), size)


def one_list(size: int) -> str:
    """Return a single list."""
    return _grown(_endless(lambda write: f"- {write.sentence()}\n"), size)


def one_table(size: int) -> str:
    """Return a single table."""
    return _grown(_endless(Writer.row), size, begins=_TABLE_HEAD)


def one_paragraph(size: int) -> str:
    """Return a single paragraph, in one line."""
    return _grown(_endless(lambda write: f"{write.sentence()} "), size)


def one_fence(size: int) -> str:
    """Return a single block of code, closed at the end."""
    return _grown(_endless(Writer.code_line), size, begins=_FENCE) + "```\n"


BLOCKS: dict[str, Callable[[int], str]] = {
    "list": one_list,
    "table": one_table,
    "paragraph": one_paragraph,
    "fence": one_fence,
}
"""Answers of a single block."""


def _endless(piece: Callable[[Writer], str]) -> Iterator[str]:
    write = Writer()
    while True:
        yield piece(write)


def _grown(pieces: Iterator[str], size: int, *, begins: str = "") -> str:
    """Return whole pieces until they have so many bytes of UTF-8."""
    text, length = [begins], len(begins)
    while length < size:
        piece = next(pieces)
        text.append(piece)
        length += len(piece.encode())
    return "".join(text)
