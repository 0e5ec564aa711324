"""What ``/responses`` answers: stream events and complete replies become ours.

Owns the order of output items and what is kept of each to send it back. Items are known
by their ``output_index``, since ids are temporary and differ between the events of one
item (seen in recorded traffic); llama.cpp sends no index, so there the id must do. What
an item is, is decided by the first event that names it.

The final form of an item arrives with ``output_item.done``, or else with the response's
own ``output``. A stream that has neither still ends its parts, with what was known.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, TypeAlias

from stepmagic.transcript import (
    FinishReason,
    Metadata,
    Opaque,
    Reasoning,
    Text,
    ToolCall,
    Usage,
)
from stepmagic.transcript.events import StreamEvent
from stepmagic.wire import decoder
from stepmagic.wire.failures import error_from_payload
from stepmagic.wire.history import FORMAT, NATIVE, SIGNED, unfinished_format
from stepmagic.wire.json_values import amount, count, logprobs, mapping, objects, word

ITEM = "item"
"""Key in a part's metadata: the fields of its output item that the part does not have,
such as ``id``, ``status`` and ``phase``."""

CONTENT = "content"
"""Key in a text's metadata: the fields of its content part that the text does not have,
such as ``annotations``."""

_INCOMPLETE: dict[str, FinishReason] = {
    "max_output_tokens": "length",
    "content_filter": "content_filter",
}

_MESSAGE_FIELDS = ("type", "role", "content")
_TEXT_FIELDS = ("text", "refusal", "logprobs")
_CALL_FIELDS = ("type", "call_id", "name", "arguments")
"""What the parts themselves contain of their items."""

_RAW, _SUMMARY = "raw", "summary"

_ItemKey: TypeAlias = int | str


class Decoder(decoder.Decoder):
    """Turns the events of a response into ours; see ``wire.decoder``."""

    def __init__(self) -> None:
        super().__init__()
        self._items: dict[_ItemKey, Mapping[str, Any]] = {}
        self._finished: set[_ItemKey] = set()
        self._sections: dict[_ItemKey, tuple[str, Any]] = {}
        self._annotations: dict[Hashable, list[Any]] = {}
        # The events with news; the others repeat them.
        self._takers: dict[str, Callable[[Mapping[str, Any]], list[StreamEvent]]] = {
            "response.created": self._note,
            "response.in_progress": self._note,
            "response.output_item.added": self._begin_item,
            "response.output_text.delta": self._add_text,
            "response.refusal.delta": self._add_refusal,
            "response.output_text.annotation.added": self._add_annotation,
            "response.reasoning_text.delta": self._add_thought,
            "response.reasoning_summary_text.delta": self._add_summary,
            "response.function_call_arguments.delta": self._add_arguments,
            "response.output_item.done": self._finish_item,
            "response.completed": self._take_end,
            "response.incomplete": self._take_end,
            "response.failed": self._take_end,
            "response.error": self._take_error,
            "error": self._take_error,
        }

    def _take(self, payload: dict[str, Any]) -> list[StreamEvent]:
        take = self._takers.get(word(payload.get("type")))
        if take is not None:
            return take(payload)
        return self._take_error(payload) if payload.get("error") else []

    def _take_reply(self, payload: dict[str, Any]) -> list[StreamEvent]:
        if payload.get("error") and "output" not in payload:
            self._fail(error_from_payload(payload))
            return []
        return self._read_response(payload, streaming=False)

    def _note(self, payload: Mapping[str, Any]) -> list[StreamEvent]:
        """Read the metadata of a response."""
        response = mapping(payload.get("response"))
        self._id = word(response.get("id")) or self._id
        self._model = word(response.get("model")) or self._model
        self._provider = word(response.get("provider")) or self._provider
        return []

    def _add_text(self, payload: Mapping[str, Any]) -> list[StreamEvent]:
        return self._add_content(payload, {})

    def _add_refusal(self, payload: Mapping[str, Any]) -> list[StreamEvent]:
        return self._add_content(payload, {CONTENT: {"type": "refusal"}})

    def _add_content(
        self, payload: Mapping[str, Any], metadata: Metadata
    ) -> list[StreamEvent]:
        key = (_item_key(payload), _content_index(payload))
        events: list[StreamEvent] = []
        if key not in self._open:
            item = self._items.setdefault(key[0], {"type": "message"})
            if item.get("type") != "message" or key in self._indices:
                return []
            part = Text(text="", provider_metadata=metadata)
            events.append(self._start(key, part))
        delta, given = word(payload.get("delta")), payload.get("logprobs")
        tokens = logprobs(given) if given else ()
        if delta or tokens:
            events.append(self._delta(key, delta, tokens))
        return events

    def _add_annotation(self, payload: Mapping[str, Any]) -> list[StreamEvent]:
        key = (_item_key(payload), _content_index(payload))
        self._annotations.setdefault(key, []).append(payload.get("annotation"))
        return []

    def _finish_message(
        self, item_key: _ItemKey, item: Mapping[str, Any]
    ) -> Iterable[StreamEvent]:
        for index, content in enumerate(objects(item.get("content"))):
            key = (item_key, index)
            text = word(content.get("text")) or word(content.get("refusal"))
            if key not in self._indices:
                yield self._start(key, Text(text=""))
            yield from self._rest(key, text)
            yield self._end_text(key, item, content)
        for left in list(self._open):
            if isinstance(left, tuple) and left[0] == item_key:
                yield self._end_text(left, item, {})

    def _end_text(
        self, key: Hashable, item: Mapping[str, Any], content: Mapping[str, Any]
    ) -> StreamEvent:
        """End a text with the other fields of its item and content part."""
        part = self._part(key)
        known = part.provider_metadata if isinstance(part, Text) else {}
        extra = {**mapping(known.get(CONTENT)), **_without(content, _TEXT_FIELDS)}
        if collected := self._annotations.get(key):
            extra["annotations"] = content.get("annotations") or collected
        if extra.get("type") == "output_text":
            del extra["type"]
        fields = {ITEM: _without(item, _MESSAGE_FIELDS), CONTENT: extra}
        metadata = {name: value for name, value in fields.items() if value}
        changes: dict[str, Any] = {"provider_metadata": metadata}
        if isinstance(part, Text) and not part.logprobs:
            changes["logprobs"] = logprobs(content.get("logprobs"))
        return self._end(key, **changes)

    def _add_thought(self, payload: Mapping[str, Any]) -> list[StreamEvent]:
        return self._add_reasoning(payload, (_RAW, payload.get("content_index")))

    def _add_summary(self, payload: Mapping[str, Any]) -> list[StreamEvent]:
        return self._add_reasoning(payload, (_SUMMARY, payload.get("summary_index")))

    def _add_reasoning(
        self, payload: Mapping[str, Any], section: tuple[str, Any]
    ) -> list[StreamEvent]:
        """Add to an item's readable reasoning; sections are a blank line apart.

        Where an item has both the thoughts and a summary of them, the one that comes
        first is shown; both go back.
        """
        key = _item_key(payload)
        delta = word(payload.get("delta"))
        item = self._items.setdefault(key, {"type": "reasoning"})
        if not delta or item.get("type") != "reasoning":
            return []
        events: list[StreamEvent] = []
        if key not in self._indices:
            kind = self._reasoning_format(item, section[0])
            part = Reasoning(provider_metadata={FORMAT: kind})
            events.append(self._start(key, part))
        elif key not in self._open:
            return []
        last = self._sections.setdefault(key, section)
        if last[0] != section[0]:
            return []
        if last != section:
            self._sections[key] = section
            delta = f"\n\n{delta}"
        events.append(self._delta(key, delta))
        return events

    def _reasoning_format(self, item: Mapping[str, Any], kind: str) -> str:
        """Return the format of reasoning that has just begun.

        The item may name it. Summaries come from models that encrypt what they
        summarise; thoughts in the open may still be signed at their end.
        """
        if named := word(item.get(FORMAT)):
            return named
        return unfinished_format(self._model) if kind == _RAW else SIGNED

    def _finish_reasoning(
        self, key: _ItemKey, item: Mapping[str, Any]
    ) -> Iterable[StreamEvent]:
        if key not in self._indices:
            yield self._start(key, Reasoning())
        thoughts = objects(item.get("content")) or objects(item.get("summary"))
        texts = (word(thought.get("text")) for thought in thoughts)
        yield from self._rest(key, "\n\n".join(text for text in texts if text))
        yield self._end(key, provider_metadata={NATIVE: item})

    def _add_arguments(self, payload: Mapping[str, Any]) -> list[StreamEvent]:
        key = _item_key(payload)
        # Arguments of a call that was not announced have no name to go with: the
        # finished item brings both.
        if key not in self._open or self._items[key].get("type") != "function_call":
            return []
        delta = word(payload.get("delta"))
        return [self._delta(key, delta)] if delta else []

    def _finish_call(
        self, key: _ItemKey, item: Mapping[str, Any]
    ) -> Iterable[StreamEvent]:
        if key not in self._indices:
            yield self._start(key, _call(item))
        yield from self._rest(key, word(item.get("arguments")))
        yield self._end_call(key, _call(item), _without(item, _CALL_FIELDS))

    def _end_call(
        self, key: Hashable, call: ToolCall, extra: Mapping[str, Any]
    ) -> StreamEvent:
        part = self._part(key)
        arguments = part.arguments if isinstance(part, ToolCall) else ""
        return self._end(
            key,
            id=call.id,
            name=call.name,
            arguments=arguments or "{}",
            provider_metadata={ITEM: extra} if extra else {},
        )

    def _finish_opaque(
        self, key: _ItemKey, item: Mapping[str, Any]
    ) -> Iterable[StreamEvent]:
        if key not in self._indices:
            yield self._start(key, Opaque(kind=_kind(item)))
        yield self._end(key, provider_metadata={NATIVE: item})

    def _begin_item(self, payload: Mapping[str, Any]) -> list[StreamEvent]:
        key, item = _item_key(payload), mapping(payload.get("item"))
        if self._items.setdefault(key, item) is not item:
            return []
        match item.get("type"):
            case "message" | "reasoning":
                # A message has no part before its content; reasoning has no format
                # before its text.
                return []
            case "function_call":
                return [self._start(key, _call(item))]
            case _:
                return [self._start(key, Opaque(kind=_kind(item)))]

    def _finish_item(self, payload: Mapping[str, Any]) -> list[StreamEvent]:
        return self._finish_once(_item_key(payload), mapping(payload.get("item")))

    def _finish_once(self, key: _ItemKey, item: Mapping[str, Any]) -> list[StreamEvent]:
        """End the parts of an item with its final form, which may arrive repeatedly."""
        announced = self._items.setdefault(key, item)
        if key in self._finished or announced.get("type") != item.get("type"):
            return []
        self._finished.add(key)
        match item.get("type"):
            case "message":
                return list(self._finish_message(key, item))
            case "reasoning":
                return list(self._finish_reasoning(key, item))
            case "function_call":
                return list(self._finish_call(key, item))
            case _:
                return list(self._finish_opaque(key, item))

    def _take_end(self, payload: Mapping[str, Any]) -> list[StreamEvent]:
        response = mapping(payload.get("response"))
        status = word(payload.get("type")).removeprefix("response.")
        extra = {"status": status, "error_type": payload.get("error_type")}
        return self._read_response({**extra, **response}, streaming=True)

    def _read_response(
        self, response: Mapping[str, Any], *, streaming: bool
    ) -> list[StreamEvent]:
        self._note({"response": response})
        events: list[StreamEvent] = []
        for key, item in self._keyed(objects(response.get("output"))):
            events += self._finish_once(key, item)
        if usage := mapping(response.get("usage")):
            events.append(self._report(_usage(usage)))
        status = self._native_reason = word(response.get("status")) or None
        if status == "completed":
            self._reason = "tool_calls" if self._calls_tools() else "stop"
        elif status == "incomplete":
            details = mapping(response.get("incomplete_details"))
            self._native_reason = word(details.get("reason")) or status
            self._reason = _INCOMPLETE.get(self._native_reason, "other")
        elif status == "cancelled":
            self._reason = "other"
        elif status == "failed" or response.get("error"):
            self._fail(error_from_payload(response, streaming=streaming))
        return events

    def _keyed(
        self, output: list[Mapping[str, Any]]
    ) -> Iterable[tuple[_ItemKey, Mapping[str, Any]]]:
        """Yield the items of a response under the keys that its events used."""
        indexed = all(isinstance(key, int) for key in self._items)
        seen = list(self._items)
        for index, item in enumerate(output):
            by_order = not indexed and index < len(seen)
            yield (seen[index] if by_order else index), item

    def _take_error(self, payload: Mapping[str, Any]) -> list[StreamEvent]:
        """Take an error, flat or nested; a flat one's ``type`` names the event."""
        response = mapping(payload.get("response"))
        error = {**response, **_without(payload, ("type", "response"))}
        self._fail(error_from_payload(error, streaming=True))
        return []

    def _end_all(self) -> list[StreamEvent]:
        """End what no final form ended, with what is known of it."""
        events: list[StreamEvent] = []
        for key in list(self._open):
            match self._part(key):
                case Text():
                    item = self._items[key[0]] if isinstance(key, tuple) else {}
                    events.append(self._end_text(key, item, {}))
                case ToolCall() as part:
                    events.append(self._end_call(key, part, {}))
                case _:
                    events.append(self._end(key))
        return events


