"""What the engine's process runs: llama.cpp's server, until stdin closes.

Run as a script that gets everything on stdin, so that it needs nothing of the package
and its key is in no list of processes. Its one line on stdout is its address.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
from typing import Any
from urllib.parse import urlsplit

# A compiled module without types.
import xllamacpp  # type: ignore[import-untyped]

SLOTS = 2
"""Requests answered concurrently, such as a cell's and the panel's; others wait."""

_SLOT_TOKENS = 8192
"""Context of one request. A smaller limit of the model applies; SmolLM2's is equal."""
_BATCH_TOKENS = 512
"""A cancelled request is noticed between batches of its prompt."""
_PROMPT_CACHE_MIB = 256
_PING_S = 5
_LOG_ERRORS_ONLY = 1


def main() -> None:
    """Serve the model of the order on stdin; does not return."""
    order = json.loads(sys.stdin.buffer.readline())
    with os.fdopen(os.dup(sys.stdout.fileno()), "w") as answer:
        # Whatever else is printed here, by C++ too, belongs in the log.
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        try:
            server = xllamacpp.Server(parameters(order))
        except RuntimeError:
            sys.exit(1)  # its log says why, its exception does not
        url = server.listening_address
        ready = {"url": url, "context_tokens": context_tokens(url, order["key"])}
        print(json.dumps(ready), file=answer, flush=True)
    sys.stdin.buffer.read()
    os._exit(0)


def parameters(order: dict[str, str]) -> xllamacpp.CommonParams:
    """Return llama.cpp's parameters for an order: path, name and key."""
    wanted = xllamacpp.CommonParams()
    wanted.model.path = order["path"]
    wanted.model_alias = {order["name"]}
    wanted.api_keys = [order["key"]]
    wanted.hostnames = ["127.0.0.1"]
    wanted.port = 0
    wanted.n_parallel = SLOTS
    # Slots that shared their memory would all fail when one conversation fills it.
    wanted.kv_unified = False
    wanted.n_ctx = SLOTS * _SLOT_TOKENS
    wanted.n_batch = _BATCH_TOKENS
    wanted.cache_ram_mib = _PROMPT_CACHE_MIB
    wanted.sse_ping_interval = _PING_S
    wanted.ui = False
    wanted.endpoint_slots = False
    wanted.verbosity = _LOG_ERRORS_ONLY
    return wanted


def context_tokens(url: str, key: str) -> int:
    """Return the context of one request, once the server answers."""
    _get(url, "/health", key)
    return int(_get(url, "/v1/models", key)["data"][0]["meta"]["n_ctx"])


def _get(url: str, path: str, key: str) -> Any:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    connection.request("GET", path, headers={"Authorization": f"Bearer {key}"})
    with connection.getresponse() as response:
        body = response.read()
        if response.status != http.client.OK:
            message = f"{path} answered {response.status}: {body!r}"
            raise ConnectionError(message)
    connection.close()
    return json.loads(body)


if __name__ == "__main__":
    main()
