"""JSON from a model, pretty-printed as a code block while it is being received.

Answers of a given type arrive as JSON on one line. ``JsonStream`` turns it into a code
block, character by character: its output is only ever appended to, so that a view draws
it like any other text. Text that does not begin like JSON is returned unchanged.

    >>> from stepmagic.markdown.json_block import format_json
    >>> print(format_json('{"a": [1, 2]}'))
    ```json
    {
      "a": [
        1,
        2
      ]
    }
    ```
    <BLANKLINE>
"""

from __future__ import annotations

import re

_BEGINS = re.compile(r"\s*(?:\{\s*[\"}]|\[\s*[\{\"])")
"""The beginning of JSON, which prose does not have."""

_MAY_BEGIN = re.compile(r"\s*(?:[{\[]\s*)?")
"""A beginning that is too short to decide."""

_INDENT = "  "


class JsonStream:
    """Turns text that may be JSON into Markdown; the chunks do not matter."""

    def __init__(self) -> None:
        self._held = ""
        """Text that was received before it was clear whether it is JSON."""
        self._is_json: bool | None = None
        self._depth = 0
        self._in_string = self._is_escaped = False
        self._is_empty = False
        """Whether the last bracket that was opened has no content yet."""

    def feed(self, text: str) -> str:
        """Take the next chunk; return what to append to the Markdown so far."""
        if self._is_json is None:
            self._held += text
            if _MAY_BEGIN.fullmatch(self._held):
                return ""
            self._is_json = _BEGINS.match(self._held) is not None
            shown = "```json\n" if self._is_json else ""
            return shown + self.feed(self.close())
        shown = ""
        for position, character in enumerate(text):
            if not self._is_json:
                return shown + text[position:]
            in_string = self._in_string
            shown += self._string(character) if in_string else self._syntax(character)
        return shown

    def close(self) -> str:
        """Return what was held back."""
        held, self._held = self._held, ""
        return held

    def _string(self, character: str) -> str:
        self._in_string = character != '"' or self._is_escaped
        self._is_escaped = character == "\\" and not self._is_escaped
        return character

    def _syntax(self, character: str) -> str:
        """Return what a character outside of strings is replaced by."""
        if character.isspace():
            return ""
        if character in "}]":
            return self._close_bracket(character)
        shown = self._new_line() + character if self._is_empty else character
        self._is_empty = character in "{["
        self._in_string = character == '"'
        if self._is_empty:
            self._depth += 1
        return shown + {",": self._new_line(), ":": " "}.get(character, "")

    def _close_bracket(self, character: str) -> str:
        self._depth -= 1
        shown = character if self._is_empty else self._new_line() + character
        self._is_empty = False
        if self._depth > 0:
            return shown
        # After the JSON, there may be text again.
        self._is_json = False
        return f"{shown}\n```\n"

    def _new_line(self) -> str:
        return "\n" + _INDENT * self._depth


def format_json(text: str) -> str:
    """Return Markdown that shows a text; JSON becomes a code block."""
    stream = JsonStream()
    return stream.feed(text) + stream.close()
