"""Markdown parsed into tokens that are safe to write.

Owns the policy: which links stand, what becomes of images, how deep and how dense a
text may be. The writers (``hypertext``, ``rewriting``) see no token that has not been
through ``parse``.
"""

from __future__ import annotations

import itertools
import re
from functools import cache
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from stepmagic.markdown.characters import plain
from stepmagic.markdown.maths import maths_plugin

DEEPEST: Final = 32
"""Block levels. markdown-it drops what lies deeper; such a text is shown as it is."""

LONGEST: Final = 500_000
"""Letters; at up to 30 us each, a longer text is shown as it is."""

_MOST_BRACKETS = 10_000
"""Each ``[`` may begin a link, at up to 30 us; text beyond these stays unparsed."""

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
    r"\s*(?:https?://([^\s/?#]+)|(www\.[\w.-]+\w|[\w.-]+\.(?:com|org|net|edu|gov|io|ai))"
    r"(?![\w.-]))"
)
_UNSAFE_IN_ADDRESS = re.compile(r"[^!#%&*+,./0-9:;=?@A-Z_a-z~-]")
_LANGUAGE = re.compile(r"[\w+#.-]{1,32}")
_TASK = re.compile(r"\[([ xX])\]\s")


class _Parser(MarkdownIt):
    """CommonMark with tables, strikethrough and formulas; no raw HTML."""

    def __init__(self) -> None:
        super().__init__("commonmark", {"html": False, "maxNesting": DEEPEST})
        self.enable(["table", "strikethrough"])
        self.use(maths_plugin)
        self.inline.ruler.before("autolink", "line_break", _line_break)
        self.core.ruler.at("inline", _parse_inline)

    def validateLink(self, url: str) -> bool:  # noqa: ARG002, N802 - overrides
        """Take every address: the policy shows the refused ones as text."""
        return True


@cache
def _parser() -> _Parser:
    return _Parser()


def parse(source: str) -> list[Token]:
    """Return the tokens of a text, safe to write; it may hold anything.

    Block tokens in markdown-it's order, ``inline`` tokens with their children. Of
    these, ``link_open`` has an allowed ``href`` and nothing else, ``image`` and raw
    HTML do not occur, ``task`` is the box of a task list, and the text holds no control
    characters. A fence's ``info`` is its language.
    """
    source = plain(source)
    if len(source) > LONGEST:
        return [_as_it_is(source)]
    try:
        tokens = _parser().parse(source)
    except RecursionError:
        return [_as_it_is(source)]
    if any(token.level >= DEEPEST - 1 for token in tokens):
        return [_as_it_is(source)]
    for place, token in enumerate(tokens):
        if token.type == "inline":
            token.children = _safe(token.children or [])
            if place > 1 and tokens[place - 2].type == "list_item_open":
                _mark_task(token.children)
        elif token.type == "fence":
            word = _LANGUAGE.match(plain(token.info).strip())
            token.info = word.group() if word else ""
    return tokens


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


def _as_it_is(source: str) -> Token:
    return Token("fence", "code", 0, content=source)


def _parse_inline(state: StateCore) -> None:
    """Replace markdown-it's rule by one that bounds what brackets cost."""
    brackets = 0
    for token in state.tokens:
        if token.type != "inline":
            continue
        brackets += token.content.count("[")
        token.children = []
        if brackets > _MOST_BRACKETS:
            token.children.append(Token("text", "", 0, content=token.content))
        else:
            state.md.inline.parse(token.content, state.md, state.env, token.children)


_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)


def _line_break(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - markdown-it's
    """Take ``<br>``, the only way to break a line in a table cell."""
    found = _BREAK.match(state.src, state.pos, state.posMax)
    if not found:
        return False
    if not silent:
        state.push("hardbreak", "br", 0)
    state.pos = found.end()
    return True


def _safe(children: list[Token]) -> list[Token]:
    """Return inline tokens with the policy applied."""
    kept: list[Token] = []
    links: list[Token] = []
    begin = 0
    for token in children:
        match token.type:
            case "text" | "text_special" | "code_inline":
                # Character references can make what `plain` took from the source.
                token.content = " ".join(plain(token.content).split("\n"))
                kept.append(token)
            case "link_open":
                # markdown-it lets an autolink stand in a label; the label wins.
                begin = begin if links else len(kept)
                links.append(token)
            case "link_close":
                url = str(links.pop().attrs.get("href", ""))
                if not links:
                    kept[begin:] = _link(url, kept[begin:])
            case "image":
                alt = _label(_safe(token.children or []))
                url = str(token.attrs.get("src", ""))
                kept += _image(url, alt, inside=bool(links))
            case _:
                kept.append(token)
    return _joined(kept)


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
    web = _WEB.match(href or "")
    if web is None:
        said = _shortened(url.partition(";")[0] if url.startswith("data:") else url)
        return [_text(f"[image: {alt} ({said})]")]
    text = _text(f"[image: {alt} ({web['host'].lower()})]")
    if inside or href is None:
        return [text]
    return [_opening(href), text, _closing()]


def _label(children: list[Token]) -> str:
    """Return what a reader sees of inline tokens."""
    return "".join(
        " " if token.type in ("softbreak", "hardbreak") else token.content
        for token in children
    )


def _shortened(url: str) -> str:
    url = plain(url)
    return url if len(url) <= _LONGEST_SHOWN else url[:_LONGEST_SHOWN] + "..."


def _text(content: str) -> Token:
    return Token("text", "", 0, content=content)


def _opening(href: str) -> Token:
    return Token("link_open", "a", 1, attrs={"href": href})


def _closing() -> Token:
    return Token("link_close", "a", -1)


def _mark_task(children: list[Token]) -> None:
    """Turn the ``[x]`` that begins a list item into a token of its own."""
    if not children or children[0].type != "text":
        return
    first = children[0]
    if box := _TASK.match(first.content):
        first.content = first.content[box.end() :]
        done = "x" if box[1] in "xX" else " "
        children.insert(0, Token("task", "", 0, content=done))
