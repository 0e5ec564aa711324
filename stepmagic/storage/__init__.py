"""Conversations as files: ``.json`` to go on with, ``.md`` and ``.ipynb`` to read.

saved       a conversation as a value, and its form
journals    journals as files, and what they tell
files       a file is replaced whole or not at all, and only if it is ours
readable    Markdown
cells       a notebook
openai      OpenAI's messages
"""

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
