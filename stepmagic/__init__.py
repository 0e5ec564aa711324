"""Ask a model from a notebook cell: ``%load_ext stepmagic``, then ``%%step``.

From Python: ``step``, ``batch`` and ``Conversation``, with the types that they take and
return. ``StepError`` is the root of all errors, which are in ``stepmagic.errors``.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stepmagic.ask.batch import abatch, batch
    from stepmagic.ask.conversation import Conversation
    from stepmagic.ask.functions import astep, step
    from stepmagic.attachments.frames import Preview, preview
    from stepmagic.conversation.reply import (
        Code,
        Json,
        Logprobs,
        Replies,
        Reply,
        ReplyDict,
    )
    from stepmagic.errors import Interrupted, StepError
    from stepmagic.panel import Panel
    from stepmagic.schema import Records
    from stepmagic.schema.tools import tool
    from stepmagic.transcript import (
        File,
        Image,
        Message,
        Opaque,
        Part,
        Reasoning,
        Text,
        TokenLogprob,
        ToolCall,
        ToolResult,
        Turn,
        Usage,
        Video,
        user,
    )
    from stepmagic.transcript.events import (
        ConfirmTool,
        Finish,
        Notice,
        PartDelta,
        PartEnd,
        PartStart,
        Retry,
        StreamEvent,
        ToolEnd,
        ToolStart,
        UsageReport,
    )

__version__ = "0.1.0"

__all__ = [
    "Code",
    "ConfirmTool",
    "Conversation",
    "File",
    "Finish",
    "Image",
    "Interrupted",
    "Json",
    "Logprobs",
    "Message",
    "Notice",
    "Opaque",
    "Panel",
    "Part",
    "PartDelta",
    "PartEnd",
    "PartStart",
    "Preview",
    "Reasoning",
    "Records",
    "Replies",
    "Reply",
    "ReplyDict",
    "Retry",
    "StepError",
    "StreamEvent",
    "Text",
    "TokenLogprob",
    "ToolCall",
    "ToolEnd",
    "ToolResult",
    "ToolStart",
    "Turn",
    "Usage",
    "UsageReport",
    "Video",
    "__version__",
    "abatch",
    "astep",
    "batch",
    "load_ipython_extension",
    "preview",
    "step",
    "tool",
    "user",
]

_NAMES = {
    "stepmagic.ask.batch": ("abatch", "batch"),
    "stepmagic.ask.conversation": ("Conversation",),
    "stepmagic.ask.functions": ("astep", "step"),
    "stepmagic.attachments.frames": ("Preview", "preview"),
    "stepmagic.conversation.reply": (
        "Code",
        "Json",
        "Logprobs",
        "Replies",
        "Reply",
        "ReplyDict",
    ),
    "stepmagic.errors": ("Interrupted", "StepError"),
    "stepmagic.panel": ("Panel",),
    "stepmagic.schema": ("Records",),
    "stepmagic.schema.tools": ("tool",),
    "stepmagic.transcript": (
        "File",
        "Image",
        "Message",
        "Opaque",
        "Part",
        "Reasoning",
        "Text",
        "TokenLogprob",
        "ToolCall",
        "ToolResult",
        "Turn",
        "Usage",
        "Video",
        "user",
    ),
    "stepmagic.transcript.events": (
        "ConfirmTool",
        "Finish",
        "Notice",
        "PartDelta",
        "PartEnd",
        "PartStart",
        "Retry",
        "StreamEvent",
        "ToolEnd",
        "ToolStart",
        "UsageReport",
    ),
}
"""Public names by their modules, which are imported when a name is first used."""

_HOMES = {name: module for module, names in _NAMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        message = f"module 'stepmagic' has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)


def load_ipython_extension(shell: Any) -> None:
    """Add the magics, their completion, the settings and the formatters."""
    from stepmagic.magics.extension import load  # noqa: PLC0415 - needs IPython

    load(shell)
