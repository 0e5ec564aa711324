"""What ``/chat/completions`` answers: stream chunks and complete replies become events.

Sources: ChatStreamChunk and ChatResult of OpenRouter's OpenAPI document and, where they
differ, recorded traffic. A complete reply is read like a stream of one chunk.
Reasoning arrives in forms that only this protocol has: ``ReasoningDetails`` and
``LeadingThought`` read them.
"""

from __future__ import annotations

import base64
from collections.abc import Hashable, Mapping
from enum import Enum, auto
from typing import Any

from stepmagic.errors import StreamFailed
from stepmagic.transcript import (
    FinishReason,
    Image,
    Part,
    Reasoning,
    Text,
    TokenLogprob,
    ToolCall,
    Usage,
)
from stepmagic.transcript.events import StreamEvent
from stepmagic.wire import decoder
from stepmagic.wire.failures import error_from_payload
from stepmagic.wire.history import FORMAT, NATIVE
from stepmagic.wire.json_values import amount, count, logprobs, mapping, objects, word

FIELD = "field"
"""Key in the metadata of plain reasoning: the message field it was in."""

ANNOTATIONS = "annotations"
"""Key in the metadata of text: citations and parsed files, as received."""

_REASONS: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "error": "error",
    "network_error": "error",
}
_FAULTS = ("error", "network_error")
"""Reasons of a provider that broke off. OpenRouter may give one as the native reason
with a plain ``stop`` and no error object (earendil-works/pi#8511)."""

_TEXT, _THOUGHT, _REFUSAL = "text", "thought", "refusal"
_KNOWN = frozenset(
    {
        "role",
        "content",
        "reasoning",
        "reasoning_content",
        "reasoning_details",
        "tool_calls",
        "refusal",
        "images",
    }
)


