"""JSON that a model writes, as an indented code block that grows.

Answers of a given type come as JSON on one line. ``JsonStream`` makes a code block of
it, a letter at a time: what it gives only grows, so that a view draws it like any other
text. Text that does not begin as JSON passes as it is.

    >>> from stepmagic.markdown.forming import formed
    >>> print(formed('{"a": [1, 2]}'))
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
"""What no prose begins with."""

_MAY_BEGIN = re.compile(r"\s*(?:[{\[]\s*)?")
"""What is not enough to tell."""

_INDENT = "  "


class JsonStream:
    """Makes Markdown of text that may be JSON; any chunking gives the same."""

    def __init__(self) -> None:
        """Begin with no text."""
        self._held = ""
        """What came before it was clear whether it is JSON."""
        self._is_json: bool | None = None
        self._depth = 0
        self._in_string = self._is_escaped = False
        self._is_empty = False
        """Whether the last bracket that opened has nothing in it yet."""

    def feed(self, text: str) -> str:
        """Take the next piece; return what is to be shown after all before it."""
        if self._is_json is None:
            self._held += text
            if _MAY_BEGIN.fullmatch(self._held):
                return ""
            self._is_json = _BEGINS.match(self._held) is not None
            shown = "```json\n" if self._is_json else ""
            return shown + self.feed(self.close())
        shown = ""
        for position, letter in enumerate(text):
            if not self._is_json:
                return shown + text[position:]
            shown += self._in_text(letter) if self._in_string else self._around(letter)
        return shown

    def close(self) -> str:
        """Return what was held back."""
        held, self._held = self._held, ""
        return held

    def _in_text(self, letter: str) -> str:
        self._in_string = letter != '"' or self._is_escaped
        self._is_escaped = letter == "\\" and not self._is_escaped
        return letter

    def _around(self, letter: str) -> str:
        """Return what a letter outside of strings becomes."""
        if letter.isspace():
            return ""
        if letter in "}]":
            return self._closed(letter)
        shown = self._line() + letter if self._is_empty else letter
        self._is_empty = letter in "{["
        self._in_string = letter == '"'
        if self._is_empty:
            self._depth += 1
        return shown + {",": self._line(), ":": " "}.get(letter, "")

    def _closed(self, letter: str) -> str:
        self._depth -= 1
        shown = letter if self._is_empty else self._line() + letter
        self._is_empty = False
        if self._depth > 0:
            return shown
        # What follows the JSON is text again.
        self._is_json = False
        return f"{shown}\n```\n"

    def _line(self) -> str:
        return "\n" + _INDENT * self._depth


def formed(text: str) -> str:
    """Return Markdown that shows a text; JSON as a code block."""
    stream = JsonStream()
    return stream.feed(text) + stream.close()
