"""Make the README's pictures from real runs: ``python -m browser.screenshots docs``.

The model's side is the tests' look-alike server, all else is what a user runs: cells in
JupyterLab and Notebook 7, and a page that nbconvert exports.
"""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Locator

from browser.answers import FOLLOW_UP, QUESTION, RICH, SHORT, THOUGHT
from browser.notebook_page import CodeCell, NotebookPage
from browser.panel_page import PanelPage
from browser.profile import Profile
from browser.start import browsing, find_chromium, jupyter_for
from image_samples import drawing, encoded
from openrouter_server import OpenRouterServer, Reply, Tokens, answer, stall

_LARGEST = 200_000
"""Bytes of a picture; a README is read on slow links too."""

_WIDTH, _HEIGHT = 880, 2400
"""Of a window, in CSS pixels; no cell must be cut off."""

_SCALE = 1.5
_PACE_S = 0.02

_SETUP = (
    "%load_ext stepmagic",
    'sales = {"January": 101, "February": 98, "March": 42, "April": 104}',
)
_USAGE = Tokens(prompt=412, completion=731, reasoning=164)


@dataclass(frozen=True, slots=True)
class Studio:
    """A folder for pictures, and what is needed to take them."""

    folder: Path
    browser: Browser
    server: OpenRouterServer

    def take(self, name: str, cell: CodeCell) -> None:
        """Write a picture of a cell that is not the active one."""
        self.take_element(name, cell.element)

    def take_element(self, name: str, element: Locator) -> None:
        """Write a picture of anything on a page."""
        element.page.mouse.move(0, 0)
        # MathJax and its fonts are loaded after the output.
        element.page.wait_for_timeout(700)
        data = element.screenshot(animations="disabled", caret="hide")
        with Image.open(io.BytesIO(data)) as picture:
            small = picture.convert("RGB").quantize(
                256, kmeans=2, dither=Image.Dither.NONE
            )
        path = self.folder / f"{name}.png"
        small.save(path, optimize=True)
        size = path.stat().st_size
        sys.stdout.write(f"{path}  {small.width} x {small.height}  {size:,} bytes\n")
        if size > _LARGEST:
            message = f"{path.name} has more than {_LARGEST:,} bytes"
            raise RuntimeError(message)

    def lab(self, page: NotebookPage) -> None:
        """Take the pictures of JupyterLab."""
        self.server.enqueue(rich(), answer(SHORT, reasoning=THOUGHT, pace_s=_PACE_S))
        first = page.run(QUESTION)
        page.run(FOLLOW_UP)
        status, history = page.run("%step"), page.run("%step history")
        page.cells[0].select()
        self.take("lab-light", first)
        self.take("lab-status", status)
        self.take("lab-history", history)
        page.set_theme("Dark")
        self.take("lab-dark", first)
        page.set_theme("Light")
        self.moment("lab-thinking", page, after=57)
        self.moment("lab-streaming", page, after=190)

    def panel(self, page: NotebookPage) -> None:
        """Take the pictures of the panel: light, dark, and as narrow as a telephone."""
        self.server.enqueue(answer(SHORT, reasoning=THOUGHT), stall(rich(), after=250))
        panel = PanelPage(page, page.run("%step panel sales"))
        panel.ask("How do I scale March in @sales?")
        panel.expect_answer("no longer a freak")
        panel.paste(encoded(drawing(), "PNG"), "plot.png")
        panel.ask("Is it an outlier in this plot?")
        panel.element.locator(".sm-live table").wait_for()
        panel.text.fill("And without March?")
        panel.paste(encoded(drawing(), "PNG"), "without.png")
        page.page.wait_for_timeout(1000)
        self.take_element("panel-light", panel.element)
        page.set_theme("Dark")
        self.take_element("panel-dark", panel.element)
        page.set_theme("Light")
        panel.narrow(320)
        page.page.wait_for_timeout(1000)
        self.take_element("panel-narrow", panel.element)
        page.page.set_viewport_size({"width": _WIDTH, "height": _HEIGHT})
        panel.button("Stop").click()

    def moment(self, name: str, page: NotebookPage, *, after: int) -> None:
        """Take a picture of an answer that is still coming.

        Args:
            name: Of the picture.
            page: Where to ask.
            after: How many events of the stream were received.
        """
        self.server.enqueue(stall(rich(), after=after))
        cell = page.add(QUESTION)
        cell.start()
        page.cells[0].select()
        page.page.wait_for_timeout(1000 * (1 + after * _PACE_S))
        self.take(name, cell)
        page.press("interrupt")
        cell.wait()

    def notebook_7(self, page: NotebookPage) -> None:
        """Take the picture of Notebook 7."""
        self.server.enqueue(rich())
        cell = page.run(QUESTION)
        cell.unfold()
        page.cells[0].select()
        self.take("notebook7-light", cell)

    def exported(self, page: NotebookPage, path: Path) -> None:
        """Take the picture of a page that nbconvert makes of a notebook."""
        self.server.enqueue(answer(SHORT, reasoning=THOUGHT, pace_s=_PACE_S))
        page.run(FOLLOW_UP)
        page.save()
        command = [sys.executable, "-m", "jupyter", "nbconvert", "--to=html"]
        # The command is written here.
        subprocess.run([*command, "--log-level=ERROR", str(path)], check=True)  # noqa: S603
        window = self.browser.new_page(
            viewport={"width": _WIDTH, "height": _HEIGHT}, device_scale_factor=_SCALE
        )
        window.goto(path.with_suffix(".html").as_uri())
        # Its formulas need MathJax from another host, so the cell without any.
        count = window.locator(".jp-CodeCell").count()
        self.take("exported", CodeCell(window, count - 1))


def rich() -> Reply:
    """Return the answer of most pictures."""
    return answer(RICH, reasoning=THOUGHT, usage=_USAGE, pace_s=_PACE_S)


def take_all(folder: Path, chromium: str) -> None:
    """Take every picture, into a folder that exists."""
    with (
        tempfile.TemporaryDirectory() as scratch,
        OpenRouterServer() as server,
        browsing(chromium, Path(scratch)) as browser,
    ):
        studio = Studio(folder, browser, server)
        for app in ("lab", "notebook"):
            # One application a server: where two share it, Jupyter Server refuses the
            # second one the fonts of its formulas, which have the same names.
            home = Path(scratch) / app
            size = (_WIDTH, _HEIGHT)
            with (
                jupyter_for(server, home) as jupyter,
                closing(Profile(browser, jupyter, size=size, scale=_SCALE)) as profile,
            ):
                page = NotebookPage(app, profile)
                page.create("sales.ipynb", *_SETUP)
                for cell in page.cells:
                    cell.run()
                if app == "lab":
                    page.command("application:toggle-left-area")
                    studio.lab(page)
                    studio.panel(page)
                else:
                    studio.notebook_7(page)
                    studio.exported(page, jupyter.notebooks / "sales.ipynb")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the pictures go")
    folder: Path = parser.parse_args().folder
    chromium = find_chromium()
    if chromium is None:
        sys.exit("there is no chromium: apt-get install chromium")
    folder.mkdir(parents=True, exist_ok=True)
    take_all(folder, chromium)


if __name__ == "__main__":
    main()
