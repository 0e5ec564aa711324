"""Code coloured by Pygments: which languages, and the spans of a page.

The spans have Pygments' own short class names. JupyterLab, Notebook 7 and nbconvert
bring the colours for them, light and dark, in ``jupyterlab_pygments``; a page without
them shows plain code.
"""

from __future__ import annotations

import re
import threading
from html import escape
from typing import Any, Final

QUIET: Final = 'style="color:var(--jp-ui-font-color2)"'
"""JupyterLab's secondary colour, whatever the theme; elsewhere the text's own."""


# Languages people ask models for. Not all of Pygments' 500: the model chooses which
# lexer runs over its own text, and rare ones have patterns that take exponential time.
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

# JupyterLab's own colour for comments is hard to read in its dark theme (4.2 to 1).
_COMMENT = re.compile(r'<span class="(?=c[1hms]?")')

_LONGEST = 50_000
"""Letters of a block that is coloured; Pygments takes 3 to 7 us a letter."""


_LOADING = threading.RLock()
"""Held while Pygments works: two threads that load a lexer at once spoil it for both. A
panel draws in a thread of its own, beside the cells."""


def highlight(code: str, language: str) -> str:
    """Return code as HTML, coloured where the language is known; its text is kept."""
    with _LOADING:
        lexer = lexer_of(code, language)
        if lexer is None:
            return escape(code)
        # See lexer_of.
        import pygments  # type: ignore[import-untyped]  # noqa: PLC0415
        from pygments.formatters import (  # type: ignore[import-untyped]  # noqa: PLC0415
            HtmlFormatter,
        )

        coloured = str(pygments.highlight(code, lexer, HtmlFormatter(nowrap=True)))
    return _COMMENT.sub(f'<span {QUIET} class="', coloured)


def lexer_of(code: str, language: str) -> Any:
    """Return the Pygments lexer of a block; None where it is not to be coloured."""
    name = _LANGUAGES.get(language.lower())
    if name is None or len(code) > _LONGEST:
        return None
    with _LOADING:
        # Pygments loads a lexer by name, and none is needed before the first block.
        # Pygments has no types of its own.
        from pygments.lexers import (  # type: ignore[import-untyped]  # noqa: PLC0415
            get_lexer_by_name,
        )

        return get_lexer_by_name(name, stripnl=False, ensurenl=False)