class Decoder(decoder.Decoder):
    """Reads one reply; choices after the first are left out.

    Reasoning stays open to the end, since a signature or an encrypted twin may arrive
    late; each merged detail is one part, with the object to send back as ``NATIVE``.
    """

    def __init__(self) -> None:
        super().__init__()
        self._head = LeadingThought()
        self._held_logprobs: tuple[TokenLogprob, ...] = ()
        self._details = ReasoningDetails()
        self._calls: dict[int, tuple[str, int, str]] = {}
        self._extra: dict[str, Any] = {}
        self._fault: str | None = None

    def finish(self) -> list[StreamEvent]:
        """Return the closing events; an error if the answer broke off."""
        if self._fault:
            self._fail(
                StreamFailed(
                    f"{self._provider or 'the provider'} broke off with "
                    f"{self._fault!r}. What was received is kept; `%step continue` "
                    "continues from there.",
                    provider=self._provider,
                    retryable=True,
                )
            )
        if self._reason == "stop" and self._calls_tools():
            self._reason = "tool_calls"
        return super().finish()

    def _take(self, payload: dict[str, Any]) -> list[StreamEvent]:
        return self._read(payload, "delta")

    def _take_reply(self, payload: dict[str, Any]) -> list[StreamEvent]:
        if payload.get("error") and not objects(payload.get("choices")):
            self._fail(error_from_payload(payload))
            return []
        return self._read(payload, "message")

    def _read(self, payload: dict[str, Any], where: str) -> list[StreamEvent]:
        self._id = self._id or word(payload.get("id")) or None
        self._model = self._model or word(payload.get("model")) or None
        self._provider = self._provider or word(payload.get("provider")) or None
        events: list[StreamEvent] = []
        for choice in objects(payload.get("choices")):
            if not choice.get("index"):
                self._read_message(mapping(choice.get(where)), choice, events)
                self._read_end(choice)
        if usage := mapping(payload.get("usage")):
            events.append(self._report(_usage(usage)))
        if payload.get("error"):
            self._fail(error_from_payload(payload, streaming=True))
        return events

    def _read_message(
        self,
        message: Mapping[str, Any],
        choice: Mapping[str, Any],
        events: list[StreamEvent],
    ) -> None:
        reasoned = self._read_reasoning(message, events)
        content = message.get("content")
        if isinstance(content, str):
            # A token can be half a character, which is not text yet. In a chunk of
            # reasoning, log-probabilities are not those of the answer.
            form = None if reasoned else choice.get("logprobs")
            known = logprobs(form.get("content")) if isinstance(form, Mapping) else ()
            if content or known:
                self._read_content(content, known, events)
        if refusal := word(message.get("refusal")):
            part = Text(text="", provider_metadata={"refusal": True})
            self._grow(_REFUSAL, part, refusal, events)
        for position, call in enumerate(objects(message.get("tool_calls"))):
            self._read_call(call, position, events)
        for image in objects(message.get("images")):
            if url := word(mapping(image.get("image_url")).get("url")):
                events += self._complete(("image", len(self._indices)), _image(url))
        if not message.keys() <= _KNOWN:
            self._keep(message)

    def _read_reasoning(
        self, message: Mapping[str, Any], events: list[StreamEvent]
    ) -> bool:
        """Take reasoning once: ``reasoning`` repeats the text of the details.

        Returns:
            Whether the message contained any.
        """
        details = objects(message.get("reasoning_details"))
        for fragment in details:
            key = self._details.take(fragment)
            known = fragment.get(FORMAT)
            part = Reasoning(provider_metadata={FORMAT: known} if known else {})
            self._grow(key, part, _readable(fragment), events)
        if any(_readable(fragment) for fragment in details):
            return True
        for field in ("reasoning", "reasoning_content"):
            if text := word(message.get(field)):
                part = Reasoning(provider_metadata={FIELD: field})
                self._grow(_THOUGHT, part, text, events)
                return True
        return bool(details)

    def _read_content(
        self, text: str, known: tuple[TokenLogprob, ...], events: list[StreamEvent]
    ) -> None:
        if not self._head.is_past:
            known = self._held_logprobs + known
            thought, text = self._head.feed(text)
            self._held_logprobs = known if self._head.is_undecided else ()
            self._read_thought(thought, events)
            if not self._head.is_past:
                return
        if _TEXT not in self._indices:
            events.append(self._start(_TEXT, Text(text="")))
        events.append(self._delta(_TEXT, text, known))

    def _read_thought(self, thought: str, events: list[StreamEvent]) -> None:
        """Take the inside of a ``<think>`` block, without the blank lines it opens."""
        if _THOUGHT not in self._indices:
            thought = thought.lstrip()
        if thought:
            self._grow(_THOUGHT, Reasoning(), thought, events)

    def _release(self, events: list[StreamEvent]) -> None:
        """Release the text that might have been a tag."""
        thought, text = self._head.finish()
        self._read_thought(thought, events)
        if text or self._held_logprobs:
            self._read_content(text, self._held_logprobs, events)
            self._held_logprobs = ()

    def _read_call(
        self, fragment: Mapping[str, Any], position: int, events: list[StreamEvent]
    ) -> None:
        """Take a piece of a tool call.

        Pieces of one call share an index. Some servers give every call the index 0, so
        a new id begins a new call (seen from Gemini's compatible endpoint,
        NousResearch/hermes-agent#62937).
        """
        index = fragment.get("index")
        index = index if isinstance(index, int) else position
        call_id = word(fragment.get("id"))
        function = mapping(fragment.get("function"))
        name = word(function.get("name"))
        key = self._calls.get(index)
        if key is None or (call_id and key[-1] != call_id):
            if not (call_id or name):
                return
            self._release(events)
            call_id = call_id or f"{self._id or 'call'}-{len(self._indices)}"
            key = self._calls[index] = ("call", index, call_id)
            call = ToolCall(id=call_id, name=name, arguments="")
            events.append(self._start(key, call))
        if arguments := word(function.get("arguments")):
            events.append(self._delta(key, arguments))

    def _grow(
        self, key: Hashable, empty: Part, text: str, events: list[StreamEvent]
    ) -> None:
        """Add text to a part, which begins where it has not."""
        if key not in self._indices:
            events.append(self._start(key, empty))
        if text:
            events.append(self._delta(key, text))

    def _keep(self, message: Mapping[str, Any]) -> None:
        """Keep the fields this module does not know; texts and lists grow."""
        for name, value in message.items():
            if name in _KNOWN or not value:
                continue
            before = self._extra.get(name)
            grows = isinstance(value, str | list) and type(before) is type(value)
            self._extra[name] = before + value if grows else value

    def _read_end(self, choice: Mapping[str, Any]) -> None:
        reason = word(choice.get("finish_reason"))
        own = word(choice.get("native_finish_reason")) or reason
        if reason:
            self._reason = self._reason or _REASONS.get(reason, "other")
        if own:
            self._native_reason = self._native_reason or own
        if reason in _FAULTS or own in _FAULTS:
            self._fault = own
        if choice.get("error"):
            self._fail(error_from_payload(choice, streaming=True))

    def _end_all(self) -> list[StreamEvent]:
        events: list[StreamEvent] = []
        self._release(events)
        if self._extra and _TEXT not in self._indices:
            events.append(self._start(_TEXT, Text(text="")))
        return events + [self._end_one(key) for key in list(self._open)]

    def _end_one(self, key: Hashable) -> StreamEvent:
        if key in self._details:
            return self._end(key, provider_metadata={NATIVE: self._details.merged(key)})
        match self._part(key):
            case Text() if key == _TEXT and self._extra:
                return self._end(key, provider_metadata=self._extra)
            case ToolCall(arguments=""):
                # Claude writes nothing for a function without parameters.
                return self._end(key, arguments="{}")
            case _:
                return self._end(key)


