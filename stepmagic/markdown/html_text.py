"""Plain text and code as HTML, and the styles of the elements around them.

Owns the escaping of text: on a page with MathJax, a dollar sign or a backslash may
begin a formula. Needs no parser, so that short texts are escaped without loading one.
"""

from __future__ import annotations

import re
from html import escape
from typing import Final

QUIET: Final = 'style="color:var(--jp-ui-font-color2)"'
"""The secondary text colour of JupyterLab's theme; elsewhere, the colour around it."""

# MathJax looks for delimiters in runs of text that no element interrupts (see its
# HTMLDomStrings). In an element by itself, neither character begins or ends a formula.
_MATHS_DELIMITERS = re.compile(r"[$\\]")

# The page's own background, on which JupyterLab's colours for code have the best
# contrast; long lines scroll, as they do in a cell.
_CODE = (
    '<div class="sm-code highlight" style="margin:1em 0;padding:0.5em 1em;'
    'border:1px solid var(--jp-border-color2);background:inherit">{}'
    '<pre style="background:inherit;white-space:pre;overflow-x:auto">'
    '<code style="background:inherit;white-space:inherit">'
)
_CODE_END = "</code></pre></div>\n"


def escape_text(text: str) -> str:
    """Return text as HTML in which MathJax finds no formula."""
    return _MATHS_DELIMITERS.sub(r"<span>\g<0></span>", escape(text))


def escape_code(text: str) -> str:
    """Return text as HTML inside a ``code`` element, where MathJax does not look."""
    return escape(text)


def code_box(language: str) -> tuple[str, str]:
    """Return the HTML before and after the code of a block."""
    label = f"<small {QUIET}>{escape(language)}</small>\n" if language else ""
    return _CODE.format(label), _CODE_END
