r"""Markdown from a model, as HTML, Markdown and text that are safe to show.

The output of a running notebook is trusted, so Markdown from a model must not get there
unsanitized: ``text/markdown`` runs scripts just as ``text/html`` does. This package
owns which parts of it are shown and how; it does not depend on events, displays or
kernels.

Sanitizing works on parsed tokens, never on text, and each writer knows a closed set of
tokens: what is not in its tables cannot be in its output. markdown-it-py and Pygments
are imported by the first call, not with this package.

    >>> from stepmagic.markdown import render
    >>> render("*Hi* <script>alert(1)</script>")
    '<p><em>Hi</em> &lt;script&gt;alert(1)&lt;/script&gt;</p>\n'
"""

from __future__ import annotations

from stepmagic.markdown.characters import PlainStream, plain
from stepmagic.markdown.html_text import escape_text

__all__ = [
    "PlainStream",
    "escape",
    "fences",
    "plain",
    "render",
    "sanitize_source",
]


def render(source: str, *, highlight: bool = True) -> str:
    """Return Markdown as HTML.

    Args:
        source: Markdown as a model sent it; nothing in it is trusted.
        highlight: Whether to colour code, which takes longer than all the rest.
    """
    # Imported when used: `%load_ext` needs neither markdown-it-py nor Pygments.
    from stepmagic.markdown import parser, to_html  # noqa: PLC0415

    return to_html.write(parser.parse(source), highlight=highlight)


def sanitize_source(source: str) -> str:
    """Return Markdown that looks like the HTML of ``render`` in any Markdown program.

    It is written from the sanitized tokens: raw HTML is escaped, images become
    links, refused links become text, link definitions are resolved.
    """
    # See render.
    from stepmagic.markdown import parser, to_markdown  # noqa: PLC0415

    return to_markdown.write(parser.parse(source))


def escape(text: str) -> str:
    """Return text as HTML that shows each character, also on a page with MathJax."""
    return escape_text(plain(text))


def fences(source: str) -> list[tuple[str, str]]:
    """Return the language and the text of each fenced code block, in order.

    A last block without a closing fence counts as well.
    """
    if "```" not in source and "~~~" not in source:
        return []
    from markdown_it import MarkdownIt  # noqa: PLC0415 - takes 30 ms to import

    return [
        (token.info.split()[0] if token.info.strip() else "", token.content)
        for token in MarkdownIt().parse(source)
        if token.type == "fence"
    ]
