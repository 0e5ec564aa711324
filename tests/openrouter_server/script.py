"""What the server does next: answers, errors and faults, in the order of the script.

    server.enqueue(error(429, headers={"retry-after": "0"}), answer("**Yes**"))
    server.enqueue(cut(answer("A long answer", pace_s=0.01), after=3))

Each reply fits any protocol, streamed or not; the request decides. ``after`` counts
server-sent events, keep-alive comments left out; a reply that is not streamed is one
event, and a fault falls into its middle.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

from openrouter_server.content import (
    DEFAULT_TEXT,
    Call,
    Content,
    Failure,
    Generation,
    compact,
)
from openrouter_server.instances import asked_text
from openrouter_server.sdk_types import Protocol
from openrouter_server.streams import WRITERS, Writer

SSE = "text/event-stream"
JSON = "application/json"

_JSON_KEEP_ALIVE = b"\n         \n"
"""OpenRouter sends blank lines ahead of JSON that takes a while."""

_BROKEN = b'data: {"id":"gen-\n\n'


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request that is about to be answered."""

    protocol: Protocol
    body: Mapping[str, Any]
    generation_id: str

    @property
    def writer(self) -> Writer:
        """What writes the protocol."""
        return WRITERS[self.protocol]

    @property
    def is_streamed(self) -> bool:
        """Whether the request asks for a stream."""
        return bool(self.body.get("stream"))


