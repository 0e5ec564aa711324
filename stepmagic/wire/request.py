"""A request, before a protocol encodes it."""

from __future__ import annotations

from dataclasses import dataclass, field

from stepmagic.schema import FunctionSchema
from stepmagic.transcript import Message, Metadata


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One question with its history."""

    model: str
    messages: tuple[Message, ...]
    system: str | None = None
    reasoning: Metadata | None = None
    """OpenRouter's ``reasoning`` object: effort, max_tokens, exclude, enabled,
    summary. None sends nothing about reasoning."""
    parameters: Metadata = field(default_factory=dict)
    """By the names of ``/chat/completions``; see ``wire.parameters``."""
    tools: tuple[FunctionSchema, ...] = ()
    stream: bool = True
