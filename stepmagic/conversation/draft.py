"""What is asked, before it becomes a message: text, and attachments by name or value.

A first line, ``step()``, the panel and a row of a batch each fill one;
``prompt.build_prompt`` makes the message. Loads nothing that converts attachments, so
that ``%load_ext`` stays quick.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from stepmagic.transcript import Part, Turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What is asked, before it becomes a message.

    Filled alike by a cell's first line, by ``step()``, by the panel and by a row of a
    batch.
    """

    text: str | Part = ""
    words: tuple[str, ...] = ()
    """Attachments by name, path or address, as they are written on a first line."""
    values: tuple[tuple[str, Any], ...] = ()
    """Attached objects, each with its name."""
    cells: str | None = None
    """Which earlier cells to attach, such as ``3-5``."""
    above: bool = False
    """Whether to attach the notebook so far."""
    turns: tuple[Turn, ...] = ()
    """Of the conversation that the question continues: ``above`` does not repeat the
    cells that asked them."""
    error: bool = False
    """Whether to attach the last error, with its cell."""
    placeholders: bool = True
    """Whether ``{{ name }}`` is replaced by a value."""
    find: Callable[[str], Any] | None = None
    """Returns the value of a placeholder; by default the notebook's names do."""
