"""The script of a widget as one ES module, and its style, put together from files.

There is no build: the files are joined as they stand. What a page does with patches is
in ``view.js`` and ``view.css``, which come first; the live view and the panel add their
own.
"""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).parent / "static"


def page_module(*files: Path) -> str:
    """Return ``view.js`` and more files, in order, as the text of one module."""
    return _joined(_HERE / "view.js", *files)


def page_style(*files: Path) -> str:
    """Return ``view.css`` and more files, in order, as the text of one style sheet."""
    return _joined(_HERE / "view.css", *files)


def _joined(*files: Path) -> str:
    return "\n".join(path.read_text("utf-8") for path in files)
