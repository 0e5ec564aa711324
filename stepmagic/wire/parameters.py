"""Every parameter a user may set by the wire's own name, and its form by protocol.

The names are those of ``/chat/completions``; a row is where each protocol takes the
value, None where it takes none. What needs more than another name (``reasoning``,
``response_format``, ``tool_choice``, ``stop``) is written by the codec itself and
marked ``CODEC`` here.

Sources: the request schemas of OpenRouter's OpenAPI document as its SDK 1.3 carries
them. There ``/responses`` takes ``stop`` and the two penalties, which the document of
August 2026 did not list yet.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from stepmagic.errors import SettingError, UnsupportedOption, did_you_mean
from stepmagic.transcript import Protocol

CODEC: Final = "(codec)"

Kind: TypeAlias = Literal[
    "number", "whole", "flag", "word", "words", "object", "objects", "any"
]

_MOST_STOPS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One row of the table."""

    kind: Kind
    chat: str | None = None
    responses: str | None = None
    messages: str | None = None
    low: float | None = None
    high: float | None = None
    help: str = ""
    routing: bool = False
    """Read by the router or the server, not by the model: any model takes it."""

    def field(self, protocol: Protocol) -> str | None:
        """Return the field of a protocol's body, or None where it has none."""
        return {
            "chat": self.chat,
            "responses": self.responses,
            "messages": self.messages,
        }[protocol]


def _everywhere(name: str, kind: Kind, text: str = "") -> Parameter:
    """Return a row for the router, the same in every protocol."""
    return Parameter(
        kind=kind, chat=name, responses=name, messages=name, help=text, routing=True
    )


def _chat_only(name: str, kind: Kind, text: str = "") -> Parameter:
    return Parameter(kind=kind, chat=name, help=text)


PARAMETERS: dict[str, Parameter] = {
    "reasoning": Parameter(
        kind="object",
        chat=CODEC,
        responses=CODEC,
        messages=CODEC,
        help='such as {"effort": "low"} or {"max_tokens": 2000}; `-e` is the short way',
    ),
    "reasoning_effort": _chat_only(
        "reasoning_effort", "word", "OpenAI's form, for servers other than OpenRouter"
    ),
    "temperature": Parameter(
        kind="number",
        chat="temperature",
        responses="temperature",
        messages="temperature",
        low=0,
        high=2,
        help="0 is steady, 2 is wild",
    ),
    "max_tokens": Parameter(
        kind="whole",
        chat="max_tokens",
        responses="max_output_tokens",
        messages="max_tokens",
        low=1,
        help="most tokens of the answer, reasoning included",
    ),
    "max_completion_tokens": Parameter(
        kind="whole",
        chat="max_completion_tokens",
        low=1,
        help="newer name of max_tokens on some servers",
    ),
    "top_p": Parameter(
        kind="number",
        chat="top_p",
        responses="top_p",
        messages="top_p",
        low=0,
        high=1,
        help="sample from the likeliest tokens that make up this share",
    ),
    "top_k": Parameter(
        kind="whole", chat="top_k", responses="top_k", messages="top_k", low=0
    ),
    "min_p": Parameter(kind="number", chat="min_p", low=0, high=1),
    "top_a": Parameter(kind="number", chat="top_a", low=0, high=1),
    "stop": Parameter(
        kind="words",
        chat=CODEC,
        responses=CODEC,
        messages=CODEC,
        help=f"a text, or a list of up to {_MOST_STOPS}, at which the answer ends",
    ),
    "frequency_penalty": Parameter(
        kind="number",
        chat="frequency_penalty",
        responses="frequency_penalty",
        low=-2,
        high=2,
        help="above 0 repeats less",
    ),
    "presence_penalty": Parameter(
        kind="number",
        chat="presence_penalty",
        responses="presence_penalty",
        low=-2,
        high=2,
    ),
    "repetition_penalty": Parameter(
        kind="number", chat="repetition_penalty", low=0, high=2
    ),
    "seed": _chat_only("seed", "whole", "same seed, more alike answers"),
    "logit_bias": _chat_only("logit_bias", "object"),
    "logprobs": _chat_only(
        "logprobs", "flag", "log-probabilities of the answer's tokens"
    ),
    "top_logprobs": Parameter(
        kind="whole",
        chat="top_logprobs",
        responses="top_logprobs",
        low=0,
        high=20,
        help="alternatives to each token; implies logprobs",
    ),
    "response_format": Parameter(
        kind="any",
        chat=CODEC,
        responses=CODEC,
        messages=CODEC,
        help="json_object, or a json_schema object",
    ),
    "tool_choice": Parameter(
        kind="any",
        chat=CODEC,
        responses=CODEC,
        messages=CODEC,
        help="none, auto, required, or the name of a tool",
    ),
    "parallel_tool_calls": Parameter(
        kind="flag",
        chat="parallel_tool_calls",
        responses="parallel_tool_calls",
        messages=CODEC,
    ),
    "models": _everywhere("models", "objects", "fallback models, tried in order"),
    "provider": _everywhere("provider", "object", "routing, such as {order: [...]}"),
    "plugins": _everywhere("plugins", "objects"),
    "session_id": _everywhere("session_id", "word", "sticky routing"),
    "service_tier": _everywhere("service_tier", "word"),
    "metadata": _everywhere("metadata", "object"),
    "cache_control": _everywhere("cache_control", "object", "prompt caching"),
    "user": _everywhere("user", "word", "an id of your end user"),
    "stream_options": Parameter(
        kind="object",
        chat="stream_options",
        help='{"include_usage": true} where a server counts tokens only when asked to',
        routing=True,
    ),
    "verbosity": Parameter(
        kind="word", chat="verbosity", responses=CODEC, help="low, medium or high"
    ),
    "include": Parameter(kind="objects", responses="include", routing=True),
    "truncation": Parameter(kind="word", responses="truncation", routing=True),
    "extra_body": Parameter(
        kind="object",
        chat=CODEC,
        responses=CODEC,
        messages=CODEC,
        help="fields put into the request body as they are, for other servers",
        routing=True,
    ),
}
"""The one table: what a user may set, what values it takes, where it goes."""


