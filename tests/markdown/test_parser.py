"""The limits of the parser, and its agreement with CommonMark."""

from __future__ import annotations

import inspect
import re
import sys

import pytest
from markdown_it import MarkdownIt

from markdown_samples import FIXTURES
from page import Page
from stepmagic.markdown import escape, plain, render, sanitize_source
from stepmagic.markdown.parser import DEEPEST, LONGEST


def test_structure_is_that_of_commonmark() -> None:
    """What the policy does not touch is what markdown-it makes of it."""
    source = (FIXTURES / "commonmark.md").read_text("utf-8")
    plain_html = MarkdownIt("commonmark", {"html": False}).render(source)
    ours = re.sub(r'<div class="sm-code highlight"[^>]*>|</div>', "", render(source))
    ours = re.sub(r' style="[^"]*"', "", ours).replace("&#x27;", "'")
    theirs = plain_html.replace("<hr />", "<hr>").replace("<br />", "<br>")
    assert "".join(ours.split()) == "".join(theirs.split())


@pytest.mark.parametrize(
    "source",
    [
        *("x" * 1_000_000, "[" * 1_000_000, "$x$ " * 20_000, "\x00" * 1_000_000),
        *("> " * 10_000 + "x", "- " * 10_000 + "x", "[" * 10_000, "![" * 5_000),
        *("*" * 10_000 + "x", "`" * 10_000, "<" * 100_000, "\\(" * 50_000),
        *("\\[\n" * 20_000, "$$ a\n" * 20_000, "\ud800" * 1000, "(" * 10_000),
    ],
    ids=lambda source: f"{len(source)} of {source[:4]!a}",
)
def test_size_and_depth_neither_crash_nor_lose_text(source: str) -> None:
    html = render(source)
    page = Page(html)
    assert page.faults == []
    assert ("x" in page.text) == ("x" in source)
    assert plain(source).encode("utf-8") == plain(source).encode("utf-8")
    assert isinstance(sanitize_source(source), str)


def test_a_text_beyond_every_bound_is_shown_as_it_is() -> None:
    deep = "> " * DEEPEST + "*x*"
    for source in (deep, "*" + "x" * LONGEST + "*"):
        assert f"{escape(source)}</code></pre>" in render(source)
    many = "[ " * 10_000 + "\n\n*a* [b](https://c.d)"
    assert "<p>*a* [b](https://c.d)</p>" in render(many)


def test_a_text_too_deep_for_python_is_shown_as_it_is() -> None:
    """A deep call stack of the user's own leaves less than 32 levels need."""
    render("imports what it needs")
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + 50)
    try:
        html = render("> " * 25 + "*x*")
    finally:
        sys.setrecursionlimit(limit)
    assert "*x*</code></pre>" in html
