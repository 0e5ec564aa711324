"""Plain text as HTML: no element, and no formula for MathJax."""

from __future__ import annotations

from page import Page
from stepmagic.markdown import escape
from stepmagic.markdown.html_text import code_box, escape_code, escape_text


def test_text_contains_no_element_and_no_formula() -> None:
    html = escape_text(r"<b> $x$ \(y\) &amp;")
    page = Page(html)
    assert page.text == r"<b> $x$ \(y\) &amp;"
    assert all(len(run) == 1 for run in page.runs if "$" in run or "\\" in run)


def test_control_characters_are_removed() -> None:
    assert escape("a\x1b[31mb\u202ec") == "abc"


def test_code_is_escaped_only_as_html() -> None:
    assert escape_code(r"<$a\b>") == r"&lt;$a\b&gt;"


def test_a_box_names_its_language() -> None:
    before, after = code_box("<c>")
    assert "&lt;c&gt;</small>" in before
    assert Page(f"{before}x{after}").text == "<c>\nx\n"
    assert "<small" not in code_box("")[0]