def check_parameter(name: str, value: Any) -> Any:
    """Return a value as the table wants it.

    Raises:
        SettingError: No such parameter (close names are given), or not such a value.
    """
    row = PARAMETERS.get(name)
    if row is None:
        hint = did_you_mean(name, PARAMETERS, form=repr)
        message = (
            f"there is no parameter {name!r}.{hint} `%%step?` lists them; a field of "
            'another server goes through extra_body={"name": value}.'
        )
        raise SettingError(message)
    if not _FITS[row.kind](value):
        message = f"{name} takes {_WANTED[row.kind]}, not {value!r}"
        raise SettingError(message)
    if row.kind in ("object", "objects", "any") and not _is_json(value):
        message = f"{name} contains what JSON cannot express: {value!r}"
        raise SettingError(message)
    _check_bounds(name, row, value)
    return value


def _check_bounds(name: str, row: Parameter, value: Any) -> None:
    low, high = row.low, row.high
    if (low is not None and value < low) or (high is not None and value > high):
        bounds = f"from {low:g} to {high:g}" if high is not None else f"{low:g} or more"
        message = f"{name} takes a value {bounds}, not {value!r}"
        raise SettingError(message)
    if row.kind == "words" and isinstance(value, list) and len(value) > _MOST_STOPS:
        message = f"{name} takes at most {_MOST_STOPS} texts, not {len(value)}"
        raise SettingError(message)


_WANTED: dict[Kind, str] = {
    "number": "a number",
    "whole": "a whole number",
    "flag": "true or false",
    "word": "a text",
    "words": "a text or a list of texts",
    "object": "an object",
    "objects": "a list",
    "any": "a text or an object",
}


def _is_number(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def _are_words(value: Any) -> bool:
    return isinstance(value, str) or (
        isinstance(value, list) and all(isinstance(word, str) for word in value)
    )


_FITS: dict[Kind, Callable[[Any], bool]] = {
    "number": _is_number,
    "whole": lambda value: _is_number(value) and isinstance(value, int),
    "flag": lambda value: isinstance(value, bool),
    "word": lambda value: isinstance(value, str),
    "words": _are_words,
    "object": lambda value: isinstance(value, Mapping),
    "objects": lambda value: isinstance(value, list),
    "any": lambda value: isinstance(value, str | Mapping),
}


def plain_fields(parameters: Mapping[str, Any], protocol: Protocol) -> dict[str, Any]:
    """Return the body fields of the parameters that only change their name.

    Raises:
        UnsupportedOption: The protocol has no form for one of them.
    """
    fields = {}
    for name, value in parameters.items():
        field = PARAMETERS[name].field(protocol)
        if field is None:
            raise _unsupported(name, protocol)
        if field is not CODEC:
            fields[field] = value
    return fields


def _unsupported(name: str, protocol: Protocol) -> UnsupportedOption:
    row = PARAMETERS[name]
    protocols: tuple[Protocol, ...] = ("chat", "responses", "messages")
    others = [other for other in protocols if row.field(other) is not None]
    message = (
        f"{name}: the {protocol!r} protocol has no form for it. "
        f"Ask through one that has: `-p api={others[0]}`."
    )
    return UnsupportedOption(message)


def no_form(what: str, protocol: Protocol, *others: Protocol) -> UnsupportedOption:
    """Return the error for a part that a protocol cannot carry."""
    way = f" Ask through one that has: `-p api={others[0]}`." if others else ""
    message = f"{what}: the {protocol!r} protocol has no form for it.{way}"
    return UnsupportedOption(message)
