"""OpenRouter's ``reasoning_details``: fragments of a stream become complete objects.

Owns only the merge; the codec knows which part of a message a detail belongs to. A
detail is sent back to the provider as received, so nothing is renamed, reordered or
left out, and what this module does not know passes through.

    >>> details = ReasoningDetails()
    >>> for text in ("One, ", "two."):
    ...     fragment = {"type": "reasoning.text", "text": text, "index": 0}
    ...     key = details.take(fragment)
    >>> details.whole(key)
    {'type': 'reasoning.text', 'text': 'One, two.', 'index': 0}
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

_GROWING = ("text", "summary", "data")
"""Fields that arrive in fragments: readable text, a summary of it, encrypted bytes."""

_MERGED = ("reasoning.text", "reasoning.summary", "reasoning.encrypted")


class ReasoningDetails:
    """The details of one message, in the order in which they were first seen.

    Fragments of the same type and index are one detail. The index is not enough:
    xAI's summary and its encrypted twin share index 0, in streams and complete replies
    alike (seen in recorded traffic). A fragment without an index, or of a type whose
    fields are not known to grow, is a detail by itself.
    """

    def __init__(self) -> None:
        self._fields: dict[Hashable, dict[str, Any]] = {}
        self._pieces: dict[Hashable, dict[str, list[str]]] = {}

    def __contains__(self, key: object) -> bool:
        return key in self._fields

    def take(self, fragment: Mapping[str, Any]) -> Hashable:
        """Merge a fragment and return the key of the detail it belongs to."""
        key = self._key(fragment)
        fields = self._fields.setdefault(key, {})
        pieces = self._pieces.setdefault(key, {})
        for name, value in fragment.items():
            if name in _GROWING and isinstance(value, str):
                pieces.setdefault(name, []).append(value)
                fields.setdefault(name, value)
            elif name == "signature":
                # Some streams open with an empty signature and close with the real one.
                fields[name] = value or fields.get(name, value)
            elif fields.get(name) is None:
                fields[name] = value
        return key

    def whole(self, key: Hashable) -> dict[str, Any]:
        """Return what was received of a detail."""
        grown = {name: "".join(some) for name, some in self._pieces[key].items()}
        return {**self._fields[key], **grown}

    def _key(self, fragment: Mapping[str, Any]) -> Hashable:
        kind, index = fragment.get("type"), fragment.get("index")
        if not isinstance(index, int) or kind not in _MERGED:
            return ("detail", len(self._fields))
        return ("detail", kind, index)


def readable(fragment: Mapping[str, Any]) -> str:
    """Return the readable text of a detail; empty if it is encrypted."""
    text = fragment.get("text") or fragment.get("summary")
    return text if isinstance(text, str) else ""
