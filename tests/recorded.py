"""Recorded traffic, where `../shared/recordings` holds some."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from paths import SHARED
from stepmagic.transcript import (
    Protocol,
)
from stepmagic.transcript.events import Assembly, StreamEvent, assemble
from wire_events import replay, replay_whole

FOLDER = Path(os.environ.get("STEPMAGIC_RECORDINGS") or SHARED / "recordings")


PROTOCOLS: dict[str, Protocol] = {
    "chat/completions": "chat",
    "responses": "responses",
    "messages": "messages",
}


SLOW = 20_000
"""From how many bytes on a body is not read byte by byte, to keep the tests quick."""


Recording = Mapping[str, Any]


def recordings() -> list[Recording]:
    """Return every recording, in a stable order."""
    found: list[Recording] = []
    for path in sorted(FOLDER.glob("*.jsonl")):
        with path.open(encoding="utf-8") as lines:
            found += map(json.loads, lines)
    return found


ALL = recordings()


ANSWERED = [recording for recording in ALL if recording["status"] == 200]


REFUSED = [recording for recording in ALL if recording["status"] != 200]


def name(recording: Recording) -> str:
    return str(recording["id"])


answered = pytest.mark.parametrize("recording", ANSWERED, ids=name)


def protocol(recording: Recording) -> Protocol:
    return PROTOCOLS[recording["endpoint"]]


def decoded(recording: Recording, chunks: Iterable[bytes]) -> list[StreamEvent]:
    how = replay if recording["stream"] else replay_whole
    return how(protocol(recording), chunks)


@cache
def _assembled(index: int) -> Assembly:
    recording = ANSWERED[index]
    return assemble(decoded(recording, [recording["body"].encode()]))


def assembled(recording: Recording) -> Assembly:
    return _assembled(ANSWERED.index(recording))