def _usage(form: Mapping[str, Any]) -> Usage:
    sent = mapping(form.get("prompt_tokens_details"))
    spent = mapping(form.get("completion_tokens_details"))
    return Usage(
        prompt_tokens=count(form.get("prompt_tokens")),
        completion_tokens=count(form.get("completion_tokens")),
        reasoning_tokens=count(spent.get("reasoning_tokens")),
        cached_tokens=count(sent.get("cached_tokens")),
        cost_usd=amount(form.get("cost")),
        provider_metadata=form,
    )


def _image(url: str) -> Image:
    """Return a generated picture, with its bytes if the URL contains them."""
    head, _, data = url.partition(",")
    if head.startswith("data:") and head.endswith(";base64"):
        media_type = head.removeprefix("data:").removesuffix(";base64")
        try:
            return Image(
                media_type=media_type, data=base64.b64decode(data, validate=True)
            )
        except ValueError:  # no base64, or no media type
            pass
    return Image(url=url)


_GROWING = ("text", "summary", "data")
"""Fields that arrive in fragments: readable text, a summary of it, encrypted bytes."""

_MERGED = ("reasoning.text", "reasoning.summary", "reasoning.encrypted")


class ReasoningDetails:
    """OpenRouter's ``reasoning_details``: fragments become complete objects.

    A detail is sent back to the provider as received, so nothing is renamed, reordered
    or left out, and what is not known here passes through.

        >>> details = ReasoningDetails()
        >>> for text in ("One, ", "two."):
        ...     fragment = {"type": "reasoning.text", "text": text, "index": 0}
        ...     key = details.take(fragment)
        >>> details.merged(key)
        {'type': 'reasoning.text', 'text': 'One, two.', 'index': 0}

    Fragments of the same type and index are one detail. The index is not enough:
    xAI's summary and its encrypted twin share index 0, in streams and complete replies
    alike (seen in recorded traffic). A fragment without an index, or of a type whose
    fields are not known to grow, is a detail by itself.
    """

    def __init__(self) -> None:
        self._fields: dict[Hashable, dict[str, Any]] = {}
        self._pieces: dict[Hashable, dict[str, list[str]]] = {}

    def __contains__(self, key: object) -> bool:
        return key in self._fields

    def take(self, fragment: Mapping[str, Any]) -> Hashable:
        """Merge a fragment and return the key of the detail it belongs to."""
        key = self._key(fragment)
        fields = self._fields.setdefault(key, {})
        pieces = self._pieces.setdefault(key, {})
        for name, value in fragment.items():
            if name in _GROWING and isinstance(value, str):
                pieces.setdefault(name, []).append(value)
                fields.setdefault(name, value)
            elif name == "signature":
                # Some streams open with an empty signature and close with the real one.
                fields[name] = value or fields.get(name, value)
            elif fields.get(name) is None:
                fields[name] = value
        return key

    def merged(self, key: Hashable) -> dict[str, Any]:
        """Return what was received of a detail."""
        grown = {name: "".join(some) for name, some in self._pieces[key].items()}
        return {**self._fields[key], **grown}

    def _key(self, fragment: Mapping[str, Any]) -> Hashable:
        kind, index = fragment.get("type"), fragment.get("index")
        if not isinstance(index, int) or kind not in _MERGED:
            return ("detail", len(self._fields))
        return ("detail", kind, index)


