"""A page that applies the patches it receives."""

from __future__ import annotations

import json
from typing import Any


class Reader:
    """What ``view.js`` makes of messages, written again in Python."""

    def __init__(self) -> None:
        """Begin as a page does that has just loaded."""
        self.seq = -1
        self.lost = False
        self.pieces: list[dict[str, str]] = []
        self.line = ""

    def take(self, message: dict[str, Any]) -> None:
        """Take a message as it arrives, through JSON."""
        message = json.loads(json.dumps(message))
        follows = message["seq"] == self.seq + 1
        self.seq = message["seq"]
        if message.get("complete"):
            self.lost, self.pieces, self.line = False, [], ""
        elif not follows:
            self.lost = True
        if self.lost:
            return
        for change in message.get("pieces", []):
            self._change(change)
        self.line = message.get("line", self.line)

    def _change(self, change: dict[str, Any]) -> None:
        blank = {"around": "", "summary": "", "frozen": "", "open": ""}
        while len(self.pieces) <= change["at"]:
            self.pieces.append(dict(blank))
        piece = self.pieces[change["at"]]
        if "around" in change:
            piece.update(blank, around=change["around"])
        if "restart" in change:
            piece.update(frozen="", open="")
        piece["summary"] = change.get("summary", piece["summary"])
        piece["frozen"] += change.get("frozen", "")
        if "tail" in change:
            units = piece["open"].encode("utf-16-le")[: 2 * change["keep"]]
            piece["open"] = units.decode("utf-16-le") + change["tail"]

    @property
    def html(self) -> str:
        """The HTML that the page shows."""
        return written(self.pieces, self.line)


def written(pieces: list[dict[str, Any]], line: str) -> str:
    """Return the HTML of a page's state."""
    html = ""
    for piece in pieces:
        # The script keeps frozen HTML in fragments.
        body = "".join(piece["frozen"]) + piece["open"]
        if piece["around"]:
            opening, between, rest = piece["around"].partition("</summary>\n")
            inner = "</blockquote>" if "<blockquote>" in rest else "</details>"
            before, closing, after = rest.partition(inner)
            summary = piece["summary"] + between
            html += opening + summary + before + body + closing + after
        else:
            html += body
    return f'<div class="sm-reply">\n{html}{line}</div>'
