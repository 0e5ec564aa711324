"""Colours of code: its text is kept, and threads may share Pygments."""

from __future__ import annotations

import re
import subprocess
import sys
from html import unescape

import pytest

from stepmagic.markdown.highlight import highlight


def printed(script: str) -> str:
    """Return what a script prints in a Python of its own."""
    command = [sys.executable, "-c", script]
    # The command is written in this file.
    done = subprocess.run(  # noqa: S603
        command, capture_output=True, text=True, check=True
    )
    return done.stdout


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