def _item_key(payload: Mapping[str, Any]) -> _ItemKey:
    index = payload.get("output_index")
    if isinstance(index, int):
        return index
    return word(payload.get("item_id")) or word(mapping(payload.get("item")).get("id"))


def _content_index(payload: Mapping[str, Any]) -> int:
    index = payload.get("content_index")
    return index if isinstance(index, int) else 0


def _kind(item: Mapping[str, Any]) -> str:
    return word(item.get("type")) or "unknown"


def _call(item: Mapping[str, Any]) -> ToolCall:
    return ToolCall(
        id=word(item.get("call_id")) or word(item.get("id")),
        name=word(item.get("name")),
        arguments="",
    )


def _without(form: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Return the fields that say something, but for those names."""
    empty: tuple[Any, ...] = (None, "", [], {})
    return {
        name: value
        for name, value in form.items()
        if name not in names and value not in empty
    }


def _usage(form: Mapping[str, Any]) -> Usage:
    read, written = form.get("input_tokens_details"), form.get("output_tokens_details")
    return Usage(
        prompt_tokens=count(form.get("input_tokens")),
        completion_tokens=count(form.get("output_tokens")),
        reasoning_tokens=count(mapping(written).get("reasoning_tokens")),
        cached_tokens=count(mapping(read).get("cached_tokens")),
        cost_usd=amount(form.get("cost")),
        provider_metadata=form,
    )
