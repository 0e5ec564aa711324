"""What the three decoders share: frames in, events out, one ``Finish`` at the end.

A decoder has the state of one stream, is made per stream and does no I/O. Every quirk
that all protocols show is settled here: keep-alives, ``[DONE]``, bad JSON, repeated
finish reasons, usage that arrives late, a stream that just ends.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable
from dataclasses import replace
from typing import Any, TypeVar

from stepmagic.errors import ProtocolError, StepError, StreamCut, shorten
from stepmagic.transcript import FinishReason, Part, TokenLogprob, ToolCall, Usage
from stepmagic.transcript.events import (
    Assembly,
    Finish,
    PartDelta,
    PartEnd,
    PartStart,
    StreamEvent,
    UsageReport,
)

Event = TypeVar("Event", bound=StreamEvent)

_SHOWN = 80
"""How many characters of a frame that cannot be read an error quotes."""


class Decoder(ABC):
    """Turns the frames of one stream into events.

    ``feed`` takes the data of one server-sent event, ``finish`` closes the stream;
    ``decode`` takes the full body of a reply that was not streamed. The events are the
    same however the bytes were cut, and the last one is always a ``Finish``.
    """

    def __init__(self) -> None:
        self._assembly = Assembly()
        self._indices: dict[Hashable, int] = {}
        self._open: dict[Hashable, None] = {}
        self._done = False
        self._reason: FinishReason | None = None
        self._native_reason: str | None = None
        self._id: str | None = None
        self._model: str | None = None
        self._provider: str | None = None
        self._error: StepError | None = None

    def feed(self, data: str) -> list[StreamEvent]:
        """Return the events of one frame; a keep-alive has none."""
        if self._done:
            return []
        stripped = data.strip()
        if stripped == "[DONE]":
            self._done = True
            return []
        # A relay was seen to wrap the keep-alive comment in a data field:
        # `data: : OPENROUTER PROCESSING` (noted in a test of LiteLLM).
        if not stripped or stripped.startswith(":"):
            return []
        payload = self._parsed(data)
        return [] if payload is None else self._take(payload)

    def finish(self) -> list[StreamEvent]:
        """Return the closing events: open parts end, then the one ``Finish``."""
        self._done = True
        events: list[StreamEvent] = self._end_all()
        if self._error is None and self._reason is None:
            self._error = StreamCut(
                "the stream ended before the answer was finished. What was received "
                "is kept; `%step continue` continues from there."
            )
        events.append(
            Finish(
                reason="error" if self._error else self._reason or "other",
                native_reason=self._native_reason,
                id=self._id,
                model=self._model,
                provider=self._provider,
                error=self._error,
            )
        )
        return events

    def cut(self) -> list[StreamEvent]:
        """Return the ends of the open parts, where a reader stops in mid-stream."""
        self._done = True
        return self._end_all()

    def decode(self, body: str) -> list[StreamEvent]:
        """Return the events of a reply that was not streamed."""
        payload = self._parsed(body)
        events = [] if payload is None else self._take_reply(payload)
        if not self._indices and self._reason is None:
            self._fail(_misread("no answer of this protocol", body))
        return events + self.finish()

    @abstractmethod
    def _take(self, payload: dict[str, Any]) -> list[StreamEvent]:
        """Return the events of one frame's JSON object."""

    @abstractmethod
    def _take_reply(self, payload: dict[str, Any]) -> list[StreamEvent]:
        """Return the events of a complete reply's JSON object, without the end."""

    def _parsed(self, data: str) -> dict[str, Any] | None:
        try:
            payload = json.loads(data)
        except (ValueError, RecursionError):
            payload = None
        if isinstance(payload, dict):
            return payload
        self._fail(_misread("not a JSON object", data))
        self._done = True
        return None

    def _fail(self, error: StepError) -> None:
        """Note what went wrong; the first error stays."""
        self._error = self._error or error

    def _start(self, key: Hashable, part: Part) -> PartStart:
        """Start the part that the protocol identifies by ``key``."""
        index = self._indices[key] = len(self._indices)
        self._open[key] = None
        return self._noted(PartStart(index=index, part=part))

    def _delta(
        self, key: Hashable, text: str, logprobs: tuple[TokenLogprob, ...] = ()
    ) -> PartDelta:
        index = self._indices[key]
        return self._noted(PartDelta(index=index, text=text, logprobs=logprobs))

    def _end(self, key: Hashable, **changes: Any) -> PartEnd:
        """End a part, with its last fields changed as given."""
        self._open.pop(key, None)
        index = self._indices[key]
        part = replace(self._assembly.part(index), **changes)
        return self._noted(PartEnd(index=index, part=part))

    def _end_all(self) -> list[StreamEvent]:
        """End the parts that are still open; a protocol may finish them first."""
        return [self._end(key) for key in list(self._open)]

    def _part(self, key: Hashable) -> Part:
        """Return the current state of a part."""
        return self._assembly.part(self._indices[key])

    def _calls_tools(self) -> bool:
        """Whether the model called a tool; a finish reason may not say so."""
        return any(isinstance(part, ToolCall) for part in self._assembly.parts)

    def _rest(self, key: Hashable, full: str) -> list[StreamEvent]:
        """Return the delta of what a finished text has beyond what was streamed.

        What was streamed has been shown and stays: a final text that is empty, or
        another one, changes nothing.
        """
        part = self._part(key)
        field = "arguments" if isinstance(part, ToolCall) else "text"
        shown: str = getattr(part, field, "")
        rest = full[len(shown) :] if full.startswith(shown) else ""
        return [self._delta(key, rest)] if rest else []

    def _complete(self, key: Hashable, part: Part) -> Iterable[StreamEvent]:
        """Start and end a part that was received in one piece."""
        yield self._start(key, part)
        yield self._end(key)

    def _report(self, usage: Usage) -> UsageReport:
        return self._noted(UsageReport(usage=usage))

    def _noted(self, event: Event) -> Event:
        self._assembly.feed(event)
        return event


def _misread(what: str, data: str) -> ProtocolError:
    return ProtocolError(
        f"the server sent what is {what}: {shorten(data, _SHOWN)!r}. Is base_url a "
        "server that speaks this protocol? `-p api=...` chooses another."
    )
