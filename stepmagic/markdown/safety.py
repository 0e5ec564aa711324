"""What of a parsed line of Markdown may be shown.

Owns which addresses may be links, what becomes of images and refused links, and how a
label that misleads is answered. Works on markdown-it's inline tokens, where nothing is
left of the many ways to write a link.
"""

from __future__ import annotations

import itertools
import re

from markdown_it.token import Token

from stepmagic.errors import shorten
from stepmagic.markdown.characters import plain

_LONGEST_SHOWN = 120
"""Letters of a refused address that are shown."""

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


def safe(children: list[Token]) -> list[Token]:
    """Return inline tokens with the policy applied."""
    kept: list[Token] = []
    links: list[Token] = []
    begin = 0
    for token in children:
        match token.type:
            case "text" | "text_special" | "code_inline":
                # Character references can make what `plain` took from the source.
                content = " ".join(plain(token.content).split("\n"))
                kind = "code_inline" if token.type == "code_inline" else "text"
                kept.append(Token(kind, "", 0, content=content))
            case "link_open":
                # markdown-it lets an autolink stand in a label; the label wins.
                begin = begin if links else len(kept)
                links.append(token)
            case "link_close":
                url = str(links.pop().attrs.get("href", ""))
                if not links:
                    kept[begin:] = _link(url, kept[begin:])
            case "image":
                alt = _label(safe(token.children or []))
                url = str(token.attrs.get("src", ""))
                kept += _image(url, alt, inside=bool(links))
            case _:
                kept.append(token)
    return _joined(kept)


def address(url: str) -> str | None:
    """Return a URL that may be a link, every unusual character percent-encoded.

    Only http, https and mailto, with a host and without user or password; None for
    anything else. Relative addresses would act on the Jupyter server itself.
    """
    if not (_WEB.match(url) or _MAIL.match(url)):
        return None
    return _UNSAFE_IN_ADDRESS.sub(
        lambda found: "".join(f"%{byte:02X}" for byte in found.group().encode()), url
    )


def _joined(children: list[Token]) -> list[Token]:
    """Return inline tokens with neighbouring texts made one."""
    joined: list[Token] = []
    for is_text, run in itertools.groupby(children, lambda token: token.type == "text"):
        if is_text:
            joined.append(_text("".join(token.content for token in run)))
        else:
            joined += run
    return joined


def _link(url: str, children: list[Token]) -> list[Token]:
    """Return a link around its children, or their text and the refused address."""
    label = _label(children)
    href = address(url)
    if href is None:
        shown = _shortened(url)
        return children if shown in label else [*children, _text(f" ({shown})")]
    return [_opening(href), *children, *_warning(href, label), _closing()]


def _warning(href: str, label: str) -> list[Token]:
    """Name the host where the label names another, or where its letters may mislead."""
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
    href = address(url)
    web = _WEB.match(href) if href else None
    if href is None or web is None:
        said = _shortened(url.partition(";")[0] if url.startswith("data:") else url)
        return [_text(f"[image: {alt} ({said})]")]
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
    """Turn the ``[x]`` that begins a list item into a token of its own."""
    box = _TASK.match(source)
    if box and children[0].content.startswith(box.group()):
        children[0].content = children[0].content[box.end() :]
        children.insert(0, Token("task", "", 0, content=box[1].lower()))
