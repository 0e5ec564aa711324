"""HTML read as a browser would, to find what in it acts."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from html.parser import HTMLParser

VOID = {"br", "hr", "img", "input"}
ELEMENTS = {
    *("a", "blockquote", "br", "code", "details", "div", "em", "footer", "hr", "img"),
    *("li", "ol", "p", "pre", "s", "small", "span", "strong", "summary", "table"),
    *("tbody", "td", "th", "thead", "tr", "ul", "h1", "h2", "h3", "h4", "h5", "h6"),
}
ADDRESS = re.compile(
    r"(?:https?://[a-z0-9.-]+(?::\d+)?(?:[/?#]|$)|mailto:[^@]+@)", re.IGNORECASE
)
IMAGE = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]+")
STYLES = {
    *("text-align:left", "text-align:right", "text-align:center"),
    "list-style:none;margin-left:-1.2em",
    (
        "margin:1em 0;padding:0.5em 1em;border:1px solid var(--jp-border-color2);"
        "background:inherit"
    ),
    "background:inherit;white-space:pre;overflow-x:auto",
    "background:inherit;white-space:inherit",
    "margin-bottom:0.7em",
    "white-space:pre;overflow-x:auto",
    "white-space:pre-wrap",
    "color:var(--jp-ui-font-color2)",
    "display:flex;flex-wrap:wrap;gap:1em 2em",
    "flex:1 1 18em;min-width:0;overflow-x:auto",
}
CLASS = re.compile(r"(?:sm-[a-z]+|highlight|[a-z][a-z0-9]{0,3})(?: |$)")
"""Our own, or Pygments' short names."""
FORBIDDEN = {*map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A))}


class Page(HTMLParser):
    """A parsed fragment: its elements, its text, and what in it must not be there."""

    def __init__(self, html: str) -> None:
        """Parse a fragment."""
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.runs: list[str] = [""]
        """Text that no element interrupts, outside code: where MathJax searches."""
        self.faults: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        if self._open:
            self.faults.append(f"left open: {self._open}")

    def links(self) -> list[str]:
        """Return where the links go."""
        return [attrs["href"] for tag, attrs in self.elements if tag == "a"]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take an element and judge it."""
        held = {name: value or "" for name, value in attrs}
        self.elements.append((tag, held))
        if tag not in VOID:
            self._open.append(tag)
        if tag != "br":
            self.runs.append("")
        if tag not in ELEMENTS:
            self.faults.append(f"<{tag}>")
        self.faults += [
            f"<{tag} {name}={value!r}>"
            for name, value in held.items()
            if not _is_allowed(tag, name, value)
        ]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take ``<br />`` as ``<br>``."""
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        """Close an element; elements must nest."""
        self.runs.append("")
        if not self._open or self._open.pop() != tag:
            self.faults.append(f"</{tag}> does not fit")

    def handle_data(self, data: str) -> None:
        """Take text; it must hold no character that acts."""
        self.text += data
        if not {"code", "pre"} & set(self._open):
            self.runs[-1] += data
        self.faults += [f"{char!a} in text" for char in data if acts(char)]

    def handle_comment(self, data: str) -> None:
        """Refuse comments."""
        self.faults.append(f"<!--{data}-->")

    def handle_decl(self, decl: str) -> None:
        """Refuse declarations."""
        self.faults.append(f"<!{decl}>")

    def unknown_decl(self, data: str) -> None:
        """Refuse marked sections."""
        self.faults.append(f"<![{data}]>")

    def handle_pi(self, data: str) -> None:
        """Refuse processing instructions."""
        self.faults.append(f"<?{data}>")


def acts(char: str) -> bool:
    """Whether a character controls, reorders or hides text."""
    return char not in "\n\t" and (
        unicodedata.category(char) in ("Cc", "Cs")
        or char in FORBIDDEN
        or 0xE0000 <= ord(char) <= 0xE0FFF
        or char in "\u200b\u2060\ufeff\u00ad\u2028\u2029"
    )


_ALLOWED: dict[tuple[str, str], Callable[[str], object]] = {
    ("a", "href"): ADDRESS.match,
    ("a", "rel"): "noopener noreferrer nofollow".__eq__,
    ("a", "target"): "_blank".__eq__,
    ("ol", "start"): str.isdigit,
    ("img", "src"): IMAGE.fullmatch,
    ("img", "alt"): lambda _: True,
    ("", "style"): STYLES.__contains__,
    ("", "class"): lambda value: not CLASS.sub("", value),
}
"""What an attribute may hold, by element and name; every other is a fault."""


def _is_allowed(tag: str, name: str, value: str) -> bool:
    allows = _ALLOWED.get((tag, name)) or _ALLOWED.get(("", name))
    return bool(allows and allows(value))
