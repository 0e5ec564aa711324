"""What one attachment becomes: parts of a message, and what to say of it.

An attachment is sent as it is, or with ``differences`` that the user and the model both
read, or it is refused with an ``AttachmentError`` that says what to do instead.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from stepmagic.attachments.images.limits import ImageLimits
from stepmagic.transcript import File, Image, Text, Video
from stepmagic.transcript.usage import estimate_part

UserPart: TypeAlias = Text | Image | Video | File
"""What a user message is made of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """An object of the notebook in the form in which it is sent."""

    name: str
    """What the user called it: a variable, an expression or a file."""
    kind: str
    """What it is, in the reader's words: ``pandas DataFrame``, ``image``."""
    parts: tuple[UserPart, ...]
    size: str = ""
    """How large it is, in the kind's own measure: ``8,760 rows x 12 columns``."""
    differences: tuple[str, ...] = ()
    """How what is sent differs from what the user has, a sentence each.

    What was changed, cut, sampled or left out. Shown to the user, and to the model in
    front of the data (``markers.framed``).
    """
    notices: tuple[str, ...] = ()
    """Advice, prices and what might be secret, a sentence each, for the user only."""

    @property
    def all_notices(self) -> tuple[str, ...]:
        """What the user is shown: the differences, then the notices."""
        return (*self.differences, *self.notices)

    @property
    def tokens(self) -> int:
        """Estimate of the tokens its parts take in a request."""
        return sum(map(estimate_part, self.parts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Handling:
    """What a question may carry."""

    limits: ImageLimits = field(default_factory=ImageLimits)
    """How large an image may be."""
    preview_tokens: int = 2000
    """Budget of a table's preview."""
    above_tokens: int = 8000
    """Budget of the notebook so far, for ``--above``."""
    frames: int | None = None
    """Send this many frames of a video instead of the video."""
    no_video: str = ""
    """Why a video cannot be sent; empty where it can."""
    no_files: str = ""
    """Why the server must read a document for the model; empty where it need not."""
    no_documents: str = ""
    """Why no document can be sent, but only its text; empty where one can."""
