"""Conversations as files: ``.json`` to continue with, ``.md`` and ``.ipynb`` to read.

snapshot      a conversation as a value, and its form
journal       every turn written to disk as it arrives
journal_file  journals as files, and how they are read
files         saving and loading: a file is replaced completely or not at all
markdown      Markdown
notebook      a notebook
openai        OpenAI's messages
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
