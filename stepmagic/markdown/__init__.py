r"""Markdown from a model, as HTML, Markdown and text that are safe to show.

A live notebook output is trusted, so a model's Markdown must not reach it unfiltered:
``text/markdown`` runs scripts there just as ``text/html`` does. Owns what of it is
shown and how; knows nothing of events, displays or kernels.

The filter works on parsed tokens, never on text, and both writers know a closed set of
tokens: what is not in their tables cannot come out. markdown-it-py and Pygments are
imported by the first call, not by this package.

    >>> from stepmagic.markdown import render
    >>> render("*Hi* <script>alert(1)</script>")
    '<p><em>Hi</em> &lt;script&gt;alert(1)&lt;/script&gt;</p>\n'
"""

from __future__ import annotations

from stepmagic.markdown.characters import PlainStream, plain

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
        source: Markdown as it came from a model; nothing in it is trusted.
        highlight: Colour the code; it costs more than all the rest.
    """
    # markdown-it-py and Pygments, which `%load_ext` need not load.
    from stepmagic.markdown import parser, to_html  # noqa: PLC0415

    return to_html.write(parser.parse(source), highlight=highlight)


def sanitize_source(source: str) -> str:
    """Return Markdown that shows what ``render`` shows, in whatever draws it.

    It is written anew from the filtered tokens: raw HTML escaped, images turned into
    links, refused links into text, link definitions resolved.
    """
    # See render.
    from stepmagic.markdown import parser, to_markdown  # noqa: PLC0415

    return to_markdown.write(parser.parse(source))


def escape(text: str) -> str:
    """Return text as HTML that shows it letter by letter, beside MathJax too."""
    # See render.
    from stepmagic.markdown import to_html  # noqa: PLC0415

    return to_html.escape(plain(text))


def fences(source: str) -> list[tuple[str, str]]:
    """Return the language and the text of each fenced block, in order.

    A block that was cut before its closing fence counts, as far as it came.
    """
    if "```" not in source and "~~~" not in source:
        return []
    from markdown_it import MarkdownIt  # noqa: PLC0415 - 30 ms that loading need not

    return [
        (token.info.split()[0] if token.info.strip() else "", token.content)
        for token in MarkdownIt().parse(source)
        if token.type == "fence"
    ]
