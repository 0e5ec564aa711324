"""The content of an output or an object, in the form that a model reads best.

Text that was written for models, Markdown, LaTeX and JSON are preferred to pictures.
Charts are drawn. A plain ``<... object>`` is the last choice: it has no content.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from typing import Any

from stepmagic.attachments import images
from stepmagic.attachments.images.figures import (
    draw_plotly_json,
    draw_svg,
    draw_vega,
    to_bytes,
)
from stepmagic.attachments.images.matplotlib_figures import DRAWING
from stepmagic.attachments.images.types import formatter_of, has_method
from stepmagic.attachments.notebook.outputs import (
    HTML,
    JSON,
    PICTURES,
    PLAIN,
    PLOTLY,
    SVG,
    TEXTS,
    VEGA,
)
from stepmagic.errors import AttachmentError
from stepmagic.markdown import plain
from stepmagic.transcript import Image

_BARE = re.compile(r"[\[({]*\s*(?:<[^\n]*>[\s,]*)+[\])}]*\Z")
"""A repr that shows only types."""

_ADDRESS = re.compile(r" at 0x[0-9A-Fa-f]+(?=[>\s])")
_EMBEDDED = re.compile(r"\}\)\(\s*(?=\{)")
"""Where Altair's HTML calls a function with the specification of its chart."""

_METHODS = {
    "text/llm+plain": "_repr_llm_",
    "text/markdown": "_repr_markdown_",
    "text/latex": "_repr_latex_",
    JSON: "_repr_json_",
    "image/png": "_repr_png_",
    "image/jpeg": "_repr_jpeg_",
    SVG: "_repr_svg_",
    HTML: "_repr_html_",
}
"""IPython's display methods by MIME type (IPython, "Rich display")."""

_MIMEBUNDLE = "_repr_mimebundle_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """The content of one output that is sent: a text, or pictures."""

    text: str = ""
    language: str = ""
    """The language of the text's fence."""
    parts: tuple[Image, ...] = ()
    size: str = ""
    """Of the pictures."""
    differences: tuple[str, ...] = ()
    """What was changed, a phrase each: ``scaled down from 6,000 x 4,000 pixels``."""


def read_bundle(
    bundle: Mapping[str, Any], name: str, limits: images.ImageLimits
) -> Content:
    """Return the content of an output; an invalid one does not raise.

    Args:
        bundle: Its forms by their MIME types, as in a display message or a notebook.
        name: What its pictures are called.
        limits: How large an image may be.
    """
    failures: list[str] = []
    for kind, data in _preferred(bundle):
        try:
            content = _read(kind, data, name, limits)
        except AttachmentError as exc:
            failures.append(f"its {kind} cannot be sent ({exc})")
            continue
        if content.text.strip() or content.parts:
            differences = (*failures, *content.differences)
            return replace(content, differences=differences)
    left = [kind for kind in bundle if kind != PLAIN or not failures]
    if left and not failures and any(map(_is_there, bundle.values())):
        failures.append(f"{', '.join(left)} is left out")
    return Content(differences=tuple(failures))


def _is_there(data: Any) -> bool:
    return bool(data.strip() if isinstance(data, str) else data)


