"""Conversations as Markdown."""

from __future__ import annotations

from pathlib import Path

from saved_conversations import rich
from stepmagic.storage import (
    save_file,
)


def test_markdown_is_readable_and_harmless(tmp_path: Path) -> None:
    path = tmp_path / "talk.md"
    save_file(rich(), path)
    text = path.read_text()
    assert "> What is {{ x }}?" in text
    assert "Sent with it: df (a table); photo (a picture); an address; a.pdf" in text
    assert "<details><summary>Reasoning</summary>\n\n> Hm.\n\n</details>" in text
    assert "```python\nx = 1\n```" in text
    assert "So, 3." in text
    assert '````text\nadd {"a": "```"}\n````' in text
    assert "Returned:\n\n```text\nadd 3\n```" in text
    assert "Failed:" in text
    assert r"*m/one · 1,200 tokens in · 1 token out · \$0.0020*" in text
    assert "error · the server said no" in text
    assert text.endswith("*3 turns, \\$0.0020*\n")
    assert "<b>" not in text
    assert "![" not in text
    save_file(rich(), path)
    assert path.read_text() == text
