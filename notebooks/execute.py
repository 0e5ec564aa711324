"""Run a notebook as a front end would, and keep it with its outputs.

Shows which cell is running, fails with the cell's own message, and ends with one line
that says where the executed notebook lies.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError


def execute(source: Path, target: Path) -> int:
    """Run ``source`` and write it, outputs included, to ``target``.

    Returns:
        How many answers of a model are in it.
    """
    notebook = nbformat.read(source, as_version=4)

    def announce(cell: Any, cell_index: int) -> None:
        if cell.cell_type == "code":
            first_line = cell.source.partition("\n")[0]
            sys.stdout.write(f"cell {cell_index + 1}: {first_line}\n")
            sys.stdout.flush()

    client = NotebookClient(
        notebook,
        timeout=600,
        resources={"metadata": {"path": str(source.parent)}},
        on_cell_execute=announce,
        # What is kept of a run should differ from the last one where that did.
        record_timing=False,
        coalesce_streams=True,
        # Its warning that it talks over TCP would be the last line of a good run.
        extra_arguments=["--IPKernelApp.log_level=40"],
    )
    try:
        client.execute()
    finally:
        target.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, target)
    return sum(map(_is_answer, _outputs(notebook)))


def _outputs(notebook: Any) -> list[Any]:
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [output for cell in cells for output in cell.outputs]


def _is_answer(output: Any) -> bool:
    """Whether an output is the static bundle that ends a streamed answer."""
    data = output.get("data", {})
    return {"text/html", "text/markdown", "text/plain"} <= set(data)


def main(source: str, target: str) -> int:
    """Run a notebook; returns the exit status."""
    try:
        answers = execute(Path(source), Path(target))
    except CellExecutionError as error:
        sys.stderr.write(f"demo: failed\n{error}\n")
        return 1
    if not answers:
        sys.stderr.write(f"demo: failed: no answer in {target}\n")
        return 1
    sys.stdout.write(f"demo: ok {target}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
