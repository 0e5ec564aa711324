"""What the user gets of a turn: its answer as text, values, code, tables and costs."""

from __future__ import annotations

import contextlib
import json
import math
from typing import TYPE_CHECKING, Generic, Self, TypeAlias, TypedDict

from stepmagic.conversation.tables import read_tables
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
from stepmagic.transcript.usage import format_count, total


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
    def rows(self) -> list[dict[str, object]]:
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

    def to_frame(self) -> object:
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
    others = ", ".join(_percent_of(each) for each in alternatives(token))
    instead = f"  ({others})" if others else ""
    return f"{percent(probability(token)):>11}  {token.token!r}{instead}"


def _percent_of(token: TokenLogprob) -> str:
    return f"{token.token!r} {percent(probability(token))}"


_QUOTED = 60
"""Characters of an answer that an error message quotes."""

Json: TypeAlias = dict[str, "Json"] | list["Json"] | str | int | float | bool | None
"""What a JSON document is in Python."""

if TYPE_CHECKING:
    # Defaults of type variables are Python 3.13's: `Reply` alone is `Reply[object]`.
    from typing_extensions import TypeVar

    Value_co = TypeVar("Value_co", covariant=True, default=object)
else:
    from typing import TypeVar

    Value_co = TypeVar("Value_co", covariant=True)


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


class ReplyDict(TypedDict):
    """A reply as plain values: one row of a log or of a frame."""

    id: str | None
    model: str
    provider: str | None
    effort: str | None
    status: Status
    finish_reason: FinishReason | None
    prompt: str
    text: str
    reasoning: str
    error: str | None
    prompt_tokens: int
    completion_tokens: int
    reasoning_tokens: int
    cached_tokens: int
    cost_usd: float | None
    duration_s: float | None


class Reply(Generic[Value_co]):
    """The answer to one question, complete or as far as it was received.

        reply = step("Why is the sky blue?")
        reply.text, reply.usage.completion_tokens, reply.cost_usd

    A reply does not change, and shows in a notebook as it was streamed. ``Reply[Sale]``
    is one whose ``value`` is a ``Sale``: what ``step(..., schema=Sale)`` returns.

    Args:
        turn: The turn, closed.
        schema: The type that was asked for, if any.
    """

    def __init__(self, turn: Turn, schema: Schema | None = None) -> None:
        self.turn = turn
        self.schema = schema
        self._values: list[Value_co] = []
        """The value, once it was read."""

    @property
    def text(self) -> str:
        """The visible Markdown, without the reasoning."""
        return self.turn.text

    @property
    def reasoning(self) -> str:
        """The readable reasoning; empty where there is none or it is encrypted."""
        return "\n\n".join(
            reply.reasoning for reply in self.turn.replies if reply.reasoning
        )

    @property
    def parts(self) -> tuple[Part, ...]:
        """Every part of every message in order: text, reasoning, calls, pictures."""
        return tuple(part for reply in self.turn.replies for part in reply.parts)

    @property
    def code(self) -> list[Code]:
        """The fenced code blocks in order, each with its ``language``; none is run."""
        return [Code(text, language) for language, text in fences(self.text)]

    @property
    def tables(self) -> list[object]:
        """The Markdown tables in order, as frames.

            frame = step("The planets and their moons, as a table.").tables[0]

        A DataFrame of pandas where it is installed, else of polars, else a list of
        dicts. A column becomes numbers where each of its cells is one, or is blank.
        """
        return read_tables(self.text)

    @property
    def value(self) -> Value_co:
        """The answer as the type that was asked for, checked.

        A list has ``to_frame()`` as well.

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
        """The last text: before it calls functions, a model may write some too."""
        texts = [reply.text for reply in self.turn.replies if reply.text.strip()]
        return texts[-1] if texts else ""

    def json(self) -> Json:
        """Return the JSON in the answer: the full text, or its only code block.

        Nothing is known of its type; ``schema=`` asks for one, which is checked.

        Raises:
            StepError: Neither is JSON.
        """
        blocks = self.code
        for text in (self.text, *(blocks if len(blocks) == 1 else ())):
            with contextlib.suppress(ValueError, RecursionError):
                found: Json = json.loads(text)
                return found
        start = shorten(self.text, _QUOTED)
        message = (
            f"the answer is not JSON: {start!r}. `-p response_format=json_object` asks "
            "for it."
        )
        raise StepError(message)

    @property
    def logprobs(self) -> Logprobs:
        """The tokens of the text with natural-log probabilities.

        Empty unless asked for: ``step(..., top_logprobs=5)``.
        """
        texts = (part for part in self.parts if isinstance(part, Text))
        return Logprobs(logprob for part in texts for logprob in part.logprobs)

    @property
    def usage(self) -> Usage:
        """Tokens and US dollars as the server counted them; 0 where it did not say."""
        return self.turn.usage or Usage()

    @property
    def cost_usd(self) -> float | None:
        """What the answer cost, in US dollars; None where the server did not say."""
        return self.usage.cost_usd

    @property
    def duration_s(self) -> float | None:
        """Seconds from the request to the end of the answer; None where not known."""
        end = self.turn.ended_at
        return None if end is None else max(0.0, end - self.turn.started_at)

    @property
    def model(self) -> str:
        """The model that answered, as the server names it."""
        return self.turn.model or ""

    @property
    def provider(self) -> str | None:
        """The provider behind the router, such as ``StepFun``."""
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

    def to_dict(self) -> ReplyDict:
        """Return text, tokens, US dollars and seconds as plain values.

        pandas.DataFrame([reply.to_dict() for reply in replies])
        """
        usage = self.usage
        return {
            "id": self.id,
            "model": self.model,
            "provider": self.provider,
            "effort": self.turn.effort,
            "status": self.status,
            "finish_reason": self.finish_reason,
            "prompt": self.turn.prompt.typed,
            "text": self.text,
            "reasoning": self.reasoning,
            "error": self.turn.error,
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
            "reasoning_tokens": usage.reasoning_tokens,
            "cached_tokens": usage.cached_tokens,
            "cost_usd": self.cost_usd,
            "duration_s": self.duration_s,
        }

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        words = format_count(len(self.text.split()), "word")
        return f"<Reply {self.status}, {words}, {self.model}>"


class Replies(tuple[Reply[Value_co], ...]):
    """The answers to one question that was asked side by side, in that order.

    A tuple of ``Reply``: one for each model with each effort. An answer that failed is
    a reply with ``status`` error.
    """

    __slots__ = ()

    @property
    def text(self) -> tuple[str, ...]:
        """The visible Markdown of each."""
        return tuple(reply.text for reply in self)

    @property
    def value(self) -> tuple[Value_co, ...]:
        """The value of each, of the type that was asked for.

        Raises:
            StepError: No type was asked for.
            ValueMisfit: An answer is not of that type.
        """
        return tuple(reply.value for reply in self)

    @property
    def cost_usd(self) -> float | None:
        """What all of them cost, in US dollars; None where no server said."""
        return total(reply.usage for reply in self).cost_usd
