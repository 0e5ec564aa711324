"""Markdown to HTML, to filtered Markdown and to plain text, with hostile input."""

from __future__ import annotations

import inspect
import itertools
import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from markdown_samples import ATTACKS, FIXTURES, PIECES, SAMPLES
from page import Page, acts
from stepmagic.markdown import PlainStream, escape, plain, render, sanitize_source
from stepmagic.markdown.highlight import highlight
from stepmagic.markdown.parser import DEEPEST, LONGEST
from stepmagic.markdown.safety import safe_address

MATHS = re.compile(r'class="sm-maths">(.*?)</(?:span|div)>', re.DOTALL)

LOOSE = (
    MarkdownIt("commonmark", {"html": True}),
    MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]),
)
"""Programs that draw raw HTML and know no formulas; one knows tables."""


def loose_faults(markdown: str) -> list[str]:
    """Return what acts in Markdown that is drawn by a program which filters nothing."""
    faults = []
    for program in LOOSE:
        html = re.sub(r' class="language-[\w+#.-]+"', "", program.render(markdown))
        # Such a program sets no `rel`; where a link goes is what counts.
        faults += Page(html).faults
    return faults


def printed(script: str) -> str:
    """Return what a script prints in a Python of its own."""
    command = [sys.executable, "-c", script]
    # The command is written in this file.
    done = subprocess.run(  # noqa: S603
        command, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_all_fifty_classes_are_there() -> None:
    assert list(ATTACKS) == list(range(1, 51))


def test_the_attacks_act_where_nothing_is_filtered() -> None:
    """The judge must be able to condemn, or the tests below say nothing."""
    harmless = {number for number, text in ATTACKS.items() if not loose_faults(text)}
    # markdown-it itself refuses javascript:, vbscript:, file: and data: links; a false
    # host name acts on the reader.
    assert harmless == {13, 16, 17, 19, 20, 21, 22, 34, 38}


@pytest.mark.parametrize("number", ATTACKS)
def test_an_attack_does_not_get_into_html(number: int) -> None:
    for html in (
        render(ATTACKS[number]),
        render(ATTACKS[number], highlight=False),
        render(f"> - {ATTACKS[number]}"),
    ):
        assert Page(html).faults == []


@pytest.mark.parametrize("number", ATTACKS)
def test_an_attack_does_not_get_into_markdown(number: int) -> None:
    source = sanitize_source(ATTACKS[number])
    assert loose_faults(source) == []
    assert Page(render(source)).faults == []


@pytest.mark.parametrize("number", ATTACKS)
def test_no_cut_of_an_attack_makes_an_unsafe_frame(number: int) -> None:
    attack = ATTACKS[number]
    for end in range(len(attack) + 1):
        assert Page(render(attack[:end], highlight=False)).faults == []


@pytest.mark.parametrize("number", ATTACKS)
def test_an_attack_does_not_get_into_plain_text(number: int) -> None:
    text = plain(ATTACKS[number])
    assert not any(acts(char) for char in text)
    text.encode("utf-8")


def test_formulas_hold_no_command_that_acts() -> None:
    html = render(ATTACKS[44])
    tex = unescape(" ".join(MATHS.findall(html)))
    blocked = ("href", "style", "class", "cssId", "unicode", "require", "mmlToken")
    for name in (*blocked, "bbox", "def", "newcommand"):
        assert rf"\text{{{name}}}" in tex or rf"\ {name}" in tex
        assert rf"\{name}" not in tex.replace(rf"\ {name}", "")


def test_hosts_that_mislead_are_named() -> None:
    html = render(ATTACKS[38])
    assert ".com (xn--80ak6aa92e.com)</a>" in html
    assert "https://example.org (evil.example)</a>" in html


@pytest.mark.parametrize(
    "label", ["example.org", "https://example.org:8080/x", "www.example.org", "df.head"]
)
def test_labels_that_do_not_mislead_stay(label: str) -> None:
    assert f">{label}</a>" in render(f"[{label}](https://example.org:8080/x)")


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_gives_its_html(path: Path) -> None:
    html = render(path.read_text("utf-8"), highlight=False)
    assert html == path.with_suffix(".html").read_text("utf-8")
    assert Page(html).faults == []


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_filtered_markdown_shows_the_same(path: Path) -> None:
    source = path.read_text("utf-8")
    written = sanitize_source(source)
    shown = render(written)
    for instead, sign in ((r"\vert ", "|"), (r"\vert", "|"), (r"\lt ", "&lt; ")):
        shown = shown.replace(instead, sign)
    assert shown.replace(r"\gt ", "&gt; ") == render(source)
    assert sanitize_source(written) == written


def test_filtered_markdown_reads_as_markdown() -> None:
    source = "# A\n\n- *b* `c`\n\n1. snake_case & co!\n\n```py\nx < 1\n```\n"
    assert sanitize_source(source) == source
    assert sanitize_source("A\nB\n===\n") == "# A B\n"


def test_structure_is_that_of_commonmark() -> None:
    """What the policy does not touch is what markdown-it makes of it."""
    source = (FIXTURES / "commonmark.md").read_text("utf-8")
    plain_html = MarkdownIt("commonmark", {"html": False}).render(source)
    ours = re.sub(r'<div class="sm-code highlight"[^>]*>|</div>', "", render(source))
    ours = re.sub(r' style="[^"]*"', "", ours).replace("&#x27;", "'")
    theirs = plain_html.replace("<hr />", "<hr>").replace("<br />", "<br>")
    assert "".join(ours.split()) == "".join(theirs.split())


@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_no_mixture_of_syntaxes_gets_through(source: str) -> None:
    assert Page(render(source)).faults == []
    assert loose_faults(sanitize_source(source)) == []


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


@pytest.mark.parametrize(
    "url",
    [
        *(
            "",
            "javascript:x",
            "https:",
            "https:/a.b",
            "https:///a.b",
            "//a.b",
            "/a",
            "a",
        ),
        *("https://a@b", "https://a.b:x", "https://-a.b", "https://a_b", "mailto:a"),
        *("https://[::1]/", "ftp://a.b", "https://a.b%5C@c.d", "HTTPS://a@b"),
    ],
)
def test_an_address_is_refused(url: str) -> None:
    assert safe_address(url) is None


@pytest.mark.parametrize(
    ("url", "written"),
    [
        ("https://a.b", "https://a.b"),
        ("HTTP://A.b:80/c?d=e&f#g", "HTTP://A.b:80/c?d=e&f#g"),
        ("mailto:a@b.c?subject=x", "mailto:a@b.c?subject=x"),
        ("https://a.b/(c)|'`[d]$é", "https://a.b/%28c%29%7C%27%60%5Bd%5D%24%C3%A9"),
    ],
)
def test_an_address_is_written_without_unusual_characters(
    url: str, written: str
) -> None:
    assert safe_address(url) == written


def test_a_long_refused_address_is_cut() -> None:
    html = render(f"[x](data:{'a' * 500}) ![y](data:{'b' * 500};base64,c)")
    assert html.count("...)") == 2
    assert len(html) < 400


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


def test_nothing_heavy_is_imported_before_it_is_used() -> None:
    script = (
        "import sys, stepmagic.markdown, stepmagic.display\n"
        "heavy = {'markdown_it', 'pygments', 'IPython'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    assert printed(script) == "[]\n"


@pytest.mark.parametrize("language", ["python", "Py", "json", "nonsense", ""])
def test_colours_keep_the_text(language: str) -> None:
    code = "\n\nx = {'a': \"<b>\"}  # $5 \\( é\n\tif x:\n"
    html = highlight(code, language)
    assert unescape(re.sub(r"</?span[^>]*>", "", html)) == code
    assert ("<span" in html) == (language in {"python", "Py", "json"})


def test_long_code_is_not_coloured() -> None:
    assert "<span" not in highlight("x = 1\n" * 10_000, "python")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\tb\nc", "a\tb\nc"),
        ("a\r\nb\rc\u2028d\u2029e", "a\nb\nc\nd\ne"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07a\x1b]8;;u\x1b\\b\x9d0;t\x9cc", "abc"),
        ("\x1b]never closed\nb", "\nb"),
        ("\x1bPq#0\x1b\\a\x1b(Bb\x1bcd\x9b2Je", "abde"),
        ("a\x1b", "a"),
        ("\ud83d\ude00", "\ufffd\ufffd"),
        ("👩‍💻 ❤️ #️⃣ می‌خواهم", "👩‍💻 ❤️ #️⃣ می‌خواهم"),
        (
            "a\u200db c\u200c\u200dd \u200d e\ufe0f\ufe0f \ufe0f\u200c",
            "ab cd  e\ufe0f ",
        ),
        ("co\u00adop \u200f\u202eabc\u202c\U000e0041", "coop abc"),
    ],
)
def test_plain_text_keeps_what_can_be_read(text: str, shown: str) -> None:
    assert plain(text) == shown