def _readable(fragment: Mapping[str, Any]) -> str:
    """Return the readable text of a detail; empty if it is encrypted."""
    text = fragment.get("text") or fragment.get("summary")
    return text if isinstance(text, str) else ""


_OPEN, _CLOSE = "<think>", "</think>"


class _Place(Enum):
    """Where in the answer the text is."""

    HEAD = auto()
    INSIDE = auto()
    AFTER = auto()
    """After the closing tag, before the first character of the answer."""
    ANSWER = auto()


class LeadingThought:
    """The ``<think>`` block that some servers leave at the head of an answer.

    It divides the head into thought and text, however it was cut. A server whose
    reasoning parser is off, or loses its place, sends the tags of the chat template as
    text: a complete block, or only the closing tag if the template had opened it (seen
    with Step 3.5 on llama.cpp and vLLM). Only the head of an answer is looked at; later
    on a tag is text like any other.
    """

    def __init__(self) -> None:
        self._place = _Place.HEAD
        self._held = ""

    @property
    def is_past(self) -> bool:
        """Whether the answer has begun, so that all text is text."""
        return self._place is _Place.ANSWER

    @property
    def is_undecided(self) -> bool:
        """Whether the text so far may still turn out to be a tag."""
        return self._place is _Place.HEAD

    def feed(self, text: str) -> tuple[str, str]:
        """Return the thought and the text that are certain by now."""
        text = self._held + text
        self._held = ""
        if self._place is _Place.HEAD:
            text = self._past_tag(text)
        if self._place is _Place.HEAD:
            self._held = text
            return "", ""
        if self._place is _Place.INSIDE:
            return self._divided(text)
        return "", self._begun(text) if self._place is _Place.AFTER else text

    def finish(self) -> tuple[str, str]:
        """Return what was held back, as thought and as text, when the stream ends."""
        held, self._held = self._held, ""
        inside = self._place is _Place.INSIDE
        self._place = _Place.ANSWER
        return (held, "") if inside else ("", held)

    def _past_tag(self, text: str) -> str:
        """Decide at the start of the text; return what follows a tag there."""
        start = text.lstrip()
        for tag, place in ((_OPEN, _Place.INSIDE), (_CLOSE, _Place.AFTER)):
            if start.startswith(tag):
                self._place = place
                return start.removeprefix(tag)
        if not (_OPEN.startswith(start) or _CLOSE.startswith(start)):
            self._place = _Place.ANSWER
        return text

    def _divided(self, text: str) -> tuple[str, str]:
        thought, tag, answer = text.partition(_CLOSE)
        if tag:
            return thought, self._begun(answer)
        end = len(thought) - _tail(thought)
        self._held = thought[end:]
        return thought[:end], ""

    def _begun(self, text: str) -> str:
        """Return the answer without the blank lines that follow the tag."""
        answer = text.lstrip()
        self._place = _Place.ANSWER if answer else _Place.AFTER
        return answer


def _tail(text: str) -> int:
    """Return how many characters at the end of a text may begin the closing tag."""
    lengths = range(len(_CLOSE) - 1, 0, -1)
    return next((size for size in lengths if text.endswith(_CLOSE[:size])), 0)
