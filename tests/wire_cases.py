"""The recorded streams and replies that tests of the wire read."""

from __future__ import annotations

import pytest

from wire_events import (
    case_name,
    cases,
)

STREAMS = cases(".sse")


REPLIES = cases(".json")


stream = pytest.mark.parametrize("path", STREAMS, ids=case_name)


either = pytest.mark.parametrize("path", STREAMS + REPLIES, ids=case_name)
