"""A conversation as the messages of OpenAI's chat completions, and read from them.

Written, reasoning and pictures in an answer are left out: only a router or one provider
knows them. Media stay as this package sends them, though OpenAI takes no video. Read,
nothing is left out: what a conversation cannot keep is refused.

Source: ChatCompletionMessageParam of the ``openai`` package.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from stepmagic.errors import TranscriptError
from stepmagic.server.options import Overrides
from stepmagic.storage.snapshot import About, Saved
from stepmagic.transcript import (
    File,
    Image,
    Media,
    Message,
    Opaque,
    Part,
    Reasoning,
    Role,
    Text,
    ToolCall,
    ToolResult,
    Turn,
    TurnTree,
    Video,
)
from stepmagic.wire import Request, codec


def to_openai(
    messages: Iterable[Message], system: str | None = None
) -> list[dict[str, Any]]:
    """Return messages as the ``messages`` of a chat completion."""
    request = Request(
        # Without a model: nothing is sent back to a provider.
        model="",
        messages=tuple(map(_portable, messages)),
        system=system,
    )
    encoded: list[dict[str, Any]] = codec("chat").encode(request)["messages"]
    return encoded


def _portable(message: Message) -> Message:
    if message.role != "assistant":
        return message
    parts = tuple(
        part
        for part in message.parts
        if not isinstance(part, Reasoning | Opaque | Image)
    )
    return replace(message, parts=parts)


def from_openai(messages: Iterable[Any], name: str = "main") -> Saved:
    """Return the messages of a chat completion as a conversation.

    Args:
        messages: Dicts, or the message objects of the ``openai`` package.
        name: What the conversation is called.

    Raises:
        TranscriptError: A message has no place in a conversation, or a part of it
            cannot be kept; says which message.
    """
    reader = _Reader()
    for number, message in enumerate(messages, 1):
        dump = getattr(message, "model_dump", None)
        form = dump(exclude_none=True) if callable(dump) else message
        try:
            reader.read(form)
        except _Refused as refused:
            error = f"message {number} cannot be read: {refused}."
            raise TranscriptError(error) from None
    tree = TurnTree(heads={name: None}, branch=name)
    for turn in reader.turns:
        tree.add(replace(turn, parent=tree.head))
    system = "\n\n".join(reader.system) or None
    return Saved(about=About(name=name, overrides=Overrides(system=system)), tree=tree)


class _Refused(Exception):
    """Why a message is not read."""


_KEYS = {
    "system": ("content",),
    "developer": ("content",),
    "user": ("content",),
    "assistant": ("content", "refusal", "tool_calls"),
    "tool": ("content", "tool_call_id"),
}
"""What is read of a message, by its role."""


@dataclass(slots=True)
class _Reader:
    """The turns of the messages that were read so far."""

    system: list[str] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    calls: dict[str, str] = field(default_factory=dict)
    """The names of the functions that were called, by the ids of the calls."""

    def read(self, form: Any) -> None:
        """Take the next message.

        Raises:
            _Refused: It has no place here.
        """
        if not isinstance(form, Mapping):
            problem = f"a {type(form).__name__} is not a message"
            raise _Refused(problem)
        role = form.get("role")
        if role not in _KEYS:
            problem = f"its role is {role!r}, not one of {', '.join(_KEYS)}"
            raise _Refused(problem)
        _refuse_others(form, ("role", *_KEYS[role]))
        match role:
            case "system" | "developer":
                self._read_system(form)
            case "user":
                prompt = Message(role="user", parts=_content(form))
                self.turns.append(Turn(parent=None, prompt=prompt, status="complete"))
            case "assistant":
                self._add("assistant", _answer(form))
            case _:
                self._read_result(form)

    def _read_system(self, form: Mapping[str, Any]) -> None:
        if self.turns:
            problem = "a system message comes first in a conversation here"
            raise _Refused(problem)
        parts = _content(form)
        texts = [part.text for part in parts if isinstance(part, Text)]
        if len(texts) < len(parts):
            problem = "a system message is text here"
            raise _Refused(problem)
        self.system.append("".join(texts))

    def _read_result(self, form: Mapping[str, Any]) -> None:
        call = form.get("tool_call_id")
        if not isinstance(call, str) or call not in self.calls:
            problem = f"it answers the call {call!r}, which no message before it makes"
            raise _Refused(problem)
        parts = tuple(part for part in _content(form) if isinstance(part, Text | Media))
        result = ToolResult(call_id=call, name=self.calls[call], parts=parts)
        self._add("tool", (result,))

    def _add(self, role: Role, parts: tuple[Part, ...]) -> None:
        """Add an answer, or the results of functions, to the last turn."""
        if not self.turns:
            problem = f"a {role} message comes after a user message here"
            raise _Refused(problem)
        calls = [part for part in parts if isinstance(part, ToolCall)]
        self.calls |= {call.id: call.name for call in calls}
        turn = self.turns[-1]
        replies = list(turn.replies)
        if role == "tool" and replies and replies[-1].role == "tool":
            # The results of one round are one message here.
            parts = (*replies.pop().parts, *parts)
        replies.append(Message(role=role, parts=parts))
        self.turns[-1] = replace(
            turn,
            replies=tuple(replies),
            finish_reason="tool_calls" if calls or role == "tool" else "stop",
        )


def _refuse_others(form: Mapping[Any, object], known: Iterable[str]) -> None:
    """Refuse a key that has a value and is not read."""
    empty: tuple[object, ...] = (None, [], {})
    others = [key for key in form if key not in known and form[key] not in empty]
    if others:
        problem = f"{others[0]!r} is not kept in a conversation here; leave it out"
        raise _Refused(problem)


def _answer(form: Mapping[str, Any]) -> tuple[Part, ...]:
    parts = list(_content(form)) if form.get("content") is not None else []
    if refusal := form.get("refusal"):
        parts.append(Text(text=_text(refusal, "refusal")))
    for call in form.get("tool_calls") or ():
        function = call.get("function") if isinstance(call, Mapping) else None
        if (
            not isinstance(function, Mapping)
            or call.get("type", "function") != "function"
        ):
            problem = f"{call!r} does not call a function"
            raise _Refused(problem)
        parts.append(
            ToolCall(
                id=_text(call.get("id"), "id of a call"),
                name=_text(function.get("name"), "name of a function"),
                arguments=_text(function.get("arguments", "{}"), "arguments"),
            )
        )
    return tuple(parts)


def _content(form: Mapping[str, Any]) -> tuple[Part, ...]:
    content = form.get("content")
    if isinstance(content, str):
        return (Text(text=content),) if content else ()
    if not isinstance(content, Iterable) or isinstance(content, Mapping | bytes):
        problem = f"its content is {content!r}, not text or a list of parts"
        raise _Refused(problem)
    return tuple(map(_part, content))


def _part(form: Any) -> Part:
    match form:
        case {"type": ("text" | "refusal") as kind, **held}:
            _refuse_others(held, (kind,))
            return Text(text=_text(held.get(kind), "text of a part"))
        case {"type": "image_url", "image_url": {"url": str(url), **held}}:
            _refuse_others(held, ("detail",))
            detail = held.get("detail")
            if detail not in (None, "low", "high", "auto"):
                problem = f"an image's detail is low, high or auto, not {detail!r}"
                raise _Refused(problem)
            return replace(_media(Image, url), detail=detail)
        case {"type": "video_url", "video_url": {"url": str(url), **held}}:
            _refuse_others(held, ())
            return _media(Video, url)
        case {"type": "file", "file": {"file_data": str(url), **held}}:
            _refuse_others(held, ("filename",))
            name = held.get("filename")
            return replace(
                _media(File, url),
                name=None if name is None else _text(name, "filename"),
            )
    kind = form.get("type") if isinstance(form, Mapping) else form
    problem = f"a part of type {kind!r} is not kept in a conversation here"
    raise _Refused(problem)


SomeMedia = TypeVar("SomeMedia", Image, Video, File)

_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+);base64,(.*)", re.DOTALL)


def _media(kind: type[SomeMedia], url: str) -> SomeMedia:
    """Return bytes, or the URL where they are."""
    if not url.startswith("data:"):
        return kind(url=url)
    found = _DATA_URL.fullmatch(url)
    try:
        data = base64.b64decode(found[2], validate=True) if found else b""
    except binascii.Error:
        data = b""
    if found is None or not data:
        problem = f"{url[:40]!r} is not a data: URL of a media type and base64"
        raise _Refused(problem)
    return kind(media_type=found[1], data=data)


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str):
        problem = f"the {what} is {value!r}, not text"
        raise _Refused(problem)
    return value
