"""Wire fixtures: how one is replayed, and the readable JSON form of its events.

A fixture is `wire/<protocol>/<case>.sse` (the bytes of a streamed reply) or
`<case>.json` (the body of a whole one), and `<case>.events.json`: the events a decoder
must give, one a line. Parts stand in their saved form; defaults are left out.

Write the events of a new or changed fixture with the decoder as it is, then read the
diff line by line, since what is recorded here is what the tests demand:

    python tests/wire_events.py tests/wire/chat/<case>.sse
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterable, Iterator
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, cast

import httpx
from httpx_sse import EventSource

from paths import TESTS
from stepmagic.errors import StepError
from stepmagic.transcript import Part, Protocol, TokenLogprob, Usage, part_to_dict
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
from stepmagic.wire import codec

FIXTURES = TESTS / "wire"

_NAMES: dict[type[StreamEvent], str] = {
    PartStart: "part_start",
    PartDelta: "part_delta",
    PartEnd: "part_end",
    UsageReport: "usage",
    Finish: "finish",
    Retry: "retry",
    Notice: "notice",
    ToolStart: "tool_start",
    ToolEnd: "tool_end",
    ConfirmTool: "confirm_tool",
}

_MOST_CHUNK = 80
"""Longest random chunk, in bytes: shorter than most frames, longer than some."""


def cases(suffix: str) -> list[Path]:
    """Return the fixtures of a suffix, `.sse` or `.json`, in a stable order."""
    found = sorted(FIXTURES.glob(f"*/*{suffix}"))
    return [path for path in found if not path.name.endswith(".events.json")]


def case_name(path: Path) -> str:
    """Return `<protocol>/<case>`, the name a test shows."""
    return f"{protocol_of(path)}/{path.stem}"


def protocol_of(path: Path) -> Protocol:
    """Return the protocol whose folder a fixture lies in."""
    return cast("Protocol", path.parent.name)


def events_path(path: Path) -> Path:
    """Return the file of the events that a fixture must give."""
    return path.with_name(f"{path.stem}.events.json")


def byte_by_byte(body: bytes) -> Iterator[bytes]:
    """Cut a body into its bytes."""
    return (body[at : at + 1] for at in range(len(body)))


def random_chunks(body: bytes, seed: str) -> Iterator[bytes]:
    """Cut a body at places that the seed decides."""
    rng = random.Random(seed)
    at = 0
    while at < len(body):
        size = rng.randint(1, _MOST_CHUNK)
        yield body[at : at + size]
        at += size


def replay(protocol: Protocol, chunks: Iterable[bytes]) -> list[StreamEvent]:
    """Return the events of a streamed reply whose bytes come in these chunks."""
    headers = {"content-type": "text/event-stream"}
    response = httpx.Response(200, headers=headers, content=iter(chunks))
    decoder = codec(protocol).decoder()
    events: list[StreamEvent] = []
    for frame in EventSource(response).iter_sse():
        events += decoder.feed(frame.data)
    return events + decoder.finish()


def replay_whole(protocol: Protocol, chunks: Iterable[bytes]) -> list[StreamEvent]:
    """Return the events of a reply that was not streamed."""
    headers = {"content-type": "application/json"}
    response = httpx.Response(200, headers=headers, content=iter(chunks))
    response.read()
    return codec(protocol).decoder().decode(response.text)


def events_of(path: Path) -> list[StreamEvent]:
    """Return the events of a fixture, its bytes in one piece."""
    how = replay if path.suffix == ".sse" else replay_whole
    return how(protocol_of(path), [path.read_bytes()])


def event_to_dict(event: StreamEvent) -> dict[str, Any]:
    """Return the readable form of an event."""
    return {"event": _NAMES[type(event)], **_plain(event)}


def _plain(value: Any) -> dict[str, Any]:
    return {
        spec.name: _plain_value(getattr(value, spec.name))
        for spec in fields(value)
        if getattr(value, spec.name) != _default(spec)
    }


def _default(spec: Any) -> Any:
    if spec.default_factory is not MISSING:
        return spec.default_factory()
    return spec.default


def _plain_value(value: Any) -> Any:
    match value:
        case tuple():
            return [_plain_value(item) for item in value]
        case StepError():
            said = {name: held for name, held in vars(value).items() if held}
            return {"type": type(value).__name__, "message": str(value), **said}
        case TokenLogprob() | Usage():
            return _plain(value)
        case _ if isinstance(value, Part):
            return part_to_dict(value)
        case _:
            return value


def dumps(events: Iterable[StreamEvent]) -> str:
    """Return a list of events as JSON, one a line."""
    forms = [json.dumps(event_to_dict(event), ensure_ascii=False) for event in events]
    return "[\n" + ",\n".join(forms) + "\n]\n"


def main(names: list[str]) -> None:
    """Write the events of each named fixture beside it."""
    for name in names:
        path = Path(name).resolve()
        events_path(path).write_text(dumps(events_of(path)), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
