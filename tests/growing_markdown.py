"""What a reader of patches sees, for tests of Markdown that is being received."""

from __future__ import annotations

from stepmagic.markdown import render
from stepmagic.markdown.stream import BlockStream


def one_shot(source: str) -> str:
    return render(source, highlight=False)


class Screen:
    """What a reader of patches sees."""

    def __init__(self) -> None:
        self.stream = BlockStream()
        self.restarts = 0
        self._frozen = ""

    def feed(self, text: str) -> str:
        self.stream.feed(text)
        patch = self.stream.patch()
        if patch.restart:
            self.restarts += 1
            self._frozen = ""
        self._frozen += patch.frozen
        return self._frozen + patch.open
