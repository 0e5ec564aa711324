"""The last error with its cell and the types of the names in it, for ``--error``.

No values: a traceback is what the user sees already, and the names of a cell are told
by their types alone.
"""

from __future__ import annotations

import ast
import linecache
import re
import traceback
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from stepmagic.attachments.attachment import Attached
from stepmagic.attachments.files.text import cut, fence
from stepmagic.attachments.notebook.host import Host
from stepmagic.errors import AttachmentError
from stepmagic.markdown import plain
from stepmagic.transcript import Text

_CELL_FILE = re.compile(
    r"(?<=File \")(?:<ipython-input|[^\"]*ipykernel_\d)[^\"]*(?=\")"
)
"""The made-up file of a cell, by its number or that of a process."""

_MOST_FRAMES = 12
_MOST_LETTERS = 12_000


def attach_last_error(host: Host) -> Attached:
    """Return the last error that a cell raised, other than our own.

    Raises:
        AttachmentError: There was none.
    """
    error = host.last_error
    if error is None:
        message = "no cell has failed in this kernel: there is no error to send."
        raise AttachmentError(message)
    return attach_error(error, "error", host.namespace)


def failed_cell(host: Host) -> str:
    """Return the source of the cell of the last error; empty where it has none."""
    error = host.last_error
    return "" if error is None else _source(error, _cell(error))


def attach_error(
    error: BaseException, name: str, namespace: Mapping[str, Any]
) -> Attached:
    """Return an exception: its traceback, the cell, the types of the cell's names."""
    cell = _cell(error)
    steps = cell or error.__traceback__
    if cell is None and isinstance(error, SyntaxError):
        steps = None  # of a cell that was not run; they are IPython's own
    lines = traceback.format_exception(type(error), error, steps, limit=-_MOST_FRAMES)
    text = _CELL_FILE.sub("<cell>", plain("".join(lines)))
    told = [fence(cut(text.strip("\n"), _MOST_LETTERS))]
    if source := _source(error, cell):
        told.insert(0, f"The cell:\n{fence(source.rstrip(), 'python')}")
        known = _types(source, namespace)
        if known:
            told.append("Types of the names in it:\n" + "\n".join(known))
    return Attached(
        name=name, kind=type(error).__name__, parts=(Text(text="\n".join(told)),)
    )


def _cell(error: BaseException) -> TracebackType | None:
    """Return the first step of an error that lies in a cell."""
    step = error.__traceback__
    while step is not None:
        frame = step.tb_frame
        if frame.f_code.co_name == "<module>" and "In" in frame.f_globals:
            return step
        step = step.tb_next
    return None


def _source(error: BaseException, cell: TracebackType | None) -> str:
    """Return the source of the cell that failed."""
    if cell is not None:
        return "".join(linecache.getlines(cell.tb_frame.f_code.co_filename))
    if isinstance(error, SyntaxError) and _CELL_FILE.search(f'File "{error.filename}"'):
        return "".join(linecache.getlines(str(error.filename)))
    return ""


def _types(source: str, namespace: Mapping[str, Any]) -> list[str]:
    """Return the names of a cell with their types, a line each."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return []
    names = dict.fromkeys(
        node.id for node in ast.walk(tree) if isinstance(node, ast.Name)
    )
    return [
        f"- {name}: {_type(namespace[name])}" for name in names if name in namespace
    ]


def _type(value: Any) -> str:
    kind = type(value)
    module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    return f"{module}{kind.__qualname__}"
