"""``%step code | fix``: code of an answer in a new cell, which nothing runs."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from stepmagic.ask.single import ask, prepare
from stepmagic.attachments.markers import framed
from stepmagic.attachments.notebook.errors import attach_last_error, failed_cell
from stepmagic.attachments.notebook.host import Host
from stepmagic.conversation.prompt import Prompt
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
        message = "the last answer holds no code block."
        raise CommandError(message)
    number = _number(words, len(blocks))
    block = blocks[number - 1]
    language = f" ({block.language})" if block.language not in _PYTHON else ""
    return _offer(block, f"Code block {number} of {len(blocks)}{language}")


def fix(here: Session, _: list[str]) -> str:
    """Ask what is wrong with the last cell that failed, and show a diff of it."""
    host = Host.find()
    parts = framed(attach_last_error(host))
    cell = failed_cell(host)
    talk, (options,) = prepare([Overrides()], here.conversation)
    prompt = Prompt(message=user(*parts, Text(text=_CORRECT)))
    reply = ask(prompt, talk, options)
    if not cell.strip():
        return "The error lies in no cell, so there is none to be corrected."
    corrected = _corrected(cell, reply.code)
    if corrected is None:
        return "The answer holds no Python code: the cell stays as it is."
    diff = Diff(before=cell, after=corrected)
    if not diff:
        return "The answer leaves the cell as it is."
    show(diff)
    return _offer(corrected, "The corrected cell")


def _last(here: Session) -> Reply:
    """Return the last answer, of a conversation that was loaded too."""
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
    """Return the block that is most like the cell."""
    python = [plain(block) for block in blocks if block.language.lower() in _PYTHON]
    if not python:
        return None
    alike = difflib.SequenceMatcher(autojunk=False)
    alike.set_seq2(cell)

    def likeness(block: str) -> float:
        alike.set_seq1(block)
        return alike.quick_ratio()

    return max(python, key=likeness)


def _offer(text: str, what: str) -> str:
    """Put code into a new cell, where there can be one; returns what to say."""
    host = Host.find()
    text = plain(text).rstrip("\n")
    if not host.takes_next_cell:
        return f"{what}; this front end takes no new cell:\n\n{text}"
    host.offer_cell(text)
    return f"{what} is in a new cell. Nothing has run."
