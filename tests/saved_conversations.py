"""Saved conversations with a part of every kind."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]  # its stubs are a package apart

from stepmagic.storage import (
    About,
    Saved,
)
from stepmagic.storage import snapshot as saved_module
from stepmagic.transcript import (
    File,
    Image,
    Message,
    Opaque,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    Turn,
    TurnTree,
    Usage,
    Video,
    user,
)

SCHEMA = json.loads(
    Path(saved_module.__file__).with_name("conversation.schema.json").read_text()
)


VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


MARKDOWN = (
    "# Title\n\n```python\nx = 1\n```\n\n$a$ <b>bold</b> ![x](http://e.org/x.png)"
)


RICH = (
    Reasoning(text="Hm."),
    Text(text=MARKDOWN),
    ToolCall(id="1", name="add", arguments='{"a": "```"}'),
    Opaque(kind="web_search"),
)


PIXEL = b"\x89PNG\r\n\x1a\n not quite a picture"


def talk_of(*turns: Turn, name: str = "main") -> Saved:
    """Return a conversation of turns that follow one another."""
    tree = TurnTree()
    for turn in turns:
        tree.add(turn)
    return Saved(about=About(name=name), tree=tree)


def rich() -> Saved:
    """Return a conversation with a part of every kind."""
    image = Image(media_type="image/png", data=PIXEL, name="photo", about="a picture")
    result = ToolResult(
        call_id="1",
        name="add",
        parts=(Text(text="3"), Image(media_type="image/png", data=PIXEL)),
    )
    first = Turn(
        parent=None,
        prompt=user(
            "What is {{ x }}?",
            Text(text="1, 2", name="df", about="a table"),
            image,
            Video(url="https://example.org/v.mp4"),
            File(media_type="application/pdf", data=b"%PDF", name="a.pdf"),
        ),
        replies=(
            Message(role="assistant", parts=RICH),
            Message(role="tool", parts=(result,)),
            Message(role="assistant", parts=(image, Text(text="So, 3."))),
        ),
        status="complete",
        model="m/one",
        usage=Usage(prompt_tokens=1200, completion_tokens=1, cost_usd=0.002),
    )
    failed = ToolResult(call_id="2", name="sub", is_error=True)
    second = Turn(
        parent=first.id,
        prompt=user("And?"),
        replies=(Message(role="tool", parts=(failed,)),),
        status="error",
        error="the server said no",
        usage=Usage(),
    )
    third = Turn(parent=second.id, prompt=user("Hm?"), status="interrupted")
    return talk_of(first, second, third)
