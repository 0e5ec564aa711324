"""What the panel costs: ``python -m browser.panel_figures --runs 5 < answer.md``.

Prints a line of JSON for each run in JupyterLab, in milliseconds:

    opens     from the key press that runs ``%step panel`` to the frame in which the end
              of a conversation of 200 turns is shown
    whole     until all of its turns are shown
    key       the slowest of 40 keys typed into the question while an answer streams,
              from the key to the frame that shows it (Event Timing, in steps of 8 ms,
              16 for all that is faster)
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from browser.notebook_page import NotebookPage
from browser.panel_page import PanelPage
from browser.profile import Profile
from browser.start import browsing, find_chromium, jupyter_for
from openrouter_server import OpenRouterServer, answer

_TURNS = 200
_KEYS = "a question typed while an answer streams"
_KEY_MS = 60
_SCRIPT = Path(__file__).with_suffix(".js")

_SETUP = f"""\
%load_ext stepmagic
import pathlib
from stepmagic.session import session
from stepmagic.transcript import Message, Text, Turn, user
_text = pathlib.Path("answer.md").read_text("utf-8")
_size = 1500
def fill(name):
    talk = session().open(name)
    for number in range({_TURNS}):
        begin = number * _size % max(1, len(_text) - _size)
        said = Text(text=_text[begin : begin + _size])
        reply = Message(role="assistant", parts=(said,))
        talk.tree.add(Turn(parent=talk.tree.head, prompt=user(f"Question {{number}}?"),
                           replies=(reply,), status="complete"))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What one run took, in milliseconds."""

    opens: float
    whole: float
    key: float


def measure(text: str, *, chromium: str, runs: int, rate: float) -> Iterator[Figures]:
    """Yield the figures of each run, after one that loads what is needed."""
    with (
        tempfile.TemporaryDirectory() as scratch,
        OpenRouterServer() as server,
        browsing(chromium, Path(scratch)) as browser,
        jupyter_for(server, Path(scratch) / "jupyter") as jupyter,
        closing(Profile(browser, jupyter, watch_inside=False)) as profile,
    ):
        page = NotebookPage("lab", profile)
        (jupyter.notebooks / "answer.md").write_text(text, "utf-8")
        page.create("panel.ipynb", _SETUP)
        page.page.evaluate(_SCRIPT.read_text("utf-8"))
        page.cells[0].run()
        for run in range(runs + 1):
            page.run(f"fill('run{run}')")
            server.enqueue(answer(text, reasoning="", pace_s=1 / rate))
            figures = _run(page, f"run{run}")
            if run:
                yield figures


def _run(page: NotebookPage, name: str) -> Figures:
    cell = page.add(f"%step panel {name}")
    page.page.evaluate("(count) => stepPanel.begin(count)", _TURNS)
    cell.start()
    page.page.wait_for_function("() => stepPanel.whole()", timeout=60_000)
    opens = float(page.page.evaluate("stepPanel.opened()"))
    whole = float(page.page.evaluate("stepPanel.whole()"))
    panel = PanelPage(page, cell)
    panel.ask("Tell me all.")
    panel.element.locator(".sm-live p").first.wait_for()
    page.page.evaluate("stepPanel.watchKeys()")
    panel.text.press_sequentially(_KEYS, delay=_KEY_MS)
    page.page.wait_for_timeout(500)
    is_live = panel.element.locator(".sm-live").count()
    if not is_live:
        message = "the answer was over before the last key"
        raise RuntimeError(message)
    key = float(page.page.evaluate("stepPanel.slowestKey()"))
    panel.button("Stop").click()
    panel.element.locator(".sm-live").wait_for(state="detached")
    page.command("notebook:clear-all-cell-outputs")
    return Figures(opens=opens, whole=whole, key=key)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m browser.panel_figures")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--rate", type=float, default=1000, help="tokens a second")
    options = parser.parse_args()
    chromium = find_chromium()
    if chromium is None:
        sys.exit("there is no chromium: apt-get install chromium")
    text = sys.stdin.read()
    runs = measure(text, chromium=chromium, runs=options.runs, rate=options.rate)
    for figures in runs:
        sys.stdout.write(json.dumps(asdict(figures)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
