"""A conversation as a notebook: prompts as ``%%step`` cells, answers as Markdown.

The form is nbformat 4.5, without outputs. It is not trusted by the front end that opens
it, and what a model wrote is filtered all the same.
"""

from __future__ import annotations

import json
from typing import Any

from stepmagic.storage.markdown import answered, attached, summary
from stepmagic.storage.snapshot import Saved
from stepmagic.transcript import VERSION, Turn


def write(saved: Saved) -> str:
    """Return the current branch of a conversation as the JSON of a notebook."""
    made = [_code("load", "%load_ext stepmagic")]
    for turn in saved.tree.path():
        made += [_question(turn), _answer(turn)]
    notebook = {
        "cells": made,
        "metadata": {
            "kernelspec": {
                "display_name": "Python 3 (ipykernel)",
                "language": "python",
                "name": "python3",
            },
            "language_info": {"name": "python"},
            "stepmagic": {"version": VERSION, "conversation": saved.about.name},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(notebook, indent=1) + "\n"


def is_ours(form: Any) -> bool:
    """Whether some JSON is a notebook that ``write`` returned."""
    metadata = form.get("metadata") if isinstance(form, dict) else None
    return isinstance(metadata, dict) and "stepmagic" in metadata


def _question(turn: Turn) -> dict[str, Any]:
    typed = turn.prompt.typed
    # Placeholders were filled in once, or meant literally: not again.
    raw = " --raw" if "{{" in typed else ""
    return _code(f"ask-{turn.id}", f"%%step{raw}\n{typed}")


def _answer(turn: Turn) -> dict[str, Any]:
    blocks = [attached(turn), answered(turn), f"*{summary(turn)}*"]
    source = "\n\n".join(block for block in blocks if block)
    return _cell(f"said-{turn.id}", "markdown", source)


def _code(name: str, source: str) -> dict[str, Any]:
    return {
        **_cell(name, "code", source),
        "execution_count": None,
        "outputs": [],
    }


def _cell(name: str, kind: str, source: str) -> dict[str, Any]:
    return {"cell_type": kind, "id": name, "metadata": {}, "source": source}
