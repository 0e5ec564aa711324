"""``%step code | fix``: code of an answer in a new cell, which nothing runs."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from stepmagic import ask, conversation
from stepmagic.attachments import notebook
from stepmagic.attachments.markers import framed
from stepmagic.attachments.notebook.host import Host
from stepmagic.conversation.reply import Code, Reply
from stepmagic.display.html.tables import Diff, show
from stepmagic.errors import CommandError
from stepmagic.markdown import plain
from stepmagic.server.options import Overrides
from stepmagic.session import Session
from stepmagic.transcript import Text, user

_PYTHON = ("", "python", "py", "python3", "ipython")

_CORRECT = (
    "The cell fails. Answer with the whole cell, corrected, in one Python code block, "
    "and with what was wrong in a sentence or two. Change nothing else."
)


def code(here: Session, words: list[str]) -> str:
    """Put a code block of the last answer into a new cell."""
    blocks = _last(here).code
    if not blocks:
        message = "the last answer contains no code block."
        raise CommandError(message)
    number = _number(words, len(blocks))
    block = blocks[number - 1]
    language = f" ({block.language})" if block.language not in _PYTHON else ""
    return _offer(block, f"Code block {number} of {len(blocks)}{language}")


def fix(here: Session, _: list[str]) -> str:
    """Ask what is wrong with the last cell that failed, and show a diff of it."""
    host = Host.find()
    parts = framed(notebook.attach_last_error(host))
    cell = notebook.failed_cell(host)
    dialogue, (options,) = ask.prepare([Overrides()], here.conversation)
    message = user(*parts, Text(text=_CORRECT))
    prompt = conversation.checked_prompt(message, options)
    reply = ask.ask(prompt, dialogue, options)
    if not cell.strip():
        return "The error was not raised by a cell, so there is no cell to correct."
    corrected = _corrected(cell, reply.code)
    if corrected is None:
        return "The answer contains no Python code: the cell stays as it is."
    diff = Diff(before=cell, after=corrected)
    if not diff:
        return "The answer does not change the cell."
    show(diff)
    return _offer(corrected, "The corrected cell")


def _last(here: Session) -> Reply:
    """Return the last answer, which may be one of a conversation that was loaded."""
    turns = here.conversation.turns
    if here.last is None and not turns:
        message = "there is no answer yet."
        raise CommandError(message)
    return here.last or Reply(turns[-1])


def _number(words: list[str], most: int) -> int:
    if not words:
        return 1
    if not words[0].isdecimal() or not 1 <= int(words[0]) <= most:
        message = (
            f"%step code takes the number of a code block, from 1 to {most}, not "
            f"{words[0]!r}."
        )
        raise CommandError(message)
    return int(words[0])


def _corrected(cell: str, blocks: Sequence[Code]) -> str | None:
    """Return the Python block that is most similar to the cell."""
    python = [plain(block) for block in blocks if block.language.lower() in _PYTHON]
    if not python:
        return None
    matcher = difflib.SequenceMatcher(autojunk=False)
    matcher.set_seq2(cell)

    def similarity(block: str) -> float:
        matcher.set_seq1(block)
        return matcher.quick_ratio()

    return max(python, key=similarity)


def _offer(text: str, what: str) -> str:
    """Put code into a new cell, if the front end can; return the message."""
    host = Host.find()
    text = plain(text).rstrip("\n")
    if not host.takes_next_cell:
        return f"{what}; this front end takes no new cell:\n\n{text}"
    host.offer_cell(text)
    return f"{what} is in a new cell. Nothing has run."
