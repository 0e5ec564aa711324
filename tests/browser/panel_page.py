"""The panel in a page, used as a person would."""

from __future__ import annotations

import base64
from typing import Any

from playwright.sync_api import Locator, expect

from browser.notebook_page import CodeCell, NotebookPage

_PASTE = """(area, [name, type, data]) => {
  const bytes = Uint8Array.from(atob(data), (each) => each.charCodeAt(0));
  const held = new DataTransfer();
  held.items.add(new File([bytes], name, { type }));
  const bubbling = { bubbles: true, cancelable: true };
  area.dispatchEvent(new ClipboardEvent("paste", { clipboardData: held, ...bubbling }));
}"""


class PanelPage:
    """A panel that is open in a notebook."""

    def __init__(self, notebook: NotebookPage, cell: CodeCell) -> None:
        """Take the panel in the output of a cell."""
        self.notebook = notebook
        self.cell = cell
        self.element: Locator = cell.element.locator(".sm-panel")
        self.text = self.element.locator(".sm-composer textarea")
        self.turns = self.element.locator(".sm-turn")
        self.status = self.element.locator(".sm-status")

    def button(self, name: str, place: int = -1) -> Locator:
        """Return a button by its name, the last of them by default."""
        found = self.element.get_by_role("button", name=name, exact=True)
        return found.last if place < 0 else found.nth(place)

    def write(self, text: str) -> None:
        """Write a question, key by key, so that names are offered."""
        self.text.click()
        self.text.press_sequentially(text)

    def ask(self, text: str) -> None:
        """Ask a question."""
        self.text.fill(text)
        self.text.press("Enter")

    def paste(self, data: bytes, name: str) -> None:
        """Paste a PNG into the question."""
        encoded = base64.b64encode(data).decode("ascii")
        self.text.evaluate(_PASTE, [name, "image/png", encoded])

    def expect_answer(self, words: str, place: int = -1) -> Locator:
        """Wait until a turn, by default the last, is answered with some words."""
        turn = self.turns.last if place < 0 else self.turns.nth(place)
        expect(turn.locator(".sm-answer")).to_contain_text(words)
        expect(turn.get_by_role("button", name="Regenerate")).to_be_visible()
        return turn

    def start_afresh(self) -> None:
        """Begin a new conversation, without turns."""
        self.button("Start a new conversation").click()
        expect(self.turns).to_have_count(0)

    def narrow(self, width: int) -> None:
        """Make the window so small that the panel has a width, in CSS pixels."""
        page, box = self.notebook.page, self.element.bounding_box()
        size = page.viewport_size
        assert box
        assert size
        beside = size["width"] - round(box["width"])
        page.set_viewport_size({"width": beside + width, "height": size["height"]})

    def violations(self, axe: Any) -> list[str]:
        """Return what axe-core finds serious or critical in the panel."""
        found = axe.run(self.notebook.page, context=".sm-panel").response
        return [
            f"{each['id']}: {node['html'][:200]} {node.get('failureSummary', '')}"
            for each in found["violations"]
            if each["impact"] in ("serious", "critical")
            for node in each["nodes"]
        ]
