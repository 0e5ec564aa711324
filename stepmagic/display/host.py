"""The IPython shell around us, if there is one, and which cell is running."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from stepmagic.transcript import Cell, ToolCall


def find_shell() -> Any:
    """Return the running ``InteractiveShell``, or None in a plain script."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython is not None else None


def has_kernel(shell: Any) -> bool:
    """Whether output goes to a front end over the Jupyter protocol."""
    return getattr(shell, "kernel", None) is not None


def parent_header(shell: Any) -> Mapping[str, Any]:
    """Return the message that runs the current cell; empty without a kernel."""
    if not has_kernel(shell):
        return {}
    parent = shell.get_parent()
    return parent if isinstance(parent, Mapping) else {}


def calling_cell(shell: Any) -> Cell | None:
    """Return the cell that is running; None where the front end names none.

    JupyterLab, Notebook 7 and VS Code send ``cellId`` in the metadata of the execute
    request; nbclient, nbval and terminals send none.
    """
    parent = parent_header(shell)
    cell_id = parent.get("metadata", {}).get("cellId")
    if not cell_id:
        return None
    return Cell(id=str(cell_id), execution=str(parent["header"]["msg_id"]))


def is_lab(shell: Any) -> bool:
    """Whether JupyterLab or Notebook 7 runs the current cell.

    They alone name the cells that were deleted, in the metadata of the request.
    """
    return "deletedCells" in parent_header(shell).get("metadata", {})


def takes_next_cell(shell: Any) -> bool:
    """Whether code can be put before the user as the next cell.

    A front end that takes no input, such as nbclient, drops it.
    """
    if shell is None:
        return False
    if not has_kernel(shell):
        return True
    return bool(parent_header(shell).get("content", {}).get("allow_stdin", False))


def execution(shell: Any) -> object:
    """Return what tells this execution of a cell from every other."""
    message = parent_header(shell).get("header", {}).get("msg_id")
    return message or getattr(shell, "execution_count", None)


@contextmanager
def shown_for(shell: Any, request: Mapping[str, Any]) -> Iterator[None]:
    """Let what is displayed go to the cell that a request ran, though it is over."""
    shell.display_pub.set_parent(request)
    try:
        yield
    finally:
        shell.display_pub.set_parent(parent_header(shell))


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
    from stepmagic.display.html.calls import question  # noqa: PLC0415

    try:
        return input(question(call)).strip().lower() in _YES
    except (EOFError, NotImplementedError):
        return False