ACTING = (
    "ab \n\r\t\x1b\x07\x9b\x9d\x9c[]\\;08mP(\u200c\u200d\ufe0f\u202e\u2028é👩\ud800"
)


@given(st.text(ACTING), st.lists(st.integers(0, 40)))
def test_cuts_do_not_change_plain_text(text: str, cuts: list[int]) -> None:
    stream = PlainStream()
    ends = [0, *sorted(cut for cut in cuts if cut < len(text)), len(text)]
    shown = [stream.feed(text[a:b]) for a, b in itertools.pairwise(ends)]
    assert "".join(shown) + stream.close() == plain(text)
    assert not any(acts(char) for char in plain(text))
    assert plain(plain(text)) == plain(text)


_AT_ONCE = """
import sys, threading
from stepmagic.markdown import render

sys.setswitchinterval(1e-5)
source = "```python\\nx = 1\\n```"
both, seen = threading.Barrier(2), []


def look():
    both.wait()
    seen.append(render(source))


threads = [threading.Thread(target=look) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert seen == [render(source)] * 2
"""


@pytest.mark.parametrize("_time", range(6))
def test_two_threads_may_colour_their_first_code_at_once(_time: int) -> None:
    # Without a lock about one process in five fails: Pygments is loaded by both.
    subprocess.run([sys.executable, "-c", _AT_ONCE], check=True)  # noqa: S603
