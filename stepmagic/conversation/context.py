"""How full the model's context is, and whether a question still fits.

The server's last count is used as it is; only what is newer than that is estimated.
Each count of the server's in turn calibrates the next estimates for its model.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from stepmagic.errors import ContextTooLong
from stepmagic.server.options import Options
from stepmagic.settings import kernel
from stepmagic.transcript import File, Image, Message, Part, Text, Turn, Video
from stepmagic.transcript.usage import estimate_messages, estimate_part, format_count

MARGIN = 0.2
"""Share of an estimate by which it may be too high or too low."""

_LISTED = 3

_NEARLY_FULL = 0.8
"""Share of the context from which on the user is notified."""

_MOST_SAMPLES = 21
_LEAST_SAMPLES = 3
"""With fewer counts, estimates are used as they are."""

_LEAST_TOKENS = 100
"""Shorter questions do not calibrate: their chat template is a large part of them."""

_MOST_FACTOR = 2.0
"""A count that is further off has another cause than the tokenizer."""

_SHOWN_SAMPLES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """About how many tokens a request takes."""

    model: str
    counted: int = 0
    """Those of earlier turns, as the server counted them."""
    estimated: int = 0
    """The others, before calibration."""
    factor: float = 1.0
    """Counted to estimated tokens in earlier questions to the model."""

    @property
    def tokens(self) -> int:
        """The calibrated estimate of the request."""
        return self.counted + round(self.estimated * self.factor)

    @property
    def margin(self) -> int:
        """By how many tokens the estimate may be wrong."""
        return math.ceil(self.tokens * MARGIN)

    @property
    def least(self) -> int:
        """The estimate less its margin."""
        return self.tokens - self.margin


@dataclass(frozen=True, slots=True)
class _Sample:
    """A forecast, and what the server counted."""

    forecast: Forecast
    counted: int

    @property
    def ratio(self) -> float | None:
        """Counted to estimated tokens; None where it shows nothing of the estimate."""
        newly_counted = self.counted - self.forecast.counted
        if self.forecast.estimated < _LEAST_TOKENS or newly_counted <= 0:
            return None
        return newly_counted / self.forecast.estimated


class Calibration:
    """How well tokens were estimated in this kernel, for each model.

    Written only on the event loop.
    """

    def __init__(self) -> None:
        self._samples: dict[str, tuple[_Sample, ...]] = {}

    def record(self, forecast: Forecast, counted: int) -> None:
        """Add what the server counted for a request; 0 where it did not count."""
        if counted > 0:
            samples = self._samples.get(forecast.model, ())
            samples = (*samples, _Sample(forecast, counted))[-_MOST_SAMPLES:]
            self._samples[forecast.model] = samples

    def factor(self, model: str) -> float:
        """Return by what an estimate is multiplied: a median, so outliers are ignored.

        >>> Calibration().factor("a/model")
        1.0
        """
        ratios = [
            sample.ratio
            for sample in self._samples.get(model, ())
            if sample.ratio is not None
        ]
        if len(ratios) < _LEAST_SAMPLES:
            return 1.0
        return min(max(median(ratios), 1 / _MOST_FACTOR), _MOST_FACTOR)

    def describe(self, model: str) -> str:
        """Return how good the latest estimates were, as text; empty without counts."""
        samples = self._samples.get(model, ())[-_SHOWN_SAMPLES:]
        if not samples:
            return ""
        estimated = sum(sample.forecast.tokens for sample in samples)
        counted = sum(sample.counted for sample in samples)
        off = f"{abs(estimated - counted) / counted:.0%}"
        which = "high" if estimated > counted else "low"
        verdict = f"{off} too {which}" if off != "0%" else "under 1% off"
        if len(samples) == 1:
            last = "in the last question"
        else:
            last = f"over the last {format_count(len(samples), 'question')}"
        return f"estimated {estimated:,}, counted {counted:,}: {verdict} {last}"


def calibration() -> Calibration:
    """Return the calibration of this kernel."""
    return kernel.get(Calibration)


def forecast(options: Options, turns: Sequence[Turn], *asked: Message) -> Forecast:
    """Return about how many tokens a question takes after some turns."""
    counted, estimated = _counted_and_estimated(turns, options.system, *asked)
    factor = calibration().factor(options.model)
    return Forecast(
        model=options.model, counted=counted, estimated=estimated, factor=factor
    )


def check_context(
    options: Options,
    turns: Sequence[Turn],
    *asked: Message,
    expected: Forecast | None = None,
) -> str:
    """Refuse what is over the model's context; return a notice where it may be.

    It is refused where the estimate less its margin does not fit; within the margin
    the server decides, which costs nothing. A notice also comes with the first question
    near the limit; else it is empty. Nothing is left out to make room: the choice is
    the user's.

    Args:
        options: What is asked with.
        turns: The conversation so far.
        asked: The messages that follow it, the question last.
        expected: Their tokens, where they are estimated already.

    Raises:
        ContextTooLong: It is; the message names the largest parts and how to shrink
            them.
    """
    most = options.entry.context_tokens if options.entry else None
    if most is None:
        return ""
    expected = expected or forecast(options, turns, *asked)
    if expected.least > most:
        raise _too_long(options, turns, asked[-1], expected=expected, most=most)
    used = expected.tokens
    is_near = used >= most * _NEARLY_FULL
    if used <= most and (not is_near or _was_nearly_full(turns, options, most)):
        return ""
    within = ""
    if used > most:
        within = (
            f"That is over the limit, but within the margin of {MARGIN:.0%} of the "
            "estimate: it is sent, and the server may refuse it. "
        )
    return (
        f"The conversation takes about {used:,} of the {most:,} tokens that "
        f"{options.model} takes. {within}To make room: `-n` starts without history, "
        "`%step undo` goes back, `-m` asks a model that takes more; "
        "`-p max_tokens=...` keeps the answer short. Nothing is left out by itself."
    )


def context_used(
    turns: Sequence[Turn], system: str, *prompts: Message, factor: float = 1.0
) -> int:
    """Return about how many tokens some turns, and prompts after them, take.

    Args:
        turns: The conversation so far.
        system: The system prompt.
        prompts: What follows the turns.
        factor: By what estimates are multiplied; see ``Calibration.factor``.
    """
    counted, estimated = _counted_and_estimated(turns, system, *prompts)
    return counted + round(estimated * factor)


def _counted_and_estimated(
    turns: Sequence[Turn], system: str, *prompts: Message
) -> tuple[int, int]:
    newer: list[Message] = []
    for turn in reversed(turns):
        if turn.usage is not None and turn.usage.held_tokens:
            return turn.usage.held_tokens, estimate_messages((*newer, *prompts))
        newer = [*turn.messages, *newer]
    return 0, estimate_messages((*newer, *prompts), system)


def _was_nearly_full(turns: Sequence[Turn], options: Options, most: int) -> bool:
    """Whether the question before was near the limit already."""
    if not turns:
        return False
    before = forecast(options, turns[:-1], turns[-1].prompt)
    return before.tokens >= most * _NEARLY_FULL


def _too_long(
    options: Options,
    turns: Sequence[Turn],
    question: Message,
    *,
    expected: Forecast,
    most: int,
) -> ContextTooLong:
    before = context_used(turns, "", factor=expected.factor)
    largest = sorted(question.parts, key=estimate_part, reverse=True)[:_LISTED]
    listed = ", ".join(map(_described, largest))
    if before > expected.tokens / 2:
        listed = f"the conversation so far (about {before:,}), {listed}"
    ways = _ways(largest)
    if turns:
        ways.append("`-n` starts without history.")
    message = (
        f"about {expected.tokens:,} tokens, at least {expected.least:,} with a margin "
        f"of {MARGIN:.0%}, and {options.model} takes {most:,}; nothing was sent. The "
        f"largest: {listed}."
    )
    return ContextTooLong(" ".join([message, *ways]))


def _described(part: Part) -> str:
    kind = type(part).__name__.lower()
    name = getattr(part, "name", None)
    what = f"`{name}`" if name else ("your text" if kind == "text" else f"the {kind}")
    return f"{what} (about {estimate_part(part):,})"


def _ways(parts: Iterable[Part]) -> list[str]:
    """Return how parts like these are made smaller, a sentence each."""
    ways = {
        Text: "Send less of a text, or a preview: `preview(df, tokens=1000)`.",
        Image: "`-p detail=low` lets the model look at images less closely.",
        Video: "`-p frames=8` sends some frames of a video.",
        File: "Send some pages of a document.",
    }
    kinds = dict.fromkeys(map(type, parts))
    return [ways[kind] for kind in kinds if kind in ways]