Frames: TypeAlias = Callable[[Asked], Iterable[bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One reply of the script."""

    frames: Frames
    content: Content = field(default_factory=Content)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str | None = None
    """None for what fits the request: server-sent events or JSON."""
    delay_s: float = 0
    """From the request to the headers."""
    pace_s: float = 0
    """From one event to the next."""
    ending: Literal["complete", "cut", "stall"] = "complete"


def answer(
    text: str | None = None,
    *,
    tool_calls: Iterable[Call] = (),
    pace_s: float = 0,
    delay_s: float = 0,
    headers: Mapping[str, str] | None = None,
    keep_alives: int = 1,
    **content: Any,
) -> Reply:
    """Return a right answer.

    Args:
        text: What the model says; by default Markdown of some length, JSON where the
            request has a schema, nothing where it calls a tool.
        tool_calls: The functions it calls.
        pace_s: Seconds from one event to the next.
        delay_s: Seconds until the headers.
        headers: More of them.
        keep_alives: How many comments come before the first event.
        content: Other fields of ``Content``: ``reasoning``, ``usage``,
            ``tokens_per_frame``, ``logprobs``, ``signature`` and so on.
    """
    calls = tuple(tool_calls)
    said: dict[str, Any] = {"calls": calls, **content}
    if text is not None or calls:
        said["text"] = text or ""
    whole = Content(**said)

    def frames(asked: Asked) -> Iterator[bytes]:
        generation = _generation(asked, whole)
        if asked.is_streamed:
            yield from [asked.writer.KEEP_ALIVE] * keep_alives
            yield from asked.writer.frames(generation)
        else:
            yield from [_JSON_KEEP_ALIVE] * keep_alives
            yield compact(asked.writer.body(generation))

    return Reply(
        frames=frames,
        content=whole,
        pace_s=pace_s,
        delay_s=delay_s,
        headers=headers or {},
    )


def raw(
    data: bytes | Iterable[bytes],
    *,
    content_type: str = SSE,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    pace_s: float = 0,
    delay_s: float = 0,
) -> Reply:
    """Return a reply of these very bytes, each piece written on its own."""
    pieces = (data,) if isinstance(data, bytes) else tuple(data)
    return Reply(
        frames=lambda _: pieces,
        content_type=content_type,
        status=status,
        headers=headers or {},
        pace_s=pace_s,
        delay_s=delay_s,
    )


def error(
    status: int,
    message: str = "Provider returned error",
    *,
    body: Any = None,
    headers: Mapping[str, str] | None = None,
    delay_s: float = 0,
    **failure: Any,
) -> Reply:
    """Return an HTTP error in the protocol's own form.

    Args:
        status: The HTTP status.
        message: What the server says.
        body: A whole body instead: an object, or the bytes of what is no JSON.
        headers: Such as ``retry-after``.
        delay_s: Seconds until it is sent.
        failure: Other fields of ``Failure``: ``error_type``, ``provider``,
            ``metadata``.
    """
    fault = Failure(status=status, message=message, **failure)

    def frames(asked: Asked) -> Iterator[bytes]:
        if isinstance(body, bytes):
            yield body
        else:
            yield compact(asked.writer.error_body(fault) if body is None else body)

    content_type = "text/html" if isinstance(body, bytes) else JSON
    return Reply(
        frames=frames,
        status=status,
        headers=headers or {},
        content_type=content_type,
        delay_s=delay_s,
    )


def cut(reply: Reply | None = None, *, after: int = 3) -> Reply:
    """Return a reply whose connection closes after some events."""
    return _ended(reply or answer(), after, "cut")


def stall(reply: Reply | None = None, *, after: int = 3) -> Reply:
    """Return a reply that says no more after some events and stays connected."""
    return _ended(reply or answer(), after, "stall")


def mid_stream_error(
    reply: Reply | None = None,
    *,
    after: int = 3,
    status: int = 502,
    message: str = "Provider disconnected",
    error_type: str | None = "provider_unavailable",
    **failure: Any,
) -> Reply:
    """Return a reply that ends in an error after some events.

    One that is not streamed has the error in its body, under status 200.
    """
    fault = Failure(status=status, message=message, error_type=error_type, **failure)
    inner = reply or answer()

    def frames(asked: Asked) -> Iterator[bytes]:
        generation = _generation(asked, inner.content)
        if asked.is_streamed:
            yield from _first(inner.frames(asked), after)
            yield asked.writer.error_frame(generation, fault, after)
        else:
            yield compact(asked.writer.failed_body(generation, fault))

    return replace(inner, frames=frames)


def bad_json(reply: Reply | None = None, *, after: int = 3) -> Reply:
    """Return a reply with an event, or a body, that is no JSON."""
    inner = reply or answer()

    def frames(asked: Asked) -> Iterator[bytes]:
        pieces = iter(inner.frames(asked))
        yield from _first(pieces, after) if asked.is_streamed else ()
        yield _BROKEN if asked.is_streamed else _half(b"".join(pieces))
        yield from pieces

    return replace(inner, frames=frames)


def prepared(reply: Reply) -> Reply:
    """Return a reply that is written once for each protocol and then repeated."""
    written: dict[tuple[Protocol, bool], list[bytes]] = {}

    def frames(asked: Asked) -> list[bytes]:
        kind = asked.protocol, asked.is_streamed
        if kind not in written:
            written[kind] = list(reply.frames(asked))
        return written[kind]

    return replace(reply, frames=frames)


def _generation(asked: Asked, content: Content) -> Generation:
    if content.text is DEFAULT_TEXT and (text := asked_text(asked.body)) is not None:
        content = replace(content, text=text)
    return Generation(content=content, asked=asked.body, id=asked.generation_id)


def _ended(reply: Reply, after: int, ending: Literal["cut", "stall"]) -> Reply:
    def frames(asked: Asked) -> Iterator[bytes]:
        pieces = iter(reply.frames(asked))
        if asked.is_streamed:
            yield from _first(pieces, after)
        else:
            yield _half(b"".join(pieces))

    return replace(reply, frames=frames, ending=ending)


def _first(pieces: Iterable[bytes], count: int) -> Iterator[bytes]:
    """Yield pieces up to so many events."""
    if not count:
        return
    for piece in pieces:
        yield piece
        count -= not piece.startswith(b":")
        if not count:
            return


def _half(body: bytes) -> bytes:
    return body[: len(body) // 2]
