"""One notebook in a page of JupyterLab or Notebook 7, driven as a user would.

Waits look at the notebook itself: the kernel's status says idle before a cell that was
just started is queued, and a first key press now and then reaches no kernel.
"""

from __future__ import annotations

import re
import time
from typing import Any, Literal, TypeAlias

from playwright.sync_api import Locator, Page, expect

from browser.profile import Profile

App: TypeAlias = Literal["lab", "notebook"]

_CELL = ".jp-Notebook .jp-CodeCell"
_PATHS: dict[App, str] = {
    "lab": "/lab/workspaces/{window}/tree/{name}",
    "notebook": "/notebooks/{name}",
}
"""Two windows of JupyterLab with one workspace are not to be: it loads one again."""

_RUN_S = 60.0
_KEY_S = 4.0
"""A cell that shows no sign of running after this gets the key again."""

_OPEN_INSTEAD = """async (path) => {
  for (const each of [...jupyterapp.shell.widgets("main")]) each.dispose();
  await jupyterapp.commands.execute("docmanager:open", { path });
}"""
_IS_IDLE = """() =>
  jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === "idle"
"""
_DRAWN = """() => new Promise((drawn) => {
  requestAnimationFrame(() => requestAnimationFrame(drawn));
})"""
_DONE = re.compile(r"\[(\d+)\]")


class NotebookPage:
    """A page of an application with one notebook open."""

    def __init__(self, app: App, profile: Profile) -> None:
        """Open an empty window of an application, in a profile."""
        self.app = app
        self.watch = profile.watch
        self.page: Page
        self.page, self._window = profile.open_window()
        self._server = profile.server
        self.name = ""
        self._is_loaded = False

    def close(self) -> None:
        """Close the window."""
        self.page.close()

    def create(self, name: str, *cells: str) -> None:
        """Write a notebook of code cells, and open it."""
        self._server.write(name, *cells)
        self.open(name)

    def begin(self, name: str, setup: str = "%load_ext stepmagic") -> None:
        """Open a new notebook, and run its first cell.

        Args:
            name: Of the file, without suffix; the application's name precedes it.
            setup: The first cell.
        """
        self.create(f"{self.app}_{name}.ipynb", setup)
        self.cells[0].run()

    def open(self, name: str) -> None:
        """Go to a notebook that exists, and wait until it can be used.

        JupyterLab opens it within the page, in place of the notebook before; Notebook 7
        has one page for each notebook.
        """
        self.name = name
        if self.app == "lab" and self._is_loaded:
            self.page.evaluate(_OPEN_INSTEAD, name)
            self._wait_until_open()
        else:
            self.reload()

    def reload(self) -> None:
        """Load the page of the notebook, as a reader does."""
        path = self._expect_it()
        # Without a reset, JupyterLab opens what was open before as well.
        query = f"reset&token={self._server.token}"
        self.page.goto(f"{self._server.url}{path}?{query}")
        self._is_loaded = True
        self._wait_until_open()

    @property
    def cells(self) -> list[CodeCell]:
        """All cells, in order."""
        count = self.page.locator(_CELL).count()
        return [CodeCell(self.page, place) for place in range(count)]

    def add(self, source: str) -> CodeCell:
        """Put a new cell at the end."""
        self.cells[-1].select()
        before = len(self.cells)
        self.command("notebook:insert-cell-below")
        expect(self.page.locator(_CELL)).to_have_count(before + 1)
        cell = self.cells[-1]
        cell.write(source)
        return cell

    def run(self, source: str) -> CodeCell:
        """Put a new cell at the end, and run it until it is done."""
        return self.add(source).run()

    def save(self) -> Any:
        """Save, and return the contents of the file."""
        self.command("docmanager:save")
        return self._server.read(self.name)

    def reopen_without_kernel(self) -> None:
        """Save, leave, shut the kernel down, and open it again."""
        self.save()
        self.watch.expect("/api/status")
        self.page.goto(f"{self._server.url}/api/status?token={self._server.token}")
        self._server.stop_kernel(self.name)
        # In a page that has not been left, JupyterLab still has the widgets' models.
        self.reload()

    def open_as_received(self, notebook: Any) -> None:
        """Open a notebook from elsewhere: one that is not trusted."""
        # Jupyter signs what was run here, by its content.
        notebook["cells"][0]["source"] = "# from elsewhere"
        self.name = f"received_{self.name}"
        self._server.keep(self.name, notebook)
        self.open(self.name)

    def press(self, item: str) -> None:
        """Click a button of the notebook's toolbar, by its name there."""
        self.page.locator(f'.jp-Toolbar [data-jp-item-name="{item}"] jp-button').click()

    def set_theme(self, theme: Literal["Light", "Dark"]) -> None:
        """Choose a theme of JupyterLab's."""
        self.command("apputils:change-theme", theme=f"JupyterLab {theme}")
        is_light = str(theme == "Light").lower()
        expect(self.page.locator("body")).to_have_attribute(
            "data-jp-theme-light", is_light
        )

    def command(self, name: str, **arguments: str) -> None:
        """Run a command of the application to its end."""
        self.page.evaluate(
            "([name, args]) => jupyterapp.commands.execute(name, args)",
            [name, arguments],
        )

    def _expect_it(self) -> str:
        """Tell the watch where this window goes; returns the path."""
        path = _PATHS[self.app].format(window=self._window, name=self.name)
        self.watch.expect(path)
        return path

    def _wait_until_open(self) -> None:
        """Wait for the kernel and for every cell, also those out of sight."""
        self.page.locator(_CELL).first.locator(".cm-content").wait_for()
        self.page.wait_for_function(
            """(cell) => {
              const panel = jupyterapp.shell.currentWidget;
              const count = document.querySelectorAll(cell).length;
              return panel?.sessionContext?.isReady
                && panel.content.widgets.length === count;
            }""",
            arg=_CELL,
        )


