"""The last error with its cell and the types of the names in it, for ``--error``.

Contains no values: the user has seen the traceback already, and of the names in the
cell only their types are sent.
"""

from __future__ import annotations

import ast
import linecache
import re
import threading
import traceback
from collections.abc import Iterator, Mapping
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
"""The file name that IPython invents for a cell."""

_MOST_FRAMES = 12
_MOST_CHARACTERS = 12_000


def attach_last_error(host: Host) -> Attached:
    """Return the last error that a cell raised, other than our own.

    Raises:
        AttachmentError: No cell has failed.
    """
    error = host.last_error
    if error is None:
        message = "no cell has failed in this kernel, so there is no error to send."
        raise AttachmentError(message)
    return attach_error(error, "error", host.namespace)


def failed_cell(host: Host) -> str:
    """Return the source of the cell of the last error; empty if it has none."""
    error = host.last_error
    if error is None:
        return ""
    return _as_typed(_source(error, _cell(error)), host.namespace)


def attach_error(
    error: BaseException, name: str, namespace: Mapping[str, Any]
) -> Attached:
    """Return an exception: its traceback, the cell, the types of the cell's names."""
    cell = _cell(error)
    steps = cell or next(_steps(error), None)
    if cell is None and isinstance(error, SyntaxError):
        steps = None  # of a cell that was not run; they are IPython's own
    lines = traceback.format_exception(type(error), error, steps, limit=-_MOST_FRAMES)
    text = _CELL_FILE.sub("<cell>", plain("".join(lines)))
    text = text.strip("\n")
    shown = [fence(cut(text, _MOST_CHARACTERS))]
    if source := _source(error, cell):
        typed = _as_typed(source, namespace)
        shown[0] = fence(cut(_with_typed(text, source, typed), _MOST_CHARACTERS))
        shown.insert(0, f"The cell:\n{fence(typed.rstrip(), 'python')}")
        known = _types(source, namespace)
        if known:
            shown.append("Types of the names in it:\n" + "\n".join(known))
    return Attached(
        name=name, kind=type(error).__name__, parts=(Text(text="\n".join(shown)),)
    )


def _as_typed(source: str, namespace: Mapping[str, Any]) -> str:
    """Return a cell as the user typed it.

    ``%matplotlib inline`` is compiled as a call of ``get_ipython()``. IPython has
    what was typed in ``_i3``, and what was compiled in ``In[3]``.
    """
    cells = namespace.get("In")
    if not isinstance(cells, list):
        return source
    for number in range(len(cells) - 1, 0, -1):
        if cells[number].strip() == source.strip():
            typed = namespace.get(f"_i{number}", source)
            return typed if isinstance(typed, str) else source
    return source


def _with_typed(text: str, source: str, typed: str) -> str:
    """Return a traceback with the lines of its cell as they were typed."""
    lines, as_typed = source.strip().splitlines(), typed.strip().splitlines()
    if len(lines) != len(as_typed):
        return text
    for line, other in zip(lines, as_typed, strict=True):
        if line != other:
            text = text.replace(line.strip(), other.strip())
    return text


def _cell(error: BaseException) -> TracebackType | None:
    """Return the first traceback entry that is in a cell, not in its functions."""
    for step in _steps(error):
        frame = step.tb_frame
        if frame.f_code.co_name == "<module>" and "In" in frame.f_globals:
            return step
    return None


def _steps(error: BaseException) -> Iterator[TracebackType]:
    """Yield the traceback entries from the call of a thread's function on."""
    step = error.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename != threading.__file__:
            yield step
        step = step.tb_next


def _source(error: BaseException, cell: TracebackType | None) -> str:
    """Return the source of the cell that failed."""
    if cell is not None:
        return "".join(linecache.getlines(cell.tb_frame.f_code.co_filename))
    for step in _steps(error):  # of a thread, which calls a function of a cell
        file = step.tb_frame.f_code.co_filename
        if _CELL_FILE.search(f'File "{file}"'):
            return "".join(linecache.getlines(file))
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
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and node.id != "get_ipython"
    )
    return [
        f"- {name}: {_type(namespace[name])}" for name in names if name in namespace
    ]


def _type(value: Any) -> str:
    kind = type(value)
    module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    return f"{module}{kind.__qualname__}"
