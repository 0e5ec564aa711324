"""Journals that a test made."""

from __future__ import annotations

from pathlib import Path

from stepmagic.session import session
from stepmagic.settings import state_folder
from stepmagic.storage.journal_file import find_journals


def written() -> list[Path]:
    """Return the journals in the usual folder, the last one first."""
    return find_journals(state_folder() / "journals")


PIXEL = b"\x89PNG\r\n\x1a\n not quite a picture"


def restart() -> None:
    """Forget all but the disk, as a kernel that starts anew does."""
    session().reset()
