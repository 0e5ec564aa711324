"""What is asked, before any protocol gives it a form."""

from __future__ import annotations

from dataclasses import dataclass, field

from stepmagic.transcript import Message, Metadata


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSpec:
    """A function the model may call."""

    name: str
    """At most 64 letters, digits, ``_`` and ``-``."""
    description: str = ""
    parameters: Metadata = field(default_factory=dict)
    """JSON Schema of the arguments, an object."""
    strict: bool = False


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
    tools: tuple[ToolSpec, ...] = ()
    stream: bool = True
