"""The script of a widget as one ES module, put together from files.

There is no build: the files are joined as they stand. What a page does with patches is
in ``view.js``, which comes first; the live view and the panel add their own.
"""

from __future__ import annotations

from pathlib import Path

_VIEW = Path(__file__).with_name("view.js")


def page_module(*files: Path) -> str:
    """Return ``view.js`` and more files, in order, as the text of one module."""
    return "\n".join(path.read_text("utf-8") for path in (_VIEW, *files))
