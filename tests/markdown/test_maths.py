"""Formulas: told from prices, and without commands that act."""

from __future__ import annotations

import re
from html import unescape

import pytest

from markdown_samples import ATTACKS
from page import Page
from stepmagic.markdown import render

MATHS = re.compile(r'class="sm-maths">(.*?)</(?:span|div)>', re.DOTALL)


def test_formulas_hold_no_command_that_acts() -> None:
    html = render(ATTACKS[44])
    tex = unescape(" ".join(MATHS.findall(html)))
    blocked = ("href", "style", "class", "cssId", "unicode", "require", "mmlToken")
    for name in (*blocked, "bbox", "def", "newcommand"):
        assert rf"\text{{{name}}}" in tex or rf"\ {name}" in tex
        assert rf"\{name}" not in tex.replace(rf"\ {name}", "")


@pytest.mark.parametrize(
    ("source", "formulas"),
    [
        ("costs $5 and $6", []),
        ("between $5 and 10$ each", []),
        ("$5-$6, US$5 and A$6", []),
        ("$$ and $ $x $ x$", []),
        ("$6, or set `$HOME`; $HOME/$USER", []),
        ("the $n$th", [r"\(n\)"]),
        (r"\$x\$ and $x\$", []),
        ("$x$", [r"\(x\)"]),
        ("$3 + 4 = 7$", [r"\(3 + 4 = 7\)"]),
        (r"\(a\) and \[b\]", [r"\(a\)", r"\[b\]"]),
        (r"\[ \$ \]", [r"\[\$\]"]),
        (r"\(a $ b\) \(c \[ d\) \(e", []),
        ("a $$x$$ b", [r"\[x\]"]),
        ("text:\n$$\nx\n$$\nmore", [r"\[x\]"]),
        ("$$\nx\n$$, so", [r"\[x\]"]),
        ("$$x$$.", [r"\[x.\]"]),
        ("- a\n  $$\n  x\n  $$", [r"\[x\]"]),
        ("> $$\n> x\n> $$", [r"\[x\]"]),
        ("> $$\n> x\n\n$$", []),
        ("$$\nx\n\ny\n$$", []),
        ("- $$\n  x\ny $$", [r"\[x y\]"]),
        ("    $$\n    x\n    $$", []),
        ("$$\n\n$$\n$$ $$", []),
        ("$$x", []),
        ("\\[\n\\begin{aligned} a &= b \\\\[4pt] c &< d \\end{aligned}\n\\]", None),
        (r"`$x$`", []),
    ],
)
def test_formulas_are_told_from_text(source: str, formulas: list[str] | None) -> None:
    found = MATHS.findall(render(source))
    if formulas is None:
        assert len(found) == 1
    else:
        assert [" ".join(tex.split()) for tex in map(unescape, found)] == formulas


def test_mathjax_finds_only_the_formulas() -> None:
    """It joins the text between two elements, and looks for delimiters there."""
    page = Page(render("$5 and $6 \\\\(x\\\\) \\\\begin{equation} `$a$` **$7** $8 $y$"))
    runs = [run for run in page.runs if re.search(r"[$\\]", run)]
    assert [run for run in runs if len(run) > 1] == [r"\(y\)"]
    assert page.text == "$5 and $6 \\(x\\) \\begin{equation} $a$ $7 $8 \\(y\\)\n"


@pytest.mark.parametrize(
    ("tex", "tamed"),
    [
        (r"$a \label{eq:1} b$", r"\(a  b\)"),
        (r"$\hr\label{x}ef{y}$", r"\(\text{href}{y}\)"),
        ("$$\na % c\nb\n$$", "\\[a \nb\\]"),
        (r"$\% \hrefs$", r"\(\% \hrefs\)"),
        (r"\(x\ \)", r"\(x\)"),
        (r"$\\href$", r"\(\\ href\)"),
    ],
)
def test_tex_is_tamed(tex: str, tamed: str) -> None:
    assert tamed in unescape(render(tex))
