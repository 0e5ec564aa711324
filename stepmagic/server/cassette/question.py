"""A request in a canonical form, its hash, and how two of them differ.

Pure. The form contains what decides an answer and nothing else: not whether it streams,
not where the server is. A picture is known by the pixels it was encoded from, so that
another encoder changes nothing; other media by a hash of their bytes.

    >>> from stepmagic.cassette.questions import question
    >>> body = {"model": "a/b", "messages": [{"role": "user", "content": "Hi"}]}
    >>> question("chat", body).key == question("chat", {**body, "stream": True}).key
    True
"""

from __future__ import annotations

import difflib
import hashlib
import itertools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from stepmagic.errors import shorten
from stepmagic.transcript import MediaText, Protocol
from stepmagic.transcript.usage import format_count

_FORM = 1
"""Part of every hash; changes with the form."""

_LISTS = ("messages", "input")
"""Fields of a body that hold the messages."""

_DELIVERY = ("stream", "stream_options", "session_id")
"""Fields that say how an answer is delivered, and from where, not which."""

_DIGITS = 32
_COMPARED = 2000
_SHOWN, _BEFORE = 48, 12
"""Letters of a text that a difference shows, and of those before it begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a request asks."""

    options: Mapping[str, Any]
    """The protocol, and all of the body but its messages."""
    messages: tuple[str, ...]
    """Digests, in order."""
    forms: Mapping[str, Any] = field(default_factory=dict)
    """The messages by digest, as far as they are known."""

    @property
    def key(self) -> str:
        """The hash that the answer is kept under."""
        return digest([_FORM, self.options, list(self.messages)])


def question(protocol: Protocol, body: Mapping[str, Any]) -> Question:
    """Return what the body of a request asks; its media are known by ``identity``."""
    form = _canonical(
        {name: held for name, held in body.items() if name not in _DELIVERY}
    )
    said: Any = next((form.pop(name) for name in _LISTS if name in form), [])
    listed = said if isinstance(said, list) else [said]
    forms = {digest(message): message for message in listed}
    return Question(
        options={"protocol": protocol, **form},
        messages=tuple(digest(message) for message in listed),
        forms=forms,
    )


def digest(form: Any) -> str:
    """Return the hash of JSON, whatever the order of its fields."""
    text = json.dumps(_canonical(form), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


def _canonical(value: Any) -> Any:
    match value:
        case MediaText():
            return {"media": value.identity}
        case float() if value.is_integer():
            return int(value)
        case Mapping():
            made = {str(name): _canonical(held) for name, held in value.items()}
            if any(isinstance(held, MediaText) for held in value.values()):
                # PNG or JPEG is the encoder's choice.
                made.pop("media_type", None)
            return made
        case list() | tuple():
            return [_canonical(item) for item in value]
        case _:
            return value


def nearest(asked: Question, known: Iterable[Question]) -> Question | None:
    """Return the question that is most like one; of equals, the last."""
    last = _words(asked, -1)

    def likeness(other: Question) -> tuple[int, bool, int, float]:
        same = sum(
            asked.options.get(name) == held for name, held in other.options.items()
        )
        return (
            _shared(asked, other),
            len(asked.messages) == len(other.messages),
            same,
            difflib.SequenceMatcher(None, last, _words(other, -1)).quick_ratio(),
        )

    return max(reversed(list(known)), key=likeness, default=None)


def differences(asked: Question, recorded: Question) -> list[str]:
    """Return how a question differs from one that was recorded, a line each."""
    lines = [
        f"{name}: {_told(asked.options, name)}, recorded with "
        f"{_told(recorded.options, name)}"
        for name in {**asked.options, **recorded.options}
        if asked.options.get(name) != recorded.options.get(name)
    ]
    at = _shared(asked, recorded)
    counts = len(asked.messages), len(recorded.messages)
    if at == min(counts) and counts[0] != counts[1]:
        count = format_count(counts[0], "message")
        lines.append(f"{count}, recorded with {counts[1] or 'none'}")
    elif at < min(counts):
        lines.append(_message_difference(asked, recorded, at))
    return lines


def _shared(one: Question, other: Question) -> int:
    """Return how many messages two questions begin with alike."""
    pairs = zip(one.messages, other.messages, strict=False)
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))


def _form(asked: Question, at: int) -> Any:
    return asked.forms.get(asked.messages[at]) if asked.messages else None


def _words(asked: Question, at: int) -> str:
    """Return the beginning of a message as text, to be compared."""
    return json.dumps(_form(asked, at))[:_COMPARED]


def _told(options: Mapping[str, Any], name: str) -> str:
    return _shortened(options[name]) if name in options else "none"


def _shortened(value: Any) -> str:
    return shorten(json.dumps(value, ensure_ascii=False), _SHOWN)


def _message_difference(asked: Question, recorded: Question, at: int) -> str:
    here, there = _form(asked, at), _form(recorded, at)
    role = here.get("role") if isinstance(here, Mapping) else None
    where = f"message {at + 1}" + (f" ({role})" if role else "")
    place, one, other = _first_difference(here, there)
    what = "".join(f"[{step}]" if type(step) is int else f" {step}" for step in place)
    return f"{where}{what}: {_around(one, other)}, recorded with {_around(other, one)}"


def _first_difference(one: Any, other: Any) -> tuple[tuple[str | int, ...], Any, Any]:
    """Return the first place where two forms differ, and both values there."""
    for name, here, there in _pairs(one, other):
        if here != there:
            place, *rest = _first_difference(here, there)
            return ((name, *place), rest[0], rest[1])
    return (), one, other


def _pairs(one: Any, other: Any) -> list[tuple[str | int, Any, Any]]:
    """Return what two objects or lists hold, side by side, and where."""
    match one, other:
        case dict(), dict():
            names = {**one, **other}
            return [(name, one.get(name), other.get(name)) for name in names]
        case list(), list():
            pairs = enumerate(itertools.zip_longest(one, other))
            return [(number, *pair) for number, pair in pairs]
        case _:
            return []


def _around(text: Any, other: Any) -> str:
    """Return a text from shortly before where it begins to differ from another."""
    if not (isinstance(text, str) and isinstance(other, str)):
        return "nothing" if text is None else _shortened(text)
    pairs = zip(text, other, strict=False)
    same = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))
    start = max(0, same - _BEFORE) if same > _SHOWN - _BEFORE else 0
    shown = text[start : start + _SHOWN]
    before = "..." if start else ""
    after = "..." if start + _SHOWN < len(text) else ""
    return repr(f"{before}{shown}{after}")
