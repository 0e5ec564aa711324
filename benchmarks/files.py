r"""How many files of the package a question runs code in, in a real shell.

A question is asked twice; the calls of the second one are counted, in every thread.
Each file is a place where someone who follows a question has to look.

``python benchmarks/files.py $'%%step\nWhy?'`` prints the files of one question.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from table import Row, show

_TESTS = Path(__file__).parents[1] / "tests"

_QUESTIONS = {
    "a plain question": ("%%step\nWhy?", 40),
    "%%step df": ("%%step df\nWhy?", 55),
    "a tool call": ("%%step --tools add\nWhat is 1 + 2?", 45),
}
"""The cell, and how many files it may run code in."""

_SETUP = """
import pandas as pd
df = pd.DataFrame({"x": range(1000), "y": ["a", "b"] * 500})
def add(a: int, b: int) -> int:
    "Add two numbers."
    return a + b
"""


class Calls:
    """The files of the package in which functions are called, while it counts."""

    def __init__(self, package: Path) -> None:
        self.files: set[str] = set()
        self.counts = False
        self._package = f"{package}{os.sep}"

    def __call__(self, frame: FrameType, event: str, _: Any) -> None:
        """Note a call; this is what ``sys.setprofile`` takes."""
        name = frame.f_code.co_filename
        if self.counts and event == "call" and name.startswith(self._package):
            self.files.add(name.removeprefix(self._package))


def measure() -> Iterator[Row]:
    """Yield how many files each kind of question runs code in."""
    for what, (cell, limit) in _QUESTIONS.items():
        files = files_of(cell)
        yield Row(
            what=f"files that run code: {what}",
            measured=f"{len(files)}",
            beside="",
            ratio="",
            limit=f"{limit}",
            good=len(files) <= limit,
        )


def files_of(cell: str) -> set[str]:
    """Return the files of the package that run code when a cell is asked again."""
    sys.path.append(str(_TESTS))
    # IPython, the server of the tests and the package: only when this is measured.
    from IPython.core.interactiveshell import InteractiveShell  # noqa: PLC0415
    from IPython.utils.capture import capture_output  # noqa: PLC0415

    import stepmagic  # noqa: PLC0415
    from openrouter_server import OpenRouterServer  # noqa: PLC0415

    calls = Calls(Path(str(stepmagic.__file__)).parent)
    threading.setprofile(calls)
    sys.setprofile(calls)
    InteractiveShell.clear_instance()
    try:
        with OpenRouterServer() as server:
            os.environ["OPENROUTER_API_KEY"] = server.key
            os.environ["STEPMAGIC_BASE_URL"] = server.url
            shell = InteractiveShell.instance()
            shell.run_line_magic("load_ext", "stepmagic")
            shell.run_cell(_SETUP)
            for calls.counts in (False, True):
                server.enqueue(*_replies(cell))
                with capture_output():
                    shell.run_cell(cell).raise_error()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return calls.files


def _replies(cell: str) -> list[Any]:
    from openrouter_server import Call, answer  # noqa: PLC0415 - see files_of

    if "--tools" in cell:
        call = Call(name="add", arguments='{"a": 1, "b": 2}')
        return [answer("", tool_calls=[call]), answer("Three.")]
    return [answer("**Because.** It is so.")]


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.stdout.write("\n".join([*sorted(files_of(sys.argv[1])), ""]))
        sys.exit()
    sys.exit(show(measure()))
