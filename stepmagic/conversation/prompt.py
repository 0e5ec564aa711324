"""What a cell or a call asks, as one user message with all that is attached.

``build_prompt`` is where a message that contains the API key is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from stepmagic.attachments.attach import attach
from stepmagic.attachments.attachment import Attached, Handling, UserPart
from stepmagic.attachments.first_line import attach_word
from stepmagic.attachments.markers import framed, labelled
from stepmagic.attachments.notebook.above import attach_above
from stepmagic.attachments.notebook.cells import attach_cells
from stepmagic.attachments.notebook.errors import attach_last_error
from stepmagic.attachments.notebook.host import Host
from stepmagic.attachments.parts import is_inline, to_part
from stepmagic.attachments.placeholders import expand, fill
from stepmagic.attachments.secrets import refuse_secretive
from stepmagic.conversation.draft import Draft
from stepmagic.errors import CommandError
from stepmagic.keys import find_key
from stepmagic.server.endpoint import refuse_key
from stepmagic.server.options import Options, handling_for
from stepmagic.transcript import File, Message, Text, Video, user


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A user message, and what the user should know of it."""

    message: Message
    notices: tuple[str, ...] = ()
    """What was changed, left out or might be secret, one sentence each."""


@dataclass(slots=True)
class _Builder:
    """Collects parts and notices."""

    handling: Handling
    namespace: Mapping[str, Any]
    notices: list[str] = field(default_factory=list)

    def parts_of(self, attached: Iterable[Attached]) -> list[UserPart]:
        """Return the parts of attachments, videos first."""
        parts: list[UserPart] = []
        for each in attached:
            self.notices += each.all_notices
            parts += framed(each)
        # StepFun wants a video before the text (StepFun docs, Video understanding).
        return sorted(parts, key=lambda part: not isinstance(part, Video))

    def convert(self, value: Any, name: str) -> Iterable[UserPart]:
        """Return what replaces a placeholder: short values as they are written."""
        if is_inline(value):
            refuse_secretive(value, name)
            return [to_part(value, name)]
        attached = attach(value, name, self.handling, self.namespace)
        return self.parts_of([attached])

    def message(self, parts: Iterable[UserPart]) -> Message:
        """Return the message of all parts.

        Raises:
            CommandError: There is nothing in it.
        """
        # Anthropic refuses blank text (API reference, Errors).
        found = [part for part in labelled(parts) if not _is_blank(part)]
        if not found:
            raise _nothing_asked()
        if self.handling.no_files and any(isinstance(part, File) for part in found):
            # "mistral-ocr" at $2 for 1,000 pages (OpenRouter docs, PDF Inputs).
            self.notices.append(
                f"{self.handling.no_files}: the server reads documents for it, which "
                "may cost extra. `-p plugins=...` chooses how."
            )
        return user(*found)


def build_prompt(draft: Draft, options: Options, host: Host | None = None) -> Prompt:
    """Return the message of a draft, with all that is attached.

    Args:
        draft: What is asked.
        options: What it is asked with: they say which kinds of parts the model takes.
        host: Where the names and the cells are; without one there are none.

    Raises:
        AttachmentError: Something that is named cannot be sent, or is the API key.
        CommandError: Nothing is asked and nothing attached.
    """
    if isinstance(draft.text, str) and _is_plain(draft):
        return checked_prompt(user(_question(draft.text)), options)
    message, notices = build_message(draft, handling_for(options), host)
    return checked_prompt(message, options, notices)


def checked_prompt(
    message: Message, options: Options, notices: Iterable[str] = ()
) -> Prompt:
    """Return a message as a prompt, before anything of it is shown or sent.

    Raises:
        AttachmentError: The message or the system prompt contains the API key.
    """
    refuse_key(find_key(), options.system, message)
    return Prompt(message=message, notices=tuple(dict.fromkeys(notices)))


def build_message(
    draft: Draft, handling: Handling, host: Host | None = None
) -> tuple[Message, list[str]]:
    """Return the message of a draft with its notices; see ``build_prompt``.

    It may contain the key, which whoever sends it has to refuse.

    Raises:
        AttachmentError: Something that is named cannot be sent.
        CommandError: Nothing is asked and nothing attached.
    """
    host = host or Host()
    namespace = host.namespace
    builder = _Builder(handling, namespace)
    attached = [
        each for word in draft.words for each in attach_word(word, namespace, handling)
    ]
    if draft.above:
        attached.append(attach_above(host, handling, draft.turns))
    if draft.cells is not None:
        attached += attach_cells(host, draft.cells, handling.limits)
    if draft.error:
        attached.append(attach_last_error(host))
    attached += [
        attach(value, name, handling, namespace) for name, value in draft.values
    ]
    parts = builder.parts_of(attached)
    return builder.message([*parts, *_asked(draft, builder)]), builder.notices


def _is_plain(draft: Draft) -> bool:
    """Whether a draft is text without attachments and placeholders."""
    attached = draft.words or draft.values or draft.cells is not None
    from_cells = draft.above or draft.error
    return not attached and not from_cells and not _has_placeholders(draft)


def _has_placeholders(draft: Draft) -> bool:
    replaces = draft.placeholders or draft.find is not None
    return replaces and isinstance(draft.text, str) and "{{" in draft.text


def _question(text: str) -> Text:
    """Return the text of a question to which nothing is attached.

    Raises:
        CommandError: It is blank.
    """
    part = Text(text=text)
    if _is_blank(part):
        raise _nothing_asked()
    return part


def _nothing_asked() -> CommandError:
    message = "nothing is asked. Write the question below the first line."
    return CommandError(message)


def _asked(draft: Draft, builder: _Builder) -> Iterable[UserPart]:
    """Return the question itself, with the values of its placeholders."""
    if not isinstance(draft.text, str):
        return [to_part(draft.text, "prompt")]
    if not _has_placeholders(draft):
        return [Text(text=draft.text)]
    if draft.find is not None:
        return fill(draft.text, draft.find, builder.convert)
    return expand(draft.text, builder.namespace, builder.convert)


def named_values(
    values: Iterable[Any], namespace: Mapping[str, Any]
) -> tuple[tuple[str, Any], ...]:
    """Return values with their names; one that has a name in the notebook keeps it."""
    names = {
        id(value): name
        for name, value in reversed(list(namespace.items()))
        if not name.startswith("_")
    }
    return tuple(
        (names.get(id(value), f"attachment {n}"), value)
        for n, value in enumerate(values, 1)
    )


def _is_blank(part: UserPart) -> bool:
    return isinstance(part, Text) and not part.text.strip()
