"""What an answer costs a page: ``python -m browser.figures --runs 5 < answer.md``.

Prints a line of JSON for each run in JupyterLab, in milliseconds:

    longest   the longest task of the page while the answer grew, before the swap; 0 for
              none over 50 ms, as the Long Tasks API has it
    swap      what it took to put the static bundle in place of the live view
    plain     what it took to ``display(HTML(...))`` the same HTML in the same page

The last two are processor time of all tasks of the page's main thread (``TaskDuration``
of the DevTools protocol, by thread ticks), so scripts, styles, layout, painting and
MathJax. They are counted from a moment in which nothing is drawn, with the cell still
running, to a second after the last formula is set. Earlier garbage is collected first:
whether its garbage falls due in one of the two is chance, and costs up to 200 ms.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from playwright.sync_api import CDPSession

from browser.notebook_page import CodeCell, NotebookPage
from browser.profile import Profile
from browser.start import browsing, find_chromium, jupyter_for
from openrouter_server import OpenRouterServer, Reply, answer
from openrouter_server.script import Asked

_SCRIPT = Path(__file__).with_suffix(".js")
_BUNDLE = "bundle.html"

_SILENCE_S = 4
"""Before the end of an answer."""

_LAST_FRAMES = 3
"""Of a stream of the chat protocol, which carry no text: reason, usage, end."""

_LAST_WORDS = "That is all of it."
_REST_MS = 1000
_LONGEST_MS = 120_000
_POLLING_MS = 250
"""Playwright's own choice, each frame, would be counted."""

_PLAIN = f"""\
import pathlib, time
html = pathlib.Path("{_BUNDLE}").read_text("utf-8")
time.sleep({_SILENCE_S})
display(HTML(html))"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What one run took, in milliseconds."""

    longest: float
    swap: float
    plain: float


class Bench:
    """A notebook in which answers are measured."""

    def __init__(
        self, page: NotebookPage, server: OpenRouterServer, notebooks: Path
    ) -> None:
        """Prepare a page whose notebook has one cell.

        Args:
            page: Where to measure.
            server: Where its kernel asks.
            notebooks: The folder of the notebook.
        """
        self._page = page
        self._notebooks = notebooks
        self._server = server
        self._session: CDPSession = page.page.context.new_cdp_session(page.page)
        self._session.send("Performance.enable", {"timeDomain": "threadTicks"})
        page.page.evaluate(_SCRIPT.read_text("utf-8"))
        page.cells[0].run()
        self._asking = page.add("%%step --once\nTell me all.")
        self._plain = page.add(_PLAIN)

    def measure(self, text: str, *, rate: float) -> Figures:
        """Stream an answer, then show it at once.

        Args:
            text: The answer.
            rate: Tokens a second.
        """
        longest, swap = self._stream(f"{text}\n\n{_LAST_WORDS}", rate)
        self._keep_bundle()
        return Figures(longest=longest, swap=swap, plain=self._show())

    def _stream(self, text: str, rate: float) -> tuple[float, float]:
        self._server.enqueue(held(answer(text, reasoning="", pace_s=1 / rate)))
        self._begin(self._asking)
        self._wait("(words) => stepFigures.shows(words)", _LAST_WORDS)
        with self._busy_ms() as swap:
            self._wait("() => stepFigures.isSettled()")
        return float(self._page.page.evaluate("stepFigures.longest()")), swap[0]

    def _show(self) -> float:
        self._begin(self._plain)
        with self._busy_ms() as plain:
            self._wait("() => stepFigures.isSettled()")
        return plain[0]

    def _keep_bundle(self) -> None:
        """Write the HTML that is shown now to where the plain cell reads it."""
        cells = self._page.save()["cells"]
        (bundle,) = (output["data"] for cell in cells for output in cell["outputs"])
        html = "".join(bundle["text/html"])
        (self._notebooks / _BUNDLE).write_text(html, "utf-8")

    def _begin(self, cell: CodeCell) -> None:
        """Start a cell in a page that shows no answer."""
        self._page.command("notebook:clear-all-cell-outputs")
        self._page.page.evaluate("stepFigures.begin()")
        cell.start()

    def _wait(self, condition: str, argument: str | None = None) -> None:
        self._page.page.wait_for_function(
            condition, arg=argument, polling=_POLLING_MS, timeout=_LONGEST_MS
        )

    @contextmanager
    def _busy_ms(self) -> Iterator[list[float]]:
        """Count the busy time of the main thread in a block, between two rests."""
        found: list[float] = []
        self._session.send("HeapProfiler.collectGarbage")
        self._page.page.wait_for_timeout(_REST_MS)
        before_s = self._task_s()
        yield found
        self._page.page.wait_for_timeout(_REST_MS)
        found.append(1000 * (self._task_s() - before_s))

    def _task_s(self) -> float:
        metrics = self._session.send("Performance.getMetrics")["metrics"]
        return next(
            float(metric["value"])
            for metric in metrics
            if metric["name"] == "TaskDuration"
        )


def held(reply: Reply) -> Reply:
    """Return a paced reply that falls silent before it ends."""

    def frames(asked: Asked) -> Iterator[bytes]:
        every = list(reply.frames(asked))
        yield from every[:-_LAST_FRAMES]
        yield from [asked.writer.KEEP_ALIVE] * round(_SILENCE_S / reply.pace_s)
        yield from every[-_LAST_FRAMES:]

    return replace(reply, frames=frames)


def measure(text: str, *, chromium: str, runs: int, rate: float) -> Iterator[Figures]:
    """Yield the figures of each run, after a short one that loads what is needed."""
    with (
        tempfile.TemporaryDirectory() as scratch,
        OpenRouterServer() as server,
        browsing(chromium, Path(scratch)) as browser,
        jupyter_for(server, Path(scratch) / "jupyter") as jupyter,
        closing(Profile(browser, jupyter, watch_inside=False)) as profile,
    ):
        page = NotebookPage("lab", profile)
        setup = "%load_ext stepmagic\nfrom IPython.display import HTML, display"
        page.create("figures.ipynb", setup)
        bench = Bench(page, server, jupyter.notebooks)
        bench.measure(text[: len(text) // 20], rate=rate)
        for _ in range(runs):
            yield bench.measure(text, rate=rate)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m browser.figures")
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