def _preferred(bundle: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the forms of an output, the best first."""
    words = _joined(bundle.get(PLAIN, ""))
    is_bare = _BARE.match(words.strip()) is not None
    vega = [kind for kind in bundle if VEGA.fullmatch(kind)]
    page = _joined(bundle.get(HTML, ""))
    embedded = _embedded_chart(page) if "vegaEmbed" in page else None
    for kind in (*TEXTS, JSON, *PICTURES, SVG, PLOTLY, *vega):
        if kind in bundle:
            yield kind, bundle[kind]
    if embedded is not None:
        yield "application/vnd.vegalite.v5+json", embedded
    if words.strip() and not is_bare:
        yield PLAIN, words
    if page:
        yield HTML, page
    if is_bare and not any(kind in bundle for kind in (*PICTURES, SVG)):
        yield PLAIN, words


def _read(kind: str, data: Any, name: str, limits: images.ImageLimits) -> Content:
    """Return one form of an output.

    Raises:
        AttachmentError: It is invalid, or it cannot be drawn here.
    """
    if kind in TEXTS:
        return Content(text=_joined(data), language=TEXTS[kind])
    if kind == JSON:
        written = data if isinstance(data, str) else _dumped(data)
        return Content(text=written, language="json")
    if kind == PLAIN:
        return Content(text=_ADDRESS.sub("", on_screen(_joined(data))))
    if kind == HTML:
        return Content(text=text_of_html(_joined(data)))
    picture = _drawn(kind, data, name)
    made = images.from_bytes(picture, name, limits)
    return Content(parts=made.parts, size=made.size, differences=made.notices)


def _drawn(kind: str, data: Any, name: str) -> bytes:
    if kind in PICTURES:
        return to_bytes(data if isinstance(data, bytes) else _joined(data), name)
    if kind == SVG:
        return draw_svg(_joined(data), name)
    spec = _mapping(data, name)
    if kind == PLOTLY:
        return draw_plotly_json(spec, name)
    return draw_vega(spec, name, is_lite="vegalite" in kind)


def _mapping(data: Any, name: str) -> Mapping[str, Any]:
    try:
        found = json.loads(data) if isinstance(data, str) else data
    except ValueError as exc:
        message = f"`{name}` is not JSON: {exc}"
        raise AttachmentError(message) from exc
    if isinstance(found, Mapping) and found:
        return found
    message = f"`{name}` does not contain a chart"
    raise AttachmentError(message)


def _dumped(data: Any) -> str:
    try:
        return json.dumps(data, ensure_ascii=False, indent=1)
    except (TypeError, ValueError, RecursionError) as exc:
        message = f"it is not JSON: {exc}"
        raise AttachmentError(message) from exc


def _embedded_chart(page: str) -> dict[str, Any] | None:
    """Return the chart in the HTML that Altair shows; None if there is none."""
    for found in _EMBEDDED.finditer(page):
        try:
            spec, _ = json.JSONDecoder().raw_decode(page, found.end())
        except (ValueError, RecursionError):
            continue
        if isinstance(spec, dict) and "$schema" in spec:
            return spec
    return None


def _joined(value: Any) -> str:
    """Return a text of nbformat, which may be a list of lines."""
    if isinstance(value, list):
        return "".join(line for line in value if isinstance(line, str))
    return value if isinstance(value, str) else ""


def on_screen(text: str) -> str:
    """Return text as a terminal shows it: of a progress bar, only the last state."""
    lines = text.replace("\r\n", "\n").split("\n")
    return plain("\n".join(map(_overwritten, lines))).strip("\n")


def _overwritten(line: str) -> str:
    """Return a line in which text after a carriage return overwrites earlier text."""
    shown = ""
    for state in line.split("\r"):
        shown = state + shown[len(state) :]
    return shown.rstrip() if "\r" in line else line


class _Reader(HTMLParser):
    """Gathers the text of a page; rows and blocks become lines."""

    _SILENT = ("script", "style", "template", "head")
    _BLOCKS = frozenset(
        ("br", "div", "h1", "h2", "h3", "h4", "h5", "h6", "li", "p", "pre", "tr")
    )

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        self._silent += tag in self._SILENT
        if tag in self._BLOCKS:
            self.pieces.append("\n")
        elif tag in ("td", "th"):
            self.pieces.append("\t")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._SILENT and self._silent:
            self._silent -= 1
        if tag in self._BLOCKS:
            self.pieces.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.pieces.append(data)


def text_of_html(page: str) -> str:
    """Return the text of a page, without scripts and styles."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    lines = (line.strip() for line in "".join(reader.pieces).splitlines())
    return plain("\n".join(filter(None, lines)))


def shows_itself(value: Any) -> bool:
    """Whether a type has methods or formatters by which a notebook shows its values."""
    kind = type(value)
    return has_method(value, _MIMEBUNDLE) or any(
        has_method(value, method) or formatter_of(kind, mime)
        for mime, method in _METHODS.items()
    )


def bundle_of(value: Any, name: str) -> dict[str, Any]:
    """Return the MIME bundle of a value; this runs the value's own code.

    Raises:
        AttachmentError: The value's code failed.
    """
    found: dict[str, Any] = {}
    failures: list[AttachmentError] = []

    def call(make: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
        try:
            shown = make(*arguments, **more)
        except Exception as exc:  # noqa: BLE001 - anyone's code
            message = f"`{name}` could not be shown: {type(exc).__name__}: {exc}"
            failures.append(AttachmentError(message))
            return None
        return shown[0] if isinstance(shown, tuple) and shown else shown

    with DRAWING:
        if has_method(value, _MIMEBUNDLE):
            shown = call(getattr(value, _MIMEBUNDLE), include=None, exclude=None)
            found |= shown if isinstance(shown, dict) else {}
        for mime, method in _METHODS.items():
            make = formatter_of(type(value), mime)
            if mime not in found and make is not None:
                found[mime] = call(make, value)
            elif mime not in found and has_method(value, method):
                found[mime] = call(getattr(value, method))
    found = {mime: data for mime, data in found.items() if data}
    if failures and not found:
        raise failures[0]
    return found
