"""Syntax highlighting by Pygments: which languages, and the HTML of coloured code.

The HTML uses Pygments' own short class names. JupyterLab, Notebook 7 and nbconvert have
colours for them, light and dark, in ``jupyterlab_pygments``; a page without these shows
plain code.
"""

from __future__ import annotations

import re
import threading
from html import escape
from typing import Any

from stepmagic.markdown.html_text import QUIET

# Languages that people ask models for, not all 500 of Pygments: the model chooses which
# lexer runs on its own text, and rare lexers have patterns that take exponential time.
_LANGUAGES = {
    "bash": "bash", "sh": "bash", "shell": "bash", "zsh": "bash",
    "c": "c", "cpp": "cpp", "c++": "cpp", "csharp": "csharp", "c#": "csharp",
    "css": "css", "diff": "diff", "patch": "diff", "dockerfile": "docker",
    "go": "go", "html": "html", "ini": "ini", "java": "java",
    "javascript": "javascript", "js": "javascript", "json": "json", "julia": "julia",
    "kotlin": "kotlin", "latex": "latex", "tex": "latex", "lua": "lua",
    "matlab": "matlab", "perl": "perl", "php": "php",
    "ipython": "python", "py": "python", "python": "python", "python3": "python",
    "r": "r", "ruby": "ruby", "rb": "ruby", "rust": "rust", "rs": "rust",
    "scala": "scala", "sql": "sql", "swift": "swift", "toml": "toml",
    "typescript": "typescript", "ts": "typescript", "xml": "xml",
    "yaml": "yaml", "yml": "yaml",
}  # fmt: skip

# JupyterLab's own colour for comments has too little contrast in its dark theme (4.2).
_COMMENT = re.compile(r'<span class="(?=c[1hms]?")')

_LONGEST = 50_000
"""Characters of a block that is coloured; Pygments takes 3 to 7 us per character."""


_PYGMENTS_LOCK = threading.RLock()
"""A lock around Pygments, which fails when two threads load the same lexer at once. The
panel draws in another thread than the cells."""


def highlight(code: str, language: str) -> str:
    """Return code as HTML, coloured if the language is known."""
    with _PYGMENTS_LOCK:
        lexer = find_lexer(code, language)
        if lexer is None:
            return escape(code)
        # See find_lexer.
        import pygments  # type: ignore[import-untyped]  # noqa: PLC0415
        from pygments.formatters import (  # type: ignore[import-untyped]  # noqa: PLC0415
            HtmlFormatter,
        )

        coloured = str(pygments.highlight(code, lexer, HtmlFormatter(nowrap=True)))
    return _COMMENT.sub(f'<span {QUIET} class="', coloured)


def find_lexer(code: str, language: str) -> Any:
    """Return the Pygments lexer for a block; None if it is not to be coloured."""
    name = _LANGUAGES.get(language.lower())
    if name is None or len(code) > _LONGEST:
        return None
    with _PYGMENTS_LOCK:
        # Imported when used: many answers have no code. Pygments has no types.
        from pygments.lexers import (  # type: ignore[import-untyped]  # noqa: PLC0415
            get_lexer_by_name,
        )

        return get_lexer_by_name(name, stripnl=False, ensurenl=False)
