"""Code coloured by Pygments, as spans with Pygments' own short class names.

JupyterLab, Notebook 7 and nbconvert bring the colours for them, light and dark, in
``jupyterlab_pygments``; a page without them shows plain code.
"""

from __future__ import annotations

from html import escape

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

_LONGEST = 50_000
"""Letters of a block that is coloured; Pygments takes 3 to 7 us a letter."""


def highlight(code: str, language: str) -> str:
    """Return code as HTML, coloured where the language is known; its text is kept."""
    lexer_name = _LANGUAGES.get(language.lower())
    if lexer_name is None or len(code) > _LONGEST:
        return escape(code)
    # Pygments loads a lexer by name, and none is needed before the first block.
    # Pygments has no types of its own.
    import pygments  # type: ignore[import-untyped]  # noqa: PLC0415
    from pygments.formatters import (  # type: ignore[import-untyped]  # noqa: PLC0415
        HtmlFormatter,
    )
    from pygments.lexers import (  # type: ignore[import-untyped]  # noqa: PLC0415
        get_lexer_by_name,
    )

    lexer = get_lexer_by_name(lexer_name, stripnl=False, ensurenl=False)
    return str(pygments.highlight(code, lexer, HtmlFormatter(nowrap=True)))
