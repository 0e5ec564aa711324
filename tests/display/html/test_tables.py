"""Small tables and diffs, as HTML and as aligned text."""

from __future__ import annotations

from page import Page
from stepmagic.display.html.tables import Card, Diff, Table


def test_a_card_aligns_its_values() -> None:
    card = Card(title="T", rows=(("a", "1"), ("long", "<b> $5")))
    assert repr(card) == "a     1\nlong  <b> $5"
    page = Page(card._repr_html_())
    assert page.text == "Ta1long<b> $5"
    assert all(run == "$" for run in page.runs if "$" in run)


def test_a_table_has_a_head_and_a_note() -> None:
    table = Table(title="T", head=("a", "b"), rows=(("1", "2"),), note="<short>")
    assert repr(table) == "a  b\n1  2\n<short>"
    html = table._repr_html_()
    assert html.count('<th scope="col">') == 2
    assert html.endswith("<p>&lt;short&gt;</p>")
    assert repr(Table(title="T", head=("a",), rows=())) == "a"


def test_a_diff_shows_the_changed_lines() -> None:
    diff = Diff(before="a\nb\n", after="a\n<c>\n")
    assert diff.lines == ["@@ -1,2 +1,2 @@", " a", "-b", "+<c>"]
    assert repr(diff) == "\n".join(diff.lines)
    html = diff._repr_html_()
    assert "+&lt;c&gt;" in html
    assert html.count("background:") == 2
    assert diff
    assert not Diff(before="a", after="a\n")
