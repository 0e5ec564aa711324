"""The answer of a turn, as the user gets it."""

from __future__ import annotations

import contextlib
import json
import math
from typing import Any, Self

from stepmagic.errors import StepError, shorten
from stepmagic.markdown import fences
from stepmagic.schema import Schema, frame_of
from stepmagic.transcript import (
    FinishReason,
    Part,
    Status,
    Text,
    TokenLogprob,
    Turn,
    Usage,
)
from stepmagic.transcript.usage import format_count


class Logprobs(tuple[TokenLogprob, ...]):
    """The tokens of an answer, their log-probabilities, and what else was likely.

    A tuple of ``TokenLogprob``; in a notebook it shows as the text, coloured.

    >>> likely = Logprobs([TokenLogprob(token="Yes", logprob=-0.1)])
    >>> likely.tokens, likely.values
    (['Yes'], [-0.1])
    """

    __slots__ = ()

    @property
    def text(self) -> str:
        """The tokens as they follow one another."""
        return "".join(self.tokens)

    @property
    def tokens(self) -> list[str]:
        """The tokens in order."""
        return [each.token for each in self]

    @property
    def values(self) -> list[float]:
        """The natural logarithm of each token's probability."""
        return [each.logprob for each in self]

    @property
    def probabilities(self) -> list[float]:
        """The probability of each token, from 0 to 1."""
        return [probability(each) for each in self]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """A dict for each token: token, logprob, probability, alternatives."""
        return [
            {
                "token": each.token,
                "logprob": each.logprob,
                "probability": probability(each),
                "alternatives": [
                    {"token": other.token, "logprob": other.logprob}
                    for other in alternatives(each)
                ],
            }
            for each in self
        ]

    def to_frame(self) -> Any:
        """Return a row for each token: pandas', else polars', else a list of dicts."""
        return frame_of(self.rows, ("token", "logprob", "probability", "alternatives"))

    def __repr__(self) -> str:
        if not self:
            return "<Logprobs: none; `-p top_logprobs=5` asks for them>"
        return "\n".join(["probability  token  (instead)", *map(_line, self)])


def probability(token: TokenLogprob) -> float:
    """Return how likely a token was, from 0 to 1."""
    # A server may round to a little above 0, or send -9999 for what it did not weigh.
    return math.exp(min(token.logprob, 0.0))


def alternatives(token: TokenLogprob) -> list[TokenLogprob]:
    """Return what else was likely, the likeliest first; not the token itself."""
    others = [each for each in token.alternatives if each.token != token.token]
    return sorted(others, key=lambda each: -each.logprob)


def percent(share: float) -> str:
    """Return a probability as text: ``83%``, ``<1%``."""
    return f"{share:.0%}" if share >= 0.01 or share == 0 else "<1%"  # noqa: PLR2004 - 1 %


def _line(token: TokenLogprob) -> str:
    others = ", ".join(_with_share(each) for each in alternatives(token))
    instead = f"  ({others})" if others else ""
    return f"{percent(probability(token)):>11}  {token.token!r}{instead}"


def _with_share(token: TokenLogprob) -> str:
    return f"{token.token!r} {percent(probability(token))}"


_SHOWN = 60
"""Characters of an answer that an error message quotes."""


class Code(str):
    """A fenced code block: a string that knows its language."""

    __slots__ = ("language",)

    language: str
    """The first word after the fence, such as ``python``; may be empty."""

    def __new__(cls, text: str, language: str = "") -> Self:
        """Return the text with its language."""
        code = super().__new__(cls, text)
        code.language = language
        return code


class Reply:
    """The answer of one turn.

    A finished reply does not change; it shows in a notebook as it was streamed.

    Args:
        turn: The turn, which is closed.
        schema: The type that was asked for, if any.
    """

    def __init__(self, turn: Turn, schema: Schema | None = None) -> None:
        self.turn = turn
        self.schema = schema
        self._values: list[Any] = []
        """The value in a list, once it was read."""

    @property
    def text(self) -> str:
        """The visible Markdown."""
        return self.turn.text

    @property
    def reasoning(self) -> str:
        """The readable reasoning; empty where there is none or it is encrypted."""
        return "\n\n".join(
            reply.reasoning for reply in self.turn.replies if reply.reasoning
        )

    @property
    def parts(self) -> tuple[Part, ...]:
        """Every part of every message, in order."""
        return tuple(part for reply in self.turn.replies for part in reply.parts)

    @property
    def code(self) -> list[Code]:
        """The fenced code blocks, in order; nothing runs them."""
        return [Code(text, language) for language, text in fences(self.text)]

    @property
    def value(self) -> Any:
        """The answer as the type that was asked for; several records as ``Records``.

        Raises:
            StepError: No type was asked for.
            ValueMisfit: The answer is not of that type; says what is wrong where.
        """
        if self.schema is None:
            message = (
                "no type was asked for. `rows: list[int] <<` on the first line or "
                "step(..., schema=list[int]) asks for one; `.json()` reads any JSON."
            )
            raise StepError(message)
        if not self._values:
            self._values.append(self.schema.read(self._last_text))
        return self._values[0]

    @property
    def _last_text(self) -> str:
        """The text of the last reply; what precedes calls of functions is not it."""
        texts = [reply.text for reply in self.turn.replies if reply.text.strip()]
        return texts[-1] if texts else ""

    def json(self) -> Any:
        """Return the JSON in the answer: the full text, or its only code block.

        Raises:
            StepError: Neither is JSON.
        """
        blocks = self.code
        for text in (self.text, *(blocks if len(blocks) == 1 else ())):
            with contextlib.suppress(ValueError, RecursionError):
                return json.loads(text)
        quoted = shorten(self.text, _SHOWN)
        message = (
            f"the answer is not JSON: {quoted!r}. `-p response_format=json_object` "
            "asks for it."
        )
        raise StepError(message)

    @property
    def logprobs(self) -> Logprobs:
        """The tokens of the text with their log-probabilities, where asked for."""
        texts = (part for part in self.parts if isinstance(part, Text))
        return Logprobs(logprob for part in texts for logprob in part.logprobs)

    @property
    def usage(self) -> Usage:
        """Tokens and cost; zeros where the server did not say."""
        return self.turn.usage or Usage()

    @property
    def model(self) -> str:
        """The model that answered, as the server names it."""
        return self.turn.model or ""

    @property
    def provider(self) -> str | None:
        """The provider behind the router."""
        origins = [reply.origin for reply in self.turn.replies if reply.origin]
        return origins[-1].provider if origins else None

    @property
    def finish_reason(self) -> FinishReason | None:
        """Why the model stopped: stop, length, tool_calls, content_filter, error."""
        return self.turn.finish_reason

    @property
    def id(self) -> str | None:
        """The server's id of the generation."""
        return self.turn.generation_id

    @property
    def status(self) -> Status:
        """Complete, interrupted or error."""
        return self.turn.status

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        words = format_count(len(self.text.split()), "word")
        return f"<Reply {self.status}, {words}, {self.model}>"


class Replies(tuple[Reply, ...]):
    """The answers of a comparison, in the order in which they were asked."""

    __slots__ = ()

    @property
    def text(self) -> tuple[str, ...]:
        """The visible Markdown of each."""
        return tuple(reply.text for reply in self)

    @property
    def value(self) -> tuple[Any, ...]:
        """The value of each, of the type that was asked for.

        Raises:
            StepError: No type was asked for.
            ValueMisfit: An answer is not of that type.
        """
        return tuple(reply.value for reply in self)
