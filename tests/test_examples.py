"""The examples in the docstrings of what is public run."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

import stepmagic
from openrouter_server import OpenRouterServer, answer
from shell_fixtures import ShellUnderTest

INDENTED = re.compile(r"\n\n((?: {4}.*\n?|\n(?= {4}))+)")
"""A block that is indented, after an empty line."""

WITHOUT = {
    # Types, which step() and stream() have examples of, and what loads the magics.
    *("Interrupted", "Json", "Part", "StreamEvent", "StepError", "Records", "Code"),
    *("ReplyDict", "Replies", "Logprobs", "Usage", "Turn", "Message", "TokenLogprob"),
    *("File", "Image", "Opaque", "Reasoning", "Text", "ToolCall", "ToolResult"),
    *("Video", "user", "Preview", "__version__", "load_ipython_extension"),
    *("ConfirmTool", "Finish", "Notice", "PartDelta", "PartEnd", "PartStart", "Retry"),
    *("ToolEnd", "ToolStart", "UsageReport"),
}


def examples() -> Iterator[tuple[str, str]]:
    """Yield the examples of public functions, classes and methods, each by its name."""
    for name in stepmagic.__all__:
        found = getattr(stepmagic, name)
        if not hasattr(found, "__module__") or not str(found.__module__).startswith(
            "stepmagic"
        ):
            continue
        yield from ((name, code) for code in examples_of(found))
        if inspect.isclass(found):
            for method, held in vars(found).items():
                if not method.startswith("_"):
                    for code in examples_of(held):
                        yield f"{name}.{method}", code


def examples_of(found: object) -> Iterator[str]:
    """Yield the code in a docstring: indented, and before the sections."""
    text = inspect.getdoc(found) or ""
    text = re.split(r"\n\n(?:Args|Returns|Raises):\n", text)[0]
    for block in INDENTED.findall(f"{text}\n"):
        code = textwrap.dedent(block).strip()
        yield re.sub(r"^(>>> |\.\.\. )", "", code, flags=re.MULTILINE)


EXAMPLES = list(examples())

CONTEXT = """
import asyncio, contextlib, os
import pandas, pandas as pd
from stepmagic import *
questions = ["One?", "Two?"]
df = pd.DataFrame({"month": ["May"], "sold": [3]})
reviews = pd.DataFrame({"review": ["I love it."]})
conversation = Conversation()
reply = step("Hi")
replies = [reply, reply]
conversation.ask("Hi")
conversation.save("plots.json")
"""


def test_what_is_called_has_an_example() -> None:
    shown = {name.partition(".")[0] for name, _ in EXAMPLES}
    assert set(stepmagic.__all__) - shown == WITHOUT


@pytest.mark.parametrize(
    "code", [code for _, code in EXAMPLES], ids=[name for name, _ in EXAMPLES]
)
def test_example_runs(
    server: OpenRouterServer,
    step: ShellUnderTest,
    code: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    step.run(CONTEXT)
    if "tables" in code:
        server.enqueue(answer("| a |\n|---|\n| 1 |\n"))
    step.run(code.replace(", ...]", "]"))
