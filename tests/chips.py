"""HTML that shows what was attached: read as a browser would, and texts that try it."""

from __future__ import annotations

import base64
import io
import re
from typing import Any

from PIL import Image as Pillow

from page import Page

HOSTILE = [
    "<script>alert(1)</script>",
    "</pre></details></code><img src=x onerror=alert(1)>",
    "\" onload=alert(1) x='",
    "$e=mc^2$ \\(x\\) $$y$$",
    "**bold** [link](javascript:alert(1)) `code`",
    "a\nb\r\n\x1b[31m\u202e\u2028\ud800\x00",
    "![x](https://tracker.example/x.png)",
    "&lt;b&gt; <!-- -->",
]


def shown(html: str) -> Page:
    """Parse HTML in which nothing may act."""
    page = Page(html)
    assert page.faults == []
    assert all("$" not in run for run in page.runs if len(run) > 1)
    return page


def thumbnails(page: Page) -> list[Any]:
    """Decode the images of a page."""
    found = []
    for tag, held in page.elements:
        if tag == "img":
            kind, data = re.fullmatch(
                r"data:image/(png|jpeg);base64,(.+)", held["src"]
            ).groups()  # type: ignore[union-attr]  # Page has matched it
            image = Pillow.open(io.BytesIO(base64.b64decode(data)))
            image.load()
            assert str(image.format).lower() == kind
            found.append((held["alt"], image.size))
    return found
