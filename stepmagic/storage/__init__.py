"""Conversations as files: ``.json`` to load again, ``.md`` and ``.ipynb`` to read.

snapshot       a conversation as a value, and its saved form
journal        the journal of this kernel
journal_file   journals as files, and what they contain
files          replaces a file completely or not at all, and only one of ours
markdown       writes Markdown
notebook       writes a notebook
openai         OpenAI's messages
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stepmagic.storage.files import load_file, save_file
    from stepmagic.storage.journal_file import Recovered, read_header, read_journal
    from stepmagic.storage.openai import from_openai, to_openai
    from stepmagic.storage.snapshot import About, Saved, saved_from_dict, saved_to_dict

__all__ = [
    "About",
    "Recovered",
    "Saved",
    "from_openai",
    "load_file",
    "read_header",
    "read_journal",
    "save_file",
    "saved_from_dict",
    "saved_to_dict",
    "to_openai",
]

_HOMES = {
    "About": "snapshot",
    "Recovered": "journal_file",
    "Saved": "snapshot",
    "load_file": "files",
    "read_header": "journal_file",
    "read_journal": "journal_file",
    "save_file": "files",
    "saved_from_dict": "snapshot",
    "saved_to_dict": "snapshot",
    "from_openai": "openai",
    "to_openai": "openai",
}
"""The module of each name, imported when the name is first used."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    found = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = found
    return found
