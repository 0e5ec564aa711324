"""What one attachment becomes: parts of a message, and what to say of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from stepmagic.attachments.images import ImageLimits
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
    notices: tuple[str, ...] = ()
    """What was changed, left out or might be secret, a sentence each."""

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
    frames: int | None = None
    """Send so many frames of a video instead of the whole."""
    no_video: str = ""
    """Why a whole video cannot go; empty where it can."""
    no_files: str = ""
    """Why the server must read a document for the model; empty where it need not."""
