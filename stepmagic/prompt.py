"""What a cell or a call asks, as one user message with all that is attached."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stepmagic.attachments.attached import Attached, UserPart
from stepmagic.attachments.cells import attach_cells
from stepmagic.attachments.failures import attach_last_error
from stepmagic.attachments.framing import framed, labelled
from stepmagic.attachments.handling import Handling
from stepmagic.attachments.kinds import attach
from stepmagic.attachments.parts import is_inline, to_part
from stepmagic.attachments.placeholders import expand, fill
from stepmagic.attachments.secretive import refuse_secretive
from stepmagic.attachments.words import attach_word
from stepmagic.carrying import handling_for
from stepmagic.command import Command
from stepmagic.errors import CommandError
from stepmagic.options import Options
from stepmagic.transcript import File, Message, Part, Text, Video, user


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A user message, and what its writer should know of it."""

    message: Message
    notices: tuple[str, ...] = ()
    """What was changed, left out or might be secret, a sentence each."""


@dataclass(slots=True)
class _Builder:
    """Gathers parts and notices."""

    handling: Handling
    namespace: Mapping[str, Any]
    notices: list[str] = field(default_factory=list)

    def parts_of(self, attached: Iterable[Attached]) -> list[UserPart]:
        """Return the parts of attachments, videos first."""
        parts: list[UserPart] = []
        for each in attached:
            self.notices += each.notices
            parts += framed(each)
        # StepFun asks for a video to stand before the text (StepFun docs, Video
        # understanding).
        return sorted(parts, key=lambda part: not isinstance(part, Video))

    def convert(self, value: Any, name: str) -> Iterable[UserPart]:
        """Return what stands for a placeholder: short values as they are written."""
        if is_inline(value):
            refuse_secretive(value, name)
            return [to_part(value, name)]
        attached = attach(value, name, self.handling, self.namespace)
        return self.parts_of([attached])

    def prompt(self, parts: Iterable[UserPart]) -> Prompt:
        """Return the whole.

        Raises:
            CommandError: There is nothing in it.
        """
        # Anthropic refuses blank text (API reference, Errors).
        held = [part for part in labelled(parts) if not _is_blank(part)]
        if not held:
            message = "nothing is asked. Write the question below the first line."
            raise CommandError(message)
        if self.handling.no_files and any(isinstance(part, File) for part in held):
            # "mistral-ocr" at $2 for 1,000 pages (OpenRouter docs, PDF Inputs).
            self.notices.append(
                f"{self.handling.no_files}: the server reads documents for it, which "
                "may cost extra. `-p plugins=...` chooses how."
            )
        notices = tuple(dict.fromkeys(self.notices))
        return Prompt(message=user(*held), notices=notices)


def from_cell(
    command: Command,
    body: str,
    shell: Any,
    options: Options,
    uploads: Iterable[tuple[str, Path]] = (),
) -> Prompt:
    """Return what a cell asks, or the panel, which writes as a cell does.

    Args:
        command: Its first line.
        body: The rest of it.
        shell: The ``InteractiveShell`` that runs it.
        options: What it is asked with, which decides what can be carried.
        uploads: More files, each with the name that it had where it came from.

    Raises:
        AttachmentError: Something that is named cannot be sent.
        CommandError: Nothing is asked and nothing attached.
    """
    handling = handling_for(options)
    builder = _Builder(handling, shell.user_ns)
    attached = [
        each
        for word in command.attachments
        for each in attach_word(word, shell.user_ns, handling)
    ]
    if command.cells is not None:
        attached += attach_cells(shell, command.cells, handling.limits)
    if command.error:
        attached.append(attach_last_error(shell))
    attached += [attach(path, name, handling, shell.user_ns) for name, path in uploads]
    text = body.strip("\n")
    asked: tuple[UserPart, ...] = (Text(text=text),)
    parts = builder.parts_of(attached)
    if not command.raw:
        asked = expand(text, shell.user_ns, builder.convert)
    return builder.prompt([*parts, *asked])


def from_call(
    prompt: str | Part,
    attachments: Iterable[Any],
    namespace: Mapping[str, Any],
    options: Options,
) -> Prompt:
    """Return what ``step()`` asks; a value that has a name in the notebook keeps it.

    Raises:
        AttachmentError: Something cannot be sent.
        CommandError: The prompt is empty and nothing attached.
    """
    handling = handling_for(options)
    builder = _Builder(handling, namespace)
    names = {
        id(value): name
        for name, value in reversed(list(namespace.items()))
        if not name.startswith("_")
    }
    attached = [
        attach(value, names.get(id(value), f"attachment {n}"), handling, namespace)
        for n, value in enumerate(attachments, 1)
    ]
    asked = Text(text=prompt) if isinstance(prompt, str) else to_part(prompt, "prompt")
    return builder.prompt([*builder.parts_of(attached), asked])


def from_row(
    prompt: str,
    find: Callable[[str], Any],
    attachments: Mapping[str, Any],
    handling: Handling,
) -> Prompt:
    """Return what is asked of one row of a table.

    Args:
        prompt: The question, the same for all rows.
        find: Returns the row's value for a ``{{ name }}``.
        attachments: What stands before it, by name.
        handling: What the question may carry.

    Raises:
        AttachmentError: A value cannot be sent.
        CommandError: Nothing is asked.
    """
    builder = _Builder(handling, {})
    attached = [
        attach(value, name, handling, {}) for name, value in attachments.items()
    ]
    asked = fill(prompt, find, builder.convert)
    return builder.prompt([*builder.parts_of(attached), *asked])


def _is_blank(part: UserPart) -> bool:
    return isinstance(part, Text) and not part.text.strip()
