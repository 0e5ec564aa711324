"""Processor time of a kernel while 5,000 tokens stream in at 200 a second.

A look-alike of OpenRouter runs in a process of its own. Beside ``%%step`` stand a bare
``httpx.AsyncClient`` that parses each event with ``json.loads``, and chatlas: the same
stream, the same kind of kernel, one after the other.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kernel import Kernel, kernel
from table import Row

_TOKENS, _RATE = 5000, 200
_LIMIT = 2.5
_TESTS = Path(__file__).parents[1] / "tests"

_BARE_SETUP = """
import httpx, json
async def ask(url, key, model):
    body = {{"model": model, "stream": True, "reasoning": {{"effort": "low"}},
            "messages": [{{"role": "user", "content": "Hello"}}]}}
    headers = {{"authorization": f"Bearer {{key}}"}}
    parts = []
    async with httpx.AsyncClient(timeout=60) as client:
        url = url + "/chat/completions"
        async with client.stream("POST", url, json=body, headers=headers) as reply:
            async for line in reply.aiter_lines():
                if line.startswith("data: {{"):
                    for choice in json.loads(line[6:])["choices"]:
                        parts.append(choice["delta"].get("content") or "")
    return "".join(parts)
await ask({warm_url!r}, {key!r}, {model!r})
"""
_BARE = "assert len(await ask({url!r}, {key!r}, {model!r})) > 1000"

_STEP_SETUP = """
import os
os.environ["OPENROUTER_API_KEY"] = {key!r}
%load_ext stepmagic
%config StepMagic.live = "on"
%config StepMagic.base_url = {warm_url!r}
from stepmagic import step
step("Hello", once=True, effort="low")
%config StepMagic.base_url = {url!r}
"""
_STEP = "%%step -e low --once\nHello"

_CHATLAS_SETUP = """
import chatlas
def ask(url):
    chat = chatlas.ChatOpenRouter(model={model!r}, base_url=url, api_key={key!r})
    return chat.chat("Hello", echo="output")
_ = ask({warm_url!r})
"""
_CHATLAS = "_ = ask({url!r})"


def measure() -> Iterator[Row]:
    """Yield the processor time a token of each way."""
    with _server(tokens=20, rate=1000) as warm, _server(_TOKENS, _RATE) as server:
        facts = {**server, "warm_url": warm["url"]}
        bare = _us_a_token(_BARE_SETUP, _BARE, facts)
        step = _us_a_token(_STEP_SETUP, _STEP, facts)
        chatlas = _us_a_token(_CHATLAS_SETUP, _CHATLAS, facts)
    beside = f"{bare:.0f} us bare httpx + json"
    yield Row(
        what=f"%%step, {_TOKENS:,} tokens at {_RATE}/s, CPU a token",
        measured=f"{step:.0f} us",
        beside=beside,
        ratio=f"{step / bare:.2f}",
        limit=f"{_LIMIT}",
        good=step / bare <= _LIMIT,
    )
    yield Row(
        what="chatlas, the same stream",
        measured=f"{chatlas:.0f} us",
        beside=beside,
        ratio=f"{chatlas / bare:.2f}",
    )


def _us_a_token(setup: str, code: str, facts: dict[str, str], runs: int = 1) -> float:
    """Return the median microseconds of processor time a token."""
    with kernel() as running:
        running.run(setup.format(**facts))
        seconds = [_once(running, code.format(**facts)) for _ in range(runs)]
    return statistics.median(seconds) / _TOKENS * 1e6


def _once(running: Kernel, code: str) -> float:
    sys.stderr.write(".")
    sys.stderr.flush()
    return running.cpu_s(code)


@contextmanager
def _server(tokens: int, rate: float) -> Iterator[dict[str, str]]:
    """Run the look-alike in a process of its own, which ends with its input."""
    command = [sys.executable, "-m", "openrouter_server"]
    command += ["--tokens", str(tokens), "--rate", str(rate)]
    with subprocess.Popen(  # noqa: S603 - our own server
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=_TESTS
    ) as process:
        assert process.stdin is not None  # noqa: S101 - asked for above
        assert process.stdout is not None  # noqa: S101 - asked for above
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.stdin.close()
