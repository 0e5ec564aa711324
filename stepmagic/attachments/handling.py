"""How attachments are made into parts: what a model takes, and what the user set."""

from __future__ import annotations

from dataclasses import dataclass, field

from stepmagic.attachments.images import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Handling:
    """What a question may carry."""

    limits: Limits = field(default_factory=Limits)
    """How large an image may be."""
    preview_tokens: int = 2000
    """Budget of a table's preview."""
    frames: int | None = None
    """Send so many frames of a video instead of the whole."""
    no_video: str = ""
    """Why a whole video cannot go; empty where it can."""
    no_files: str = ""
    """Why the server must read a document for the model; empty where it need not."""
