"""The attachments of a question, as a line above its answer that opens to a preview.

Made from the parts of the user message, so that a saved conversation shows them too.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape as quote

from stepmagic.display.html.bundle import describe
from stepmagic.errors import AttachmentError, shorten
from stepmagic.markdown import escape, plain
from stepmagic.markdown.html_text import QUIET
from stepmagic.transcript import File, Image, Message, Part, Text, Video
from stepmagic.transcript.signatures import media_type
from stepmagic.transcript.usage import estimate_part, format_count

_LONGEST_TEXT = 8000
_LONGEST_NAME = 60
_PRE = 'style="white-space:pre;overflow-x:auto"'


@dataclass(frozen=True, slots=True, kw_only=True)
class SentAttachments:
    """The attachments of a message and notices about them; IPython can display it."""

    message: Message
    notices: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is anything to show."""
        return bool(self.notices) or any(attachments(self.message))

    def __repr__(self) -> str:
        parts = list(attachments(self.message))
        line = [f"Sent {plain(_line(parts))}."] if parts else []
        return "\n".join([*line, *map(plain, self.notices)])

    def _repr_html_(self) -> str:
        return sent_html(self.message, self.notices)


def attachments(message: Message) -> Iterable[Text | Image | Video | File]:
    """Yield the parts of a message that the user did not type."""
    for part in message.parts:
        if isinstance(part, Image | Video | File) or (
            isinstance(part, Text) and part.name is not None
        ):
            yield part


def sent_html(message: Message, notices: Iterable[str] = ()) -> str:
    """Return the attachments of a message as HTML; empty if there are none."""
    parts = list(attachments(message))
    html = ""
    if parts:
        names = f"Sent {_line(parts, html=True)}"
        previews = "".join(map(part_html, parts))
        html = (
            f'<details class="sm-sent" style="margin-bottom:0.7em"><summary {QUIET}>'
            f"{names}</summary>\n{previews}</details>\n"
        )
    lines = "".join(
        f'<p class="sm-note" {QUIET}><small>{escape(notice)}</small></p>\n'
        for notice in notices
    )
    return html + lines


def part_html(part: Part) -> str:
    """Return a part of a user message: a thumbnail, or the text that is sent."""
    head = f"<p><small>{escape(_title(part))}</small></p>\n"
    match part:
        case Image(data=bytes()):
            return f"{head}<p>{_thumbnail(part)}</p>\n"
        case Text():
            return f"{head}<pre {_PRE}>{escape(_cut(part.text))}</pre>\n"
        case _:
            return head


def _line(parts: list[Text | Image | Video | File], *, html: bool = False) -> str:
    """Return the attachments in one line; those with the same name only once."""
    known: dict[str, str] = {}
    for part in parts:
        name = " ".join((part.name or type(part).__name__.lower()).split())
        name = shorten(name, _LONGEST_NAME)
        known.setdefault(name, _size(part))
    names = [
        (f"<code>{escape(name)}</code> {escape(size)}" if html else f"{name} {size}")
        for name, size in known.items()
    ]
    tokens = format_count(sum(map(estimate_part, parts)), "token")
    return " · ".join([*map(str.strip, names), f"about {tokens}"])


def _size(part: Text | Image | Video | File) -> str:
    """Return the size of a part, without its kind."""
    return part.about.partition(", ")[2]


def _title(part: Part) -> str:
    tokens = f"about {format_count(estimate_part(part), 'token')}"
    if isinstance(part, Text):
        return " · ".join(filter(None, (part.name, part.about, tokens)))
    if isinstance(part, Image | Video | File):
        what = part.about or describe(part)
        return " · ".join(filter(None, (part.name, what, tokens)))
    return tokens


def _thumbnail(part: Image) -> str:
    # Imported when used: only images need Pillow.
    from stepmagic.attachments.images import thumbnail  # noqa: PLC0415

    try:
        small = thumbnail(part, longest=160)
    except AttachmentError as error:  # a part that was not made by us
        return escape(str(error))
    kind = media_type(small, "image")
    source = base64.b64encode(small).decode("ascii")
    name = quote(plain(part.name or "image"))
    return f'<img alt="{name}" src="data:{kind};base64,{source}">'


def _cut(text: str) -> str:
    left_out = len(text) - _LONGEST_TEXT
    if left_out <= 0:
        return text
    return f"{text[:_LONGEST_TEXT]}\n... ({left_out:,} more characters)"
