"""Parts of a message and the messages made of them: provider-neutral pure values.

Owns what was sent to a model and what it wrote. Knows no protocol: what a provider
needs echoed back is in ``provider_metadata``, opaque, and is only read by ``wire``.
Identity is not kept here; equal content is an equal part.
"""

from __future__ import annotations

import base64
import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self, TypeAlias

Protocol: TypeAlias = Literal["chat", "responses", "messages"]
"""One of OpenRouter's three protocols."""

Role: TypeAlias = Literal["user", "assistant", "tool"]

Status: TypeAlias = Literal["running", "complete", "interrupted", "error"]
"""The state of a message or a turn; all but ``running`` are final."""

_DIGITS = 32

Metadata: TypeAlias = Mapping[str, Any]
"""JSON that a provider wants back, or sent with the content; opaque outside wire."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenLogprob:
    """A token, its natural-log probability and the alternatives that were weighed."""

    token: str
    logprob: float
    utf8: tuple[int, ...] | None = None
    """The token's bytes; None where the provider sends none."""
    alternatives: tuple[TokenLogprob, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """Visible text: Markdown from a model, plain from a user, or what was attached."""

    text: str
    logprobs: tuple[TokenLogprob, ...] = ()
    name: str | None = None
    """Set where it was attached: what the user called it."""
    about: str = ""
    """What was attached, in the reader's words; see ``Media``."""
    provider_metadata: Metadata = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reasoning:
    """What the model thought before it answered.

    ``text`` is what a person may read; it is empty where all of it is encrypted.
    ``provider_metadata`` contains the provider's own form, sent back unmodified.
    """

    text: str = ""
    provider_metadata: Metadata = field(default_factory=dict)


class MediaText(str):
    """Bytes in base64 as a request contains them, marked as such by their type."""

    __slots__ = ("_media",)

    _media: Media

    def __new__(cls, text: str, media: Media) -> Self:
        """Return the text of some media."""
        made = super().__new__(cls, text)
        made._media = media
        return made

    @property
    def identity(self) -> str:
        """See ``Media.identity``."""
        return self._media.identity

    @property
    def media(self) -> Media:
        """What the bytes are of."""
        return self._media

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        """Let a copy be plain text."""
        return str, (str(self),)


@functools.lru_cache(maxsize=64)
def _base64(data: bytes) -> str:
    """Encode once what is sent with every later turn of a conversation."""
    return base64.b64encode(data).decode("ascii")


@functools.lru_cache(maxsize=64)
def _digest(data: bytes) -> str:
    import hashlib  # noqa: PLC0415 - it loads OpenSSL, which `%load_ext` need not

    return f"sha256:{hashlib.sha256(data).hexdigest()[:_DIGITS]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """Bytes of a media type, or the URL of them; exactly one of the two."""

    media_type: str = ""
    """Such as ``image/png``; may be empty for a URL."""
    data: bytes | None = field(default=None, repr=False)
    url: str | None = None
    name: str | None = None
    """What the user called it: a variable or a file name."""
    about: str = ""
    """What it is, in the reader's words: ``image, 1,024 x 768 pixels, 84 KB JPEG``."""
    source: str = ""
    """A hash of the pixels that it was encoded from, and of how; empty where it was not
    encoded here. Another encoder makes other bytes of them, and no other picture."""
    provider_metadata: Metadata = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a part with no content or two."""
        if (self.data is None) == (self.url is None):
            message = f"{type(self).__name__} takes data or url, exactly one of them"
            raise ValueError(message)
        if self.data is not None and not self.media_type:
            message = f"{type(self).__name__} with data needs its media_type"
            raise ValueError(message)

    @property
    def identity(self) -> str:
        """What is the same whenever the same thing is sent; empty for a URL."""
        return self.source or ("" if self.data is None else _digest(self.data))

    @property
    def base64(self) -> str:
        """The bytes in base64; an empty string for a URL."""
        return MediaText(_base64(self.data or b""), self)

    @property
    def location(self) -> str:
        """The URL, or a ``data:`` URL that contains the bytes."""
        if self.url:
            return self.url
        text = f"data:{self.media_type};base64,{_base64(self.data or b'')}"
        return MediaText(text, self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Image(Media):
    """A picture: PNG, JPEG, WebP or GIF."""

    detail: Literal["low", "high", "auto"] | None = None
    """How closely the model looks; None leaves it to the provider."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Video(Media):
    """A moving picture: MP4, MPEG, MOV or WebM."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File(Media):
    """A document, such as a PDF."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """The model asks for a function to be called."""

    id: str
    """The provider's id, echoed by the result."""
    name: str
    arguments: str = "{}"
    """JSON as the model wrote it; may be invalid."""
    provider_metadata: Metadata = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """What a called function returned, or why it failed."""

    call_id: str
    name: str
    parts: tuple[Text | Image | Video | File, ...] = ()
    is_error: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Opaque:
    """An output item of a type this package does not know: kept, echoed, not shown."""

    kind: str
    provider_metadata: Metadata = field(default_factory=dict)


Part: TypeAlias = (
    Text | Reasoning | Image | Video | File | ToolCall | ToolResult | Opaque
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The source of a message: reasoning is sent back, unmodified, only there."""

    protocol: Protocol
    model: str
    """The model id as it was sent; the reply may name a dated variant."""
    provider: str | None = None
    """Display name of the provider behind the router, if it was named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of a conversation."""

    role: Role
    parts: tuple[Part, ...]
    origin: Origin | None = None
    """Set on assistant messages."""
    status: Status = "complete"

    @property
    def text(self) -> str:
        """The visible text, without reasoning."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))

    @property
    def typed(self) -> str:
        """The text of a user message without what was attached."""
        return "".join(
            part.text
            for part in self.parts
            if isinstance(part, Text) and part.name is None
        )

    @property
    def reasoning(self) -> str:
        """The readable reasoning, blocks separated by an empty line."""
        texts = (part.text for part in self.parts if isinstance(part, Reasoning))
        return "\n\n".join(text for text in texts if text)


def user(*parts: Part | str) -> Message:
    """Return a user message; a string becomes a text part."""
    made = (Text(text=part) if isinstance(part, str) else part for part in parts)
    return Message(role="user", parts=tuple(made))
