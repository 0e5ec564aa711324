"""How likely each token of an answer was, as a frame of its own."""

from __future__ import annotations

import math
from typing import Any

from stepmagic.schema import frame_of
from stepmagic.transcript import TokenLogprob


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
    # A server may round to a little above 0, or say -9999 for what it did not weigh.
    return math.exp(min(token.logprob, 0.0))


def alternatives(token: TokenLogprob) -> list[TokenLogprob]:
    """Return what else was likely, the likeliest first; not the token itself."""
    others = [each for each in token.alternatives if each.token != token.token]
    return sorted(others, key=lambda each: -each.logprob)


def percent(share: float) -> str:
    """Return a probability in words: ``83%``, ``<1%``."""
    return f"{share:.0%}" if share >= 0.01 or share == 0 else "<1%"  # noqa: PLR2004 - 1 %


def _line(token: TokenLogprob) -> str:
    others = ", ".join(_said(each) for each in alternatives(token))
    instead = f"  ({others})" if others else ""
    return f"{percent(probability(token)):>11}  {token.token!r}{instead}"


def _said(token: TokenLogprob) -> str:
    return f"{token.token!r} {percent(probability(token))}"
