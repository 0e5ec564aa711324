"""A question to the user in the midst of a cell: may this function be called?"""

from __future__ import annotations

import sys
from typing import Any

from stepmagic.display.shell import has_kernel, parent_header
from stepmagic.transcript import ToolCall

_YES = ("y", "yes")


def can_ask(shell: Any) -> bool:
    """Whether somebody is there to answer: a front end that takes input, a terminal."""
    if shell is None:
        return False
    if has_kernel(shell):
        content = parent_header(shell).get("content", {})
        return bool(content.get("allow_stdin", False))
    return sys.stdin.isatty()


def is_allowed(call: ToolCall) -> bool:
    """Ask whether a function may be called; whatever is no yes is a no."""
    # With the first question: Markdown, whose filter cleans what the model wrote.
    from stepmagic.display.calls import question  # noqa: PLC0415

    try:
        return input(question(call)).strip().lower() in _YES
    except (EOFError, NotImplementedError):
        return False
