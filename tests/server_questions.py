"""Questions to the test server as plain JSON, and what comes of them."""

from __future__ import annotations

import json
import re
from typing import Any, TypeAlias

import httpx
import pytest

from openrouter_server import STEPFUN

Json: TypeAlias = dict[str, Any]

PATHS = {
    "chat": "/chat/completions",
    "responses": "/responses",
    "messages": "/messages",
}
"""Below the server's base URL."""

every_protocol = pytest.mark.parametrize("protocol", PATHS)


def question(protocol: str, *, model: str = STEPFUN, **more: Any) -> Json:
    """Return a short right question, with more fields of the body or others."""
    asked: Json = {"model": model, "stream": True, **more}
    if protocol == "responses":
        return {"input": "Hi", **asked}
    most = {"max_tokens": 100} if protocol == "messages" else {}
    return {"messages": [{"role": "user", "content": "Hi"}], **most, **asked}


def post(client: httpx.Client, protocol: str, **more: Any) -> httpx.Response:
    """Ask it."""
    return client.post(PATHS[protocol], json=question(protocol, **more))


def payloads(text: str) -> list[Json]:
    """Return what the events of a stream carry, ``[DONE]`` left out."""
    data = re.findall(r"^data: (.*)$", text, re.MULTILINE)
    return [json.loads(line) for line in data if line != "[DONE]"]
