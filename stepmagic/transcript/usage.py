"""Tokens and money: estimates before a request, counts after it, and their words."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, assert_never

from stepmagic.transcript import (
    File,
    Image,
    Message,
    Opaque,
    Part,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    Usage,
    Video,
)

_CHARACTERS_A_TOKEN = 4
"""English text and code take about a token for four ASCII characters."""

_IMAGE_TOKENS = {"low": 400, "high": 1600}
"""StepFun's documentation says about 400 tokens for an image at low detail."""

_MEDIA_BYTES_A_TOKEN = 1000
_MESSAGE_TOKENS = 4
"""What a chat template adds around each message."""

_BASE64 = re.compile(r"[A-Za-z0-9+/]{200,}={0,2}")
"""Bytes rather than words of any language."""

_UNIT = 1000
_ONE_DIGIT = 10


def estimate_tokens(text: str) -> int:
    """Return about how many tokens a text takes: 4 ASCII characters or 1 other each."""
    if text.isascii():
        return math.ceil(len(text) / _CHARACTERS_A_TOKEN)
    ascii_only = len(text.encode("ascii", "ignore"))
    others = len(text) - ascii_only
    return math.ceil(ascii_only / _CHARACTERS_A_TOKEN) + others


def estimate_part(part: Part) -> int:
    """Return about how many tokens a part takes in a request."""
    match part:
        case Text() | Reasoning():
            return estimate_tokens(part.text)
        case ToolCall():
            return estimate_tokens(part.name + part.arguments)
        case ToolResult():
            return sum(map(estimate_part, part.parts))
        case Image():
            return _IMAGE_TOKENS.get(part.detail or "low", _IMAGE_TOKENS["high"])
        case Video() | File():
            return math.ceil(len(part.data or b"") / _MEDIA_BYTES_A_TOKEN)
        case Opaque():
            return estimate_tokens(str(part.provider_metadata))
        case _:
            assert_never(part)


def estimate_messages(messages: Iterable[Message], system: str | None = None) -> int:
    """Return about how many prompt tokens a request takes."""
    tokens = estimate_tokens(system) + _MESSAGE_TOKENS if system else 0
    for message in messages:
        tokens += _MESSAGE_TOKENS + sum(map(estimate_part, message.parts))
    return tokens


def estimate_body(body: Any) -> int:
    """Return about how many tokens a request takes, as JSON of any protocol."""
    match body:
        case str() if body.startswith("data:") or _BASE64.fullmatch(body):
            return math.ceil(len(body) * 3 / 4 / _MEDIA_BYTES_A_TOKEN)
        case str():
            return estimate_tokens(body)
        case Mapping():
            return sum(map(estimate_body, body.values()))
        case list() | tuple():
            return sum(map(estimate_body, body))
        case _:
            return 0


def total(usages: Iterable[Usage | None]) -> Usage:
    """Return the sum of what several turns took."""
    added = Usage()
    for usage in usages:
        added = added + usage if usage is not None else added
    return added


def format_cost(cost_usd: float) -> str:
    """Return dollars with as many digits as say something: ``$0.00042``, ``$1.20``."""
    if cost_usd == 0:
        return "$0"
    amount = abs(cost_usd)
    digits = max(2, 1 - math.floor(math.log10(amount)))
    return f"{'-' if cost_usd < 0 else ''}${amount:,.{digits}f}"


def format_count(number: int, noun: str) -> str:
    """Return a count with its noun: ``1 token``, ``12,345 tokens``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def format_bytes(size: int) -> str:
    """Return a size in decimal units: ``512 bytes``, ``84 KB``, ``3.2 MB``."""
    if size < _UNIT:
        return format_count(size, "byte")
    amount, unit = size / _UNIT, "KB"
    for larger in ("MB", "GB"):
        if round(amount) >= _UNIT:
            amount, unit = amount / _UNIT, larger
    return f"{amount:,.{1 if round(amount, 1) < _ONE_DIGIT else 0}f} {unit}"
