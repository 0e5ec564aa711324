"""Conversations as notebooks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat

from openrouter_server import OpenRouterServer, answer
from saved_conversations import rich
from shell_fixtures import ShellUnderTest
from stepmagic.storage import (
    save_file,
)


def test_a_notebook_is_valid_and_asks_again(
    server: OpenRouterServer, step: ShellUnderTest, tmp_path: Path
) -> None:
    path = tmp_path / "talk.ipynb"
    server.enqueue(answer("**Two.**"), answer("Four."))
    step.run("%%step\n1 + 1?\n\nSay it.")
    step.run("%%step --raw\nWhat is {{ x }}?")
    step.run(f"%step save {path}")
    assert step.printed == f"Saved branch main of main to {path}: 2 turns.\n"
    notebook: Any = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    nbformat.validate(notebook)
    kinds = [cell.cell_type for cell in notebook.cells]
    assert kinds == ["code", "code", "markdown", "code", "markdown"]
    assert not any(cell.outputs for cell in notebook.cells if "outputs" in cell)
    asked = server.requests[-1].body["messages"]
    assert "**Two.**" in notebook.cells[2].source
    step.run("%step new")
    for cell in notebook.cells[1::2]:
        step.run(cell.source)
    assert server.requests[-1].body["messages"][1::2] == asked[1::2]
    step.run(f"%step save {path}")


def test_a_rich_conversation_makes_a_valid_notebook(tmp_path: Path) -> None:
    path = tmp_path / "rich.ipynb"
    save_file(rich(), path)
    notebook: Any = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    nbformat.validate(notebook)
    assert "<b>" not in path.read_text()
    assert notebook.cells[1].source == "%%step --raw\nWhat is {{ x }}?"
