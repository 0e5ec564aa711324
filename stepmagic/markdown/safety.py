"""The sanitizing of a parsed line of Markdown.

Owns which URLs may be links, what replaces images and refused links, and the warning
next to a misleading label. Works on markdown-it's inline tokens, in which all the ways
to write a link look the same.
"""

from __future__ import annotations

import itertools
import re

from markdown_it.token import Token

from stepmagic.errors import shorten
from stepmagic.markdown.characters import plain

_LONGEST_SHOWN = 120
"""Characters of a refused URL that are shown."""

# Host names as markdown-it writes them: ASCII, others in punycode.
_WEB = re.compile(
    r"https?://(?P<host>[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?\.?)(?::\d{1,5})?(?=[/?#]|\Z)",
    re.IGNORECASE,
)
_MAIL = re.compile(r"mailto:[^@\s]+@[a-z0-9.-]+(?:\?|\Z)", re.IGNORECASE)
# Not every word with a dot: labels such as `df.head` and `model.py` are common.
_HOST_IN_LABEL = re.compile(
    r"\s*(?:https?://([^\s/?#:]+)|(www\.[\w.-]+\w|[\w.-]+\.(?:com|org|net|edu|gov|io|ai))"
    r"(?![\w.-]))"
)
_UNSAFE_IN_ADDRESS = re.compile(r"[^!#%&*+,./0-9:;=?@A-Z_a-z~-]")
_TASK = re.compile(r"\[([ xX])\]\s")


def filter_inline(children: list[Token]) -> list[Token]:
    """Return inline tokens that are safe to write."""
    filtered: list[Token] = []
    links: list[Token] = []
    begin = 0
    for token in children:
        match token.type:
            case "text" | "text_special" | "code_inline":
                # A character reference can encode a character that `plain` removes.
                content = " ".join(plain(token.content).split("\n"))
                kind = "code_inline" if token.type == "code_inline" else "text"
                filtered.append(Token(kind, "", 0, content=content))
            case "link_open":
                # markdown-it allows an autolink inside a label; the outer link wins.
                begin = begin if links else len(filtered)
                links.append(token)
            case "link_close":
                url = str(links.pop().attrs.get("href", ""))
                if not links:
                    filtered[begin:] = _link(url, filtered[begin:])
            case "image":
                alt = _label(filter_inline(token.children or []))
                url = str(token.attrs.get("src", ""))
                filtered += _image(url, alt, inside=bool(links))
            case _:
                filtered.append(token)
    return _joined(filtered)


def safe_address(url: str) -> str | None:
    """Return a URL that may be a link, with every unusual character percent-encoded.

    Allowed are http, https and mailto, with a host and without a user or a password;
    anything else returns None. A relative URL would address the Jupyter server itself.
    """
    if not (_WEB.match(url) or _MAIL.match(url)):
        return None
    return _UNSAFE_IN_ADDRESS.sub(
        lambda found: "".join(f"%{byte:02X}" for byte in found.group().encode()), url
    )


def _joined(children: list[Token]) -> list[Token]:
    """Return inline tokens with adjacent texts joined."""
    joined: list[Token] = []
    for is_text, run in itertools.groupby(children, lambda token: token.type == "text"):
        if is_text:
            joined.append(_text("".join(token.content for token in run)))
        else:
            joined += run
    return joined


def _link(url: str, children: list[Token]) -> list[Token]:
    """Return a link around its children, or their text and the refused URL."""
    label = _label(children)
    href = safe_address(url)
    if href is None:
        shown = _shortened(url)
        return children if shown in label else [*children, _text(f" ({shown})")]
    return [_opening(href), *children, *_warning(href, label), _closing()]


def _warning(href: str, label: str) -> list[Token]:
    """Return the host as text if the label names another one or looks like another."""
    web = _WEB.match(href)
    if not web:
        return []
    host = web["host"].lower()
    named = _HOST_IN_LABEL.match(label.lower())
    shown = (named[1] or named[2]).removeprefix("www.") if named else None
    misleads = shown is not None and shown != host.removeprefix("www.")
    return [_text(f" ({host})")] if misleads or "xn--" in host else []


def _image(url: str, alt: str, *, inside: bool) -> list[Token]:
    """Return an image as a link to it; it is never fetched."""
    href = safe_address(url)
    web = _WEB.match(href) if href else None
    if href is None or web is None:
        shown = _shortened(url.partition(";")[0] if url.startswith("data:") else url)
        return [_text(f"[image: {alt} ({shown})]")]
    text = _text(f"[image: {alt} ({web['host'].lower()})]")
    return [text] if inside else [_opening(href), text, _closing()]


def _label(children: list[Token]) -> str:
    """Return what a reader sees of inline tokens."""
    return "".join(
        " " if token.type in ("softbreak", "hardbreak") else token.content
        for token in children
    )


def _shortened(url: str) -> str:
    return shorten(plain(url), _LONGEST_SHOWN)


def _text(content: str) -> Token:
    return Token("text", "", 0, content=content)


def _opening(href: str) -> Token:
    return Token("link_open", "a", 1, attrs={"href": href})


def _closing() -> Token:
    return Token("link_close", "a", -1)


def mark_task(source: str, children: list[Token]) -> None:
    """Replace the ``[x]`` at the beginning of a list item with a ``task`` token."""
    box = _TASK.match(source)
    if box and children[0].content.startswith(box.group()):
        children[0].content = children[0].content[box.end() :]
        children.insert(0, Token("task", "", 0, content=box[1].lower()))