class CodeCell:
    """One cell of a notebook that is open."""

    def __init__(self, page: Page, place: int) -> None:
        """Take the cell at a place, from 0."""
        self.page = page
        self.element = page.locator(_CELL).nth(place)
        self._prompt = self.element.locator(".jp-InputPrompt").first
        self._before = ""

    @property
    def outputs(self) -> Locator:
        """What the cell shows; never its source."""
        return self.element.locator(".jp-OutputArea-output")

    @property
    def text(self) -> str:
        """The text of all its outputs, as a reader sees it."""
        return "\n".join(self.outputs.all_inner_texts())

    @property
    def is_done(self) -> bool:
        """Whether the prompt has a number that it did not have before."""
        prompt = self._prompt.inner_text()
        return bool(_DONE.search(prompt)) and prompt != self._before

    def answer(self, output: int = 0) -> str:
        """Return the model's text in an output, without reasoning and footer."""
        return str(self.outputs.nth(output).evaluate("stepPage.text"))

    def select(self) -> None:
        """Make it the active cell, outside its editor."""
        self.element.scroll_into_view_if_needed()
        self._prompt.click()

    def unfold(self) -> None:
        """Show what is folded away in its outputs."""
        self.outputs.locator("details").evaluate_all(
            "all => all.forEach((each) => { each.open = true; })"
        )

    def write(self, source: str) -> None:
        """Replace its source."""
        self.element.locator(".cm-content").click()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(source)

    def start(self) -> None:
        """Run it; returns as soon as it is running, or done."""
        self._before = self._prompt.inner_text()
        self.element.locator(".cm-content").click()
        for _ in range(5):
            self.page.keyboard.press("Control+Enter")
            deadline = time.monotonic() + _KEY_S
            while time.monotonic() < deadline:
                if "*" in self._prompt.inner_text() or self.is_done:
                    return
                self.page.wait_for_timeout(20)
        message = f"the cell does not start: {self._prompt.inner_text()!r}"
        raise AssertionError(message)

    def wait(self, timeout_s: float = _RUN_S) -> None:
        """Wait until it is done, and all its outputs have arrived."""
        deadline = time.monotonic() + timeout_s
        # The reply with the number of the prompt may overtake the last output, on
        # another channel; the status does not.
        while not (self.is_done and self.page.evaluate(_IS_IDLE)):
            if time.monotonic() > deadline:
                message = f"the cell does not end; it shows {self.text!r}"
                raise AssertionError(message)
            self.page.wait_for_timeout(20)
        self.page.evaluate(_DRAWN)

    def run(self) -> CodeCell:
        """Run it until it is done."""
        self.start()
        self.wait()
        return self

    def wait_for_text(self, words: str) -> None:
        """Wait until its outputs contain some words."""
        expect(self.outputs.filter(has_text=words).first).to_be_visible()
