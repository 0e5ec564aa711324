"""What a screen reader is told of an answer that grows: finished sentences."""

from __future__ import annotations

import re

from stepmagic.markdown import plain

_END = re.compile(r"[.!?:](?=\s)|\n")
_FENCE = re.compile(r"\s*(```|~~~)\s*([\w+#.-]*)")
_SIGNS = re.compile(r"[*_`#>|]+|^\s*[-+] |\\[()\[\]]|\$+", re.MULTILINE)
"""Of Markdown, which are no words."""


class Speech:
    """Follows the text of one answer."""

    def __init__(self) -> None:
        """Begin with nothing said."""
        self._said = 0
        self._in_code = False

    def more(self, text: str, *, is_whole: bool = False) -> str:
        """Return what is to be said now, the text so far being this.

        Code is told by its language, and not read out.
        """
        ends = [found.end() for found in _END.finditer(text, self._said)]
        end = len(text) if is_whole else (ends[-1] if ends else self._said)
        new, self._said = text[self._said : end], end
        words = [self._line(line) for line in new.split("\n")]
        return " ".join(filter(None, words))

    def _line(self, line: str) -> str:
        fence = _FENCE.match(line)
        if fence is not None:
            self._in_code = not self._in_code
            return f"Code {fence[2]}".strip() + "." if self._in_code else ""
        if self._in_code:
            return ""
        return " ".join(_SIGNS.sub(" ", plain(line)).split())
