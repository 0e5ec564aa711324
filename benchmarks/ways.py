"""The ways to ask that are compared: ours, plain HTTP, and our peers."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from kernel import Kernel, Message, Ran, kernel
from look_alike import Stream


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How cells ask and show an answer.

    In their code ``URL``, ``KEY``, ``MODEL`` and ``TOKENS`` say which.
    """

    name: str
    setup: str
    """Run once; what it imports is not measured."""
    aim: str = ""
    """Run before each question, not measured either."""
    ask: str
    cell: str | None = None
    """The id of the cell that asks, for front ends that name theirs."""


_STEP = """
import os
os.environ["OPENROUTER_API_KEY"] = KEY
%load_ext stepmagic
%config StepMagic.live = "on"
"""
_STEP_AT = "%config StepMagic.base_url = URL"
_STEP_ASKS = "%%step -e low --once\nHello"

PATCHES = Way(
    name="%%step, patches", setup=_STEP, aim=_STEP_AT, ask=_STEP_ASKS, cell="a-cell"
)
WHOLE = Way(name="%%step, whole HTML", setup=_STEP, aim=_STEP_AT, ask=_STEP_ASKS)

_HTTP = """
import httpx, json
async def ask(take):
    body = {"model": MODEL, "stream": True, "reasoning": {"effort": "low"},
            "messages": [{"role": "user", "content": "Hello"}]}
    headers = {"authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(timeout=60) as client:
        url = URL + "/chat/completions"
        async with client.stream("POST", url, json=body, headers=headers) as reply:
            async for line in reply.aiter_lines():
                if line.startswith("data: {"):
                    for choice in json.loads(line[6:])["choices"]:
                        take(choice["delta"].get("content") or "")
"""

BARE = Way(
    name="bare httpx + json",
    setup=_HTTP,
    ask="parts = []\nawait ask(parts.append)\nassert len(parts) >= TOKENS",
)

FAST, SLOW = 1000, 200
"""Tokens a second."""

RENDERS = 100
"""Of an answer, spread evenly, which stand for one at each token."""

RENDERED = Way(
    name="a full render per token",
    setup=f"""{_HTTP}
from IPython.display import HTML, display
from markdown_it import MarkdownIt
class Rendered:
    def __init__(self):
        self.text = ""
        self.tokens = 0
        self.every = renders_every(TOKENS)
        self.markdown = MarkdownIt("commonmark").enable(["table", "strikethrough"])
        self.display = display(HTML("<p></p>"), display_id=True)
    def take(self, token):
        self.text += token
        self.tokens += 1
        if self.tokens % self.every == 0:
            self.display.update(HTML(self.markdown.render(self.text)))
def renders_every(tokens):
    return max(1, tokens // {RENDERS})
""",
    ask="await ask(Rendered().take)",
)

CHATLAS = Way(
    name="chatlas",
    setup="import chatlas",
    aim="chat = chatlas.ChatOpenRouter(model=MODEL, base_url=URL, api_key=KEY)",
    ask='_ = chat.chat("Hello", echo="output")',
)

CELLMAGE = Way(
    name="cellmage",
    setup="""
import os
os.environ["CELLMAGE_API_BASE"] = URL
os.environ["CELLMAGE_API_KEY"] = KEY
os.environ["CELLMAGE_DEFAULT_MODEL"] = MODEL
%load_ext cellmage
""",
    aim="""
get_ipython().run_line_magic("llm_config", "--clear-history")
get_ipython().run_line_magic("llm_config", f"--set-override api_base {URL}")
""",
    ask="%%llm\nHello",
)


class Asker:
    """A kernel that asks in one way."""

    def __init__(self, way: Way, running: Kernel) -> None:
        """Ask in this kernel."""
        self._way = way
        self._kernel = running

    def begin(self, warm: Stream) -> None:
        """Set the kernel up, and ask once for a stream, which imports the rest."""
        self._name(warm)
        self._kernel.run(self._way.setup)
        self.ask(warm)

    def ask(
        self, stream: Stream, *, hear: Callable[[Message], None] | None = None
    ) -> Ran:
        """Ask for a stream, and return what that took; ``hear``: see ``Kernel.run``."""
        sys.stderr.write(".")
        sys.stderr.flush()
        self._name(stream)
        self._kernel.run(self._way.aim)
        return self._kernel.measure(self._way.ask, cell=self._way.cell, hear=hear)

    def _name(self, stream: Stream) -> None:
        values = {
            "URL": stream.url,
            "KEY": stream.key,
            "MODEL": stream.model,
            "TOKENS": stream.tokens,
        }
        lines = [f"{name} = {json.dumps(value)}" for name, value in values.items()]
        self._kernel.run("\n".join(lines))


@contextmanager
def asker(way: Way, warm: Stream, *, unread: int = 0) -> Iterator[Asker]:
    """Start a kernel that asks in some way, and stop it at the end.

    Args:
        way: How.
        warm: A short stream to begin with.
        unread: See ``kernel``.
    """
    with kernel(unread=unread) as running:
        asking = Asker(way, running)
        asking.begin(warm)
        yield asking
