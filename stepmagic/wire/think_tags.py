"""The ``<think>`` block that some servers leave at the head of an answer.

A server whose reasoning parser is off, or loses its place, sends the tags of the chat
template as text: a complete block, or only the closing tag if the template had opened
it (seen with Step 3.5 on llama.cpp and vLLM). Only the head of an answer is looked at;
later on a tag is text like any other.
"""

from __future__ import annotations

from enum import Enum, auto

_OPEN, _CLOSE = "<think>", "</think>"


class _Place(Enum):
    """Where in the answer the text is."""

    HEAD = auto()
    INSIDE = auto()
    AFTER = auto()
    """After the closing tag, before the first character of the answer."""
    ANSWER = auto()


class LeadingThought:
    """Divides the head of an answer into thought and text, however it was cut."""

    def __init__(self) -> None:
        """Begin at the head."""
        self._place = _Place.HEAD
        self._held = ""

    @property
    def is_past(self) -> bool:
        """Whether the answer has begun, so that all text is text."""
        return self._place is _Place.ANSWER

    @property
    def is_undecided(self) -> bool:
        """Whether the text so far may still turn out to be a tag."""
        return self._place is _Place.HEAD

    def feed(self, text: str) -> tuple[str, str]:
        """Return the thought and the text that are certain by now."""
        text = self._held + text
        self._held = ""
        if self._place is _Place.HEAD:
            text = self._past_tag(text)
        if self._place is _Place.HEAD:
            self._held = text
            return "", ""
        if self._place is _Place.INSIDE:
            return self._divided(text)
        return "", self._begun(text) if self._place is _Place.AFTER else text

    def finish(self) -> tuple[str, str]:
        """Return what was held back, as thought and as text, when the stream ends."""
        held, self._held = self._held, ""
        inside = self._place is _Place.INSIDE
        self._place = _Place.ANSWER
        return (held, "") if inside else ("", held)

    def _past_tag(self, text: str) -> str:
        """Decide at the start of the text; return what follows a tag there."""
        start = text.lstrip()
        for tag, place in ((_OPEN, _Place.INSIDE), (_CLOSE, _Place.AFTER)):
            if start.startswith(tag):
                self._place = place
                return start.removeprefix(tag)
        if not (_OPEN.startswith(start) or _CLOSE.startswith(start)):
            self._place = _Place.ANSWER
        return text

    def _divided(self, text: str) -> tuple[str, str]:
        thought, tag, answer = text.partition(_CLOSE)
        if tag:
            return thought, self._begun(answer)
        kept = _tail(thought)
        self._held = thought[len(thought) - kept :]
        return thought[: len(thought) - kept], ""

    def _begun(self, text: str) -> str:
        """Return the answer without the blank lines that follow the tag."""
        answer = text.lstrip()
        self._place = _Place.ANSWER if answer else _Place.AFTER
        return answer


def _tail(text: str) -> int:
    """Return how many characters at the end of a text may begin the closing tag."""
    lengths = range(len(_CLOSE) - 1, 0, -1)
    return next((size for size in lengths if text.endswith(_CLOSE[:size])), 0)
