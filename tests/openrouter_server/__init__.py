"""An OpenRouter look-alike on a loopback socket, for the tests and the benchmarks.

It speaks the three protocols, streaming and not, in the frame shapes of recorded
traffic, says what a script tells it to say, and refuses what OpenRouter would refuse: a
request must pass the official SDKs' types unchanged and keep each protocol's order.

    models        what /models and /key answer
    content       what a model says, before a protocol gives it a form
    instances     what it says where it is held to a JSON Schema
    streams       the form: frames, bodies and errors of each protocol
    script        replies in order: answers, errors, faults
    sdk_types     the official SDKs' types as judges of a request
    ordering      the rules no type can state
    strictness    which request is refused, with which words
    app           the socket, the thread, the record of what was asked
"""

from openrouter_server.app import KEY, OpenRouterServer, Received
from openrouter_server.content import Call, Content, Tokens
from openrouter_server.models import (
    MODELS,
    SIGNED,
    STEPFUN,
    TEXT_ONLY,
    WITHOUT_REASONING,
)
from openrouter_server.script import (
    Reply,
    answer,
    bad_json,
    cut,
    error,
    mid_stream_error,
    raw,
    stall,
)

__all__ = [
    "KEY",
    "MODELS",
    "SIGNED",
    "STEPFUN",
    "TEXT_ONLY",
    "WITHOUT_REASONING",
    "Call",
    "Content",
    "OpenRouterServer",
    "Received",
    "Reply",
    "Tokens",
    "answer",
    "bad_json",
    "cut",
    "error",
    "mid_stream_error",
    "raw",
    "stall",
]
