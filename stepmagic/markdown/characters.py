"""Control characters and invisible ones, and their removal.

Owns which code points may reach a screen: no terminal escapes, no bidirectional
overrides, no invisible text. The rest reads the same in a terminal and in a browser.
"""

from __future__ import annotations

import re

from stepmagic.errors import shorten

# ECMA-48: a control sequence; a control string with its text; any other escape. A
# string ends with its line or after 4096 characters, so that one that is never closed
# does not hide the rest of the text.
_SEQUENCE = (
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x00-\x08\n-\x1f\x80-\x9f]{0,4096}"
    r"(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]?"
)

# Controls; the soft hyphen; joiners and fillers that show nothing; marks, overrides and
# isolates of direction; zero-width spaces; variation selectors except the two for
# emoji; annotations; musical and shorthand controls; tags and the rest of their plane.
_INVISIBLE = (
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5"
    "\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0d"
    "\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff"
)

_JOINERS = "\u200c\u200d"
_SELECTORS = "\ufe0e\ufe0f"

_SPECIAL = re.compile(
    f"[\r\u2028\u2029\ud800-\udfff{_INVISIBLE}{_JOINERS}{_SELECTORS}]"
)
_REMOVED = re.compile(f"{_SEQUENCE}|[{_INVISIBLE}]")
_LINE_BREAK = re.compile("\r\n|[\r\u2028\u2029]")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")

# What may continue in the next chunk of a stream: an escape, half of a line break.
_INCOMPLETE = re.compile(
    r"(?:\x1b[ -/]*|(?:\x1b\[|\x9b)[0-?]*[ -/]*"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x00-\x08\n-\x1f\x80-\x9f]{0,4096}\x1b?"
    r"|\r)\Z"
)

# Scripts and emoji need one joiner between two characters and one selector after a
# character; runs of them can encode hidden text.
_STRAY = re.compile(
    f"(?<![^\x00-\x7f{_JOINERS}])[{_JOINERS}]"
    f"|[{_JOINERS}](?![^\x00-\x7f{_JOINERS}{_SELECTORS}])"
    f"|(?<![^\\s{_JOINERS}{_SELECTORS}])[{_SELECTORS}]"
)


class PlainStream:
    """Filters text in chunks; the result does not depend on where they are cut."""

    def __init__(self) -> None:
        self._incomplete = ""
        """An escape or a line break that may continue in the next chunk."""
        self._joiners = ""
        """Joiners that are kept only if a character follows."""
        self._before = ""
        """The last character that was returned."""

    def feed(self, text: str) -> str:
        """Return what can be shown so far."""
        text = self._incomplete + text
        if not (_SPECIAL.search(text) or self._joiners):
            self._incomplete = ""
            self._before = text[-1:] or self._before
            return text
        cut = _INCOMPLETE.search(text)
        self._incomplete = cut.group() if cut else ""
        return self._filtered(text[: cut.start()] if cut else text)

    def close(self) -> str:
        """Return the rest of the text that was held back."""
        rest = self._filtered(self._incomplete)
        self._incomplete = self._joiners = self._before = ""
        return rest

    def _filtered(self, text: str) -> str:
        text = _REMOVED.sub("", _LINE_BREAK.sub("\n", text))
        seen = self._before + self._joiners + _LONE_SURROGATE.sub("\ufffd", text)
        begin = len(self._before)
        # The next character decides whether a joiner is kept.
        end = max(begin, len(seen.rstrip(_JOINERS)))
        pieces = []
        for stray in _STRAY.finditer(seen, begin, end):
            pieces.append(seen[begin : stray.start()])
            begin = stray.end()
        pieces.append(seen[begin:end])
        self._before, self._joiners = seen[end - 1 : end], seen[end:]
        return "".join(pieces)


def plain(text: str) -> str:
    """Return text without control characters and invisible characters.

    Removed are terminal escapes, controls except newline and tab, bidirectional
    overrides, tag characters and everything else that shows nothing. Line breaks become
    newlines, lone surrogates become U+FFFD. One joiner is kept between the characters
    that it joins, and one emoji selector after its character.
    """
    if not _SPECIAL.search(text):
        return text
    stream = PlainStream()
    return stream.feed(text) + stream.close()


def one_line(text: str, most: int) -> str:
    """Return a text as one line of at most so many characters, with ``...`` if cut."""
    # Of a very long text, only the beginning is examined.
    begin = text[: 4 * most]
    line = " ".join(plain(begin).split())
    is_cut = len(begin) < len(text)
    return f"{line[:most]}..." if is_cut else shorten(line, most)
