"""Safe tokens written as HTML.

Owns the closed set of elements that a model's text can turn into. There is no ``id``,
no event handler and no ``data-`` attribute; classes begin with ``sm-`` or are those of
Pygments; styles are constants of this package. The HTML is readable where classes and
styles are stripped, as on GitHub.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from markdown_it.token import Token

from stepmagic.markdown.highlight import highlight as _coloured
from stepmagic.markdown.html_text import code_box, escape_code, escape_text

_BLOCKS = {
    "paragraph": ("<p>", "</p>\n"),
    "blockquote": ("<blockquote>\n", "</blockquote>\n"),
    "bullet_list": ("<ul>\n", "</ul>\n"),
    "list_item": ("<li>", "</li>\n"),
    "table": ("<table>\n", "</table>\n"),
    "thead": ("<thead>\n", "</thead>\n"),
    "tbody": ("<tbody>\n", "</tbody>\n"),
    "tr": ("<tr>\n", "</tr>\n"),
    **{name: (f"<{name}>", f"</{name}>") for name in ("em", "strong", "s")},
}
_ELEMENTS = {
    **{f"{name}_open": opening for name, (opening, _) in _BLOCKS.items()},
    **{f"{name}_close": closing for name, (_, closing) in _BLOCKS.items()},
    "ordered_list_close": "</ol>\n",
    "link_close": "</a>",
    "th_close": "</th>\n",
    "td_close": "</td>\n",
    "hr": "<hr>\n",
    "softbreak": "\n",
    "hardbreak": "<br>\n",
}
_ALIGNED = re.compile(r"text-align:(left|right|center)\Z")
_MATHS = {"$": (r"\(", r"\)"), "$$": (r"\[", r"\]")}
_LINK = '<a href="{}" target="_blank" rel="noopener noreferrer nofollow">'


def write(tokens: Sequence[Token], *, highlight: bool) -> str:
    """Return safe tokens as HTML."""
    written = []
    for place, token in enumerate(tokens):
        if token.type == "list_item_open" and _is_task(tokens[place + 1 : place + 3]):
            # The box takes the place of the bullet.
            written.append('<li style="list-style:none;margin-left:-1.2em">')
        elif token.type == "inline":
            written += [_inline(child) for child in token.children or ()]
        elif not token.hidden:
            written.append(_block(token, highlight=highlight))
        elif token.nesting < 0:
            written.append("\n")
    return "".join(written)


def _block(token: Token, *, highlight: bool) -> str:
    html = _ELEMENTS.get(token.type, "")
    match token.type:
        case "heading_open":
            html = f"<{token.tag}>"
        case "heading_close":
            html = f"</{token.tag}>\n"
        case "ordered_list_open":
            start = int(token.attrs.get("start", 1))
            html = "<ol>\n" if start == 1 else f'<ol start="{start}">\n'
        case "th_open" | "td_open":
            html = f'<{token.tag} style="text-align:{_alignment(token)}">'
        case "fence" | "code_block":
            html = _code(token.content, token.info, highlight=highlight)
        case "math_block":
            html = f'<div class="sm-maths">\\[{escape_code(token.content)}\\]</div>\n'
    return html


def _inline(token: Token) -> str:
    html = _ELEMENTS.get(token.type, "")
    match token.type:
        case "text":
            html = escape_text(token.content)
        case "code_inline":
            html = f"<code>{escape_code(token.content)}</code>"
        case "math_inline":
            opener, closer = _MATHS[token.markup]
            tex = escape_code(token.content)
            html = f'<span class="sm-maths">{opener}{tex}{closer}</span>'
        case "link_open":
            html = _LINK.format(escape_code(str(token.attrs["href"])))
        case "task":
            html = "\u2611 " if token.content == "x" else "\u2610 "
    return html


def _is_task(beginning: Sequence[Token]) -> bool:
    """Whether a list item, given its first two tokens, begins with a checkbox."""
    children = beginning[-1].children or ()
    return any(child.type == "task" for child in children[:1])


def _alignment(token: Token) -> str:
    """Return how a cell is aligned; JupyterLab aligns HTML tables to the right."""
    found = _ALIGNED.fullmatch(str(token.attrs.get("style", "")))
    return found[1] if found else "left"


def _code(code: str, language: str, *, highlight: bool) -> str:
    html = _coloured(code, language) if highlight else escape_code(code)
    before, after = code_box(language)
    return before + html + after
