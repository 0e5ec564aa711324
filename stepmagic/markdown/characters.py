"""Characters that act instead of being read, and their removal.

Owns which code points may reach a screen: no terminal escapes, no bidirectional
overrides, no invisible text. What is left reads the same in a terminal and a browser.
"""

from __future__ import annotations

import re

# ECMA-48: a control sequence; a control string with its text; any other escape. A
# string ends with its line or after 4096 characters: one never closed hides no more.
_SEQUENCE = (
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x00-\x08\n-\x1f\x80-\x9f]{0,4096}"
    r"(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]?"
)

# Controls; soft hyphen; joiners and fillers that show nothing; marks, overrides and
# isolates of direction; zero-width spaces; variation selectors but the two for emoji;
# annotations; musical and shorthand controls; tags and the rest of their plane.
_UNSEEN = (
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5"
    "\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0d"
    "\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff"
)

_JOINERS = "\u200c\u200d"
_SELECTORS = "\ufe0e\ufe0f"

_ACTS = re.compile(f"[\r\u2028\u2029\ud800-\udfff{_UNSEEN}{_JOINERS}{_SELECTORS}]")
_GONE = re.compile(f"{_SEQUENCE}|[{_UNSEEN}]")
_BREAK = re.compile("\r\n|[\r\u2028\u2029]")
_LONE = re.compile("[\ud800-\udfff]")

# What may go on in the next piece of a stream: an escape, half of a line break.
_UNFINISHED = re.compile(
    r"(?:\x1b[ -/]*|(?:\x1b\[|\x9b)[0-?]*[ -/]*"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x00-\x08\n-\x1f\x80-\x9f]{0,4096}\x1b?"
    r"|\r)\Z"
)

# Scripts and emoji need one joiner between two letters and one selector after a sign;
# runs of them carry hidden text.
_STRAY = re.compile(
    f"(?<![^\x00-\x7f{_JOINERS}])[{_JOINERS}]"
    f"|[{_JOINERS}](?![^\x00-\x7f{_JOINERS}{_SELECTORS}])"
    f"|(?<![^\\s{_JOINERS}{_SELECTORS}])[{_SELECTORS}]"
)


class PlainStream:
    """Filters text that comes in pieces; the result does not depend on the cuts."""

    def __init__(self) -> None:
        """Begin with nothing held back."""
        self._unfinished = ""
        self._joiners = ""
        self._before = ""

    def feed(self, text: str) -> str:
        """Return what can be shown by now."""
        text = self._unfinished + text
        if not (_ACTS.search(text) or self._joiners):
            self._unfinished = ""
            self._before = text[-1:] or self._before
            return text
        cut = _UNFINISHED.search(text)
        self._unfinished = cut.group() if cut else ""
        return self._shown(text[: cut.start()] if cut else text)

    def close(self) -> str:
        """Return what was held back and turned out to be text."""
        rest = self._shown(self._unfinished)
        self._unfinished = self._joiners = self._before = ""
        return rest

    def _shown(self, text: str) -> str:
        text = _GONE.sub("", _BREAK.sub("\n", text))
        seen = self._before + self._joiners + _LONE.sub("\ufffd", text)
        begin = len(self._before)
        # Whether a joiner stays depends on what follows, so it waits for that.
        end = max(begin, len(seen.rstrip(_JOINERS)))
        kept = []
        for stray in _STRAY.finditer(seen, begin, end):
            kept.append(seen[begin : stray.start()])
            begin = stray.end()
        kept.append(seen[begin:end])
        self._before, self._joiners = seen[end - 1 : end], seen[end:]
        return "".join(kept)


def plain(text: str) -> str:
    """Return text without the characters that act instead of being read.

    Gone are terminal escapes, controls except newline and tab, bidirectional overrides,
    tag characters and whatever else shows nothing; line breaks become newlines, lone
    surrogates U+FFFD. One joiner stays between letters that it joins, one emoji
    selector after its sign.
    """
    if not _ACTS.search(text):
        return text
    stream = PlainStream()
    return stream.feed(text) + stream.close()
