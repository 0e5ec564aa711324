"""What ``/messages`` answers: stream events and complete replies become ours.

Owns the content blocks of one reply and what is kept of each to send it back: thinking
complete, with its signature or without, and blocks of unknown types as received. Facts:
Anthropic's reference; where models of other makers differ on OpenRouter, recorded
traffic: thinking without a signature, no tokens counted in ``message_start``, and
``end_turn`` although a tool was called.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from itertools import count as numbers
from typing import Any

from stepmagic.transcript import (
    FinishReason,
    Metadata,
    Opaque,
    Part,
    Reasoning,
    Text,
    ToolCall,
    Usage,
)
from stepmagic.transcript.events import StreamEvent
from stepmagic.wire import decoder
from stepmagic.wire.failures import error_from_payload
from stepmagic.wire.history import FORMAT, NATIVE, SIGNED, unfinished_format
from stepmagic.wire.json_values import amount, count, mapping, objects, word

BLOCK = "block"
"""Key in the metadata of a text or a tool call: the fields of its block that the part
does not have, such as ``citations``."""

_REASONS: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
"""The rest, such as ``pause_turn`` and ``compaction``, is ``other``."""

_TYPES = {
    "text_delta": "text",
    "thinking_delta": "thinking",
    "signature_delta": "thinking",
    "citations_delta": "text",
}
"""The type of the block that a delta belongs to, where nothing announced it."""

_FIELDS = ("type", "id", "name", "text", "input")


@dataclass(slots=True)
class _Block:
    """What was received of a content block, except the text, which is in its part."""

    key: Hashable
    form: dict[str, Any]
    input: list[str] = field(default_factory=list)
    """Fragments of the input of a block that is not a call of our tools."""

    @property
    def type(self) -> str:
        return word(self.form.get("type")) or "unknown"

    def grow(self, delta: Mapping[str, Any]) -> None:
        """Take a delta of an unknown type: its fields extend those of the block."""
        for name, value in delta.items():
            before = self.form.get(name)
            if name == "type" or value is None:
                continue
            both = isinstance(before, str) and isinstance(value, str)
            self.form[name] = f"{before}{value}" if both else value


class Decoder(decoder.Decoder):
    """Turns the events of a message into ours; see ``wire.decoder``."""

    def __init__(self) -> None:
        """Begin with no block."""
        super().__init__()
        self._numbers = numbers()
        self._blocks: dict[int, _Block] = {}
        self._counted: dict[str, Any] = {}
        self._takers: dict[str, Callable[[Mapping[str, Any]], list[StreamEvent]]] = {
            "message_start": self._begin_message,
            "content_block_start": self._begin_block,
            "content_block_delta": self._grow_block,
            "content_block_stop": self._end_block,
            "message_delta": self._take_reason,
            "message_stop": self._end_message,
            "error": self._take_error,
        }

    def _take(self, payload: dict[str, Any]) -> list[StreamEvent]:
        take = self._takers.get(word(payload.get("type")))
        if take is not None:
            return take(payload)
        return self._take_error(payload) if payload.get("error") else []

    def _take_reply(self, payload: dict[str, Any]) -> list[StreamEvent]:
        if payload.get("error"):
            self._fail(error_from_payload(payload))
            return []
        self._note(payload)
        events: list[StreamEvent] = []
        for index, form in enumerate(objects(payload.get("content"))):
            events += self._begin(index, form)
            events += self._stop(index)
        if events or payload.get("stop_reason"):
            self._settle(payload.get("stop_reason"))
        return events + self._count(payload.get("usage"))

    def _begin_message(self, payload: Mapping[str, Any]) -> list[StreamEvent]:
        message = mapping(payload.get("message"))
        self._note(message)
        return self._count(message.get("usage"))

    def _note(self, message: Mapping[str, Any]) -> None:
        """Read the metadata of a message."""
        self._id = word(message.get("id")) or self._id
        self._model = word(message.get("model")) or self._model
        self._provider = word(message.get("provider")) or self._provider

    def _count(self, form: Any) -> list[StreamEvent]:
        """Read a usage object; a zero does not replace an earlier number."""
        for name, value in mapping(form).items():
            if value or name not in self._counted:
                self._counted[name] = value
        usage = _usage(dict(self._counted))
        if not (usage.prompt_tokens or usage.completion_tokens):
            return []
        return [self._report(usage)]

    def _begin_block(self, payload: Mapping[str, Any]) -> list[StreamEvent]:
        index = _index(payload)
        left = self._stop(index)
        return left + self._begin(index, mapping(payload.get("content_block")))

    def _begin(self, index: int, form: Mapping[str, Any]) -> list[StreamEvent]:
        # An index may be used again after its block stopped, so it is not a key.
        block = _Block(next(self._numbers), dict(form))
        self._blocks[index] = block
        events: list[StreamEvent] = [self._start(block.key, self._empty(block))]
        if block.type in ("text", "thinking"):
            events += self._rest(block.key, word(form.get(block.type)))
        return events

    def _empty(self, block: _Block) -> Part:
        """Return the part of a block that begins, without its text."""
        form = block.form
        match block.type:
            case "text":
                return Text(text="")
            case "thinking":
                # The signature arrives last, if at all.
                kind = unfinished_format(self._model)
                return Reasoning(provider_metadata={FORMAT: kind})
            case "redacted_thinking":
                return Reasoning(provider_metadata={FORMAT: SIGNED})
            case "tool_use":
                called, name = word(form.get("id")), word(form.get("name"))
                return ToolCall(id=called, name=name, arguments="")
            case kind:
                return Opaque(kind=kind)

    def _grow_block(self, payload: Mapping[str, Any]) -> list[StreamEvent]:
        index, delta = _index(payload), mapping(payload.get("delta"))
        kind = word(delta.get("type"))
        block = self._blocks.get(index)
        events: list[StreamEvent] = []
        if block is None or _is_misplaced(kind, block.type):
            if kind not in _TYPES:
                return []
            events = self._stop(index) + self._begin(index, {"type": _TYPES[kind]})
            block = self._blocks[index]
        match kind:
            case "text_delta" | "thinking_delta":
                if text := word(delta.get(_TYPES[kind])):
                    events.append(self._delta(block.key, text))
            case "input_json_delta" if block.type == "tool_use":
                if text := word(delta.get("partial_json")):
                    events.append(self._delta(block.key, text))
            case "input_json_delta":
                block.input.append(word(delta.get("partial_json")))
            case "signature_delta":
                signature = delta.get("signature") or block.form.get("signature")
                block.form["signature"] = signature
            case "citations_delta":
                cited = objects(block.form.get("citations"))
                block.form["citations"] = [*cited, delta.get("citation")]
            case _:
                block.grow(delta)
        return events

    def _end_block(self, payload: Mapping[str, Any]) -> list[StreamEvent]:
        return self._stop(_index(payload))

    def _stop(self, index: int) -> list[StreamEvent]:
        """End the part of a block, with what goes back of it."""
        block = self._blocks.pop(index, None)
        if block is None:
            return []
        part = self._part(block.key)
        metadata: Metadata
        match part:
            case ToolCall():
                return self._end_call(block)
            case Text():
                extra = _extra_fields(block)
                metadata = {BLOCK: extra} if extra else {}
            case Reasoning() if block.type == "thinking":
                signature = block.form.get("signature") or ""
                thinking = {"thinking": part.text, "signature": signature}
                metadata = {NATIVE: {**block.form, **thinking}}
            case _:
                metadata = {NATIVE: _with_input(block)}
        return [self._end(block.key, provider_metadata=metadata)]

    def _end_call(self, block: _Block) -> list[StreamEvent]:
        events: list[StreamEvent] = []
        if complete := block.form.get("input"):
            # Complete replies, and some streams, have it in the block itself.
            events += self._rest(block.key, json.dumps(complete, ensure_ascii=False))
        part = self._part(block.key)
        arguments = part.arguments if isinstance(part, ToolCall) else ""
        extra = _extra_fields(block)
        metadata = {BLOCK: extra} if extra else {}
        arguments = arguments or "{}"
        end = self._end(block.key, arguments=arguments, provider_metadata=metadata)
        return [*events, end]

    def _take_reason(self, payload: Mapping[str, Any]) -> list[StreamEvent]:
        events = self._count(payload.get("usage"))
        if reason := mapping(payload.get("delta")).get("stop_reason"):
            events += self._stop_all()
            self._settle(reason)
        return events

    def _end_message(self, payload: Mapping[str, Any]) -> list[StreamEvent]:
        del payload  # it only marks the end
        events = self._stop_all()
        if self._reason is None:
            self._settle(None)
        return events

    def _stop_all(self) -> list[StreamEvent]:
        """End the blocks that the server did not; after the last, all are complete."""
        return [event for index in list(self._blocks) for event in self._stop(index)]

    def _settle(self, stop_reason: Any) -> None:
        """Note why the message ended; a tool that was called decides."""
        self._native_reason = word(stop_reason) or None
        reason = _REASONS.get(word(stop_reason), "other")
        calls = reason in ("stop", "other") and self._calls_tools()
        self._reason = "tool_calls" if calls else reason

    def _take_error(self, payload: Mapping[str, Any]) -> list[StreamEvent]:
        self._fail(error_from_payload(payload, streaming=True))
        return []


def _index(payload: Mapping[str, Any]) -> int:
    index = payload.get("index")
    return index if isinstance(index, int) else 0


def _is_misplaced(delta: str, block: str) -> bool:
    """Whether a text delta was received for a block without such text."""
    return delta in ("text_delta", "thinking_delta") and _TYPES[delta] != block


def _extra_fields(block: _Block) -> dict[str, Any]:
    """Return the fields of a block that its part does not have."""
    return {
        name: value
        for name, value in block.form.items()
        if name not in _FIELDS and value not in (None, "", [], {})
    }


def _with_input(block: _Block) -> dict[str, Any]:
    """Return a block whose input was received in fragments, if any was."""
    text = "".join(block.input)
    if not text:
        return block.form
    try:
        return {**block.form, "input": json.loads(text)}
    except (ValueError, RecursionError):
        return block.form


def _usage(form: Mapping[str, Any]) -> Usage:
    """Return usage; Anthropic counts cached tokens apart from the other input."""
    cached = count(form.get("cache_read_input_tokens"))
    written = count(form.get("cache_creation_input_tokens"))
    spent = mapping(form.get("output_tokens_details"))
    return Usage(
        prompt_tokens=count(form.get("input_tokens")) + cached + written,
        completion_tokens=count(form.get("output_tokens")),
        reasoning_tokens=count(spent.get("thinking_tokens")),
        cached_tokens=cached,
        cost_usd=amount(form.get("cost")),
        provider_metadata=form,
    )
