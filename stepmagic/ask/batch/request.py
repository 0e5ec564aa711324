"""One question to the server, retried until it is answered or retrying is no use."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from stepmagic.ask.batch.rate_limit import RateLimit
from stepmagic.conversation.prompt import Prompt
from stepmagic.conversation.turn import encode, priced
from stepmagic.conversation.typed_answer import TypedQuestion
from stepmagic.errors import (
    CostLimitReached,
    CreditExhausted,
    EngineError,
    KeyMissing,
    KeyRefused,
    ModelNotFound,
    ProtocolError,
    ServerError,
    SettingError,
    StepError,
    StreamFailed,
    ValueMisfit,
    shorten,
)
from stepmagic.schema import Schema
from stepmagic.server.cassette.endpoint import ReplayEndpoint
from stepmagic.server.endpoint import Endpoint
from stepmagic.server.http import wait_before
from stepmagic.server.options import Options
from stepmagic.transcript import FinishReason, Message, Text, Usage
from stepmagic.transcript.events import Assembly


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer to one row."""

    text: str | None = None
    """None where there is none."""
    value: Any = None
    """The text as the type that was asked for, if one was."""
    error: str | None = None
    """Why there is none, or why it is incomplete."""
    cost_usd: float | None = None
    """None where the server does not say."""

    def to_form(self) -> dict[str, Any]:
        """Return the answer as JSON, without what is None."""
        form = {"text": self.text, "error": self.error, "cost_usd": self.cost_usd}
        return {name: value for name, value in form.items() if value is not None}

    @classmethod
    def from_form(cls, form: Mapping[str, Any]) -> Self | None:
        """Return the answer that ``to_form`` gave; None where it is something else."""
        text, error = form.get("text"), form.get("error")
        if not isinstance(text, str) or not isinstance(error, str | None):
            return None
        cost_usd = None
        with contextlib.suppress(KeyError, TypeError, ValueError):
            cost_usd = float(form["cost_usd"])
        return cls(text=text, error=error, cost_usd=cost_usd)


_TOO_MANY = 429
_LONGEST_WAIT_S = 300.0
"""Where a server asks for a longer wait, its refusal is final."""

_FATAL = (
    CostLimitReached,
    SettingError,
    EngineError,
    KeyMissing,
    KeyRefused,
    CreditExhausted,
    ModelNotFound,
)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What the server answered to a question, complete or not."""

    text: str
    finish_reason: FinishReason
    schema: Schema | None = None
    """The type that was asked for."""
    error: StepError | None = None
    cost_usd: float | None = None
    """Of all tries; None where the server did not say."""

    @functools.cached_property
    def value(self) -> Any:
        """The text as the type that was asked for.

        Raises:
            ValueMisfit: It is not of that type.
        """
        return None if self.schema is None else self.schema.read(self.text)


class Asker:
    """Asks one server, under one rate limit; retries here, where the limit is known."""

    def __init__(
        self,
        options: Options,
        endpoint: Endpoint | ReplayEndpoint,
        rate_limit: RateLimit,
    ) -> None:
        self.key = endpoint.key
        self._options = options
        self._endpoint = endpoint
        self._rate_limit = rate_limit
        limits = replace(options.limits, retries=0)
        self._asked = replace(endpoint.adapt(options), limits=limits)

    def encode(self, *messages: Message) -> dict[str, Any]:
        """Return the body that asks.

        Raises:
            UnsupportedOption: The model or the protocol has no form for part of it.
        """
        return encode(messages, self._options)

    async def ask(self, body: Mapping[str, Any]) -> Outcome:
        """Return the outcome of a question, once it is final."""
        # The embedded engine has another name for its model.
        own = {**body, "model": self._asked.model}
        usage = Usage()
        tries = 0
        while True:
            answered = self._rate_limit.answered
            outcome, took = await self._try(own)
            usage += took
            error = outcome.error
            if not isinstance(error, ServerError) or not _may_pass(error):
                break
            # Where other requests are answered, this one will be too.
            others = _is_limit(error) and self._rate_limit.answered > answered
            tries = 1 if others else tries + 1
            if tries > self._options.limits.retries:
                break
            if not _is_limit(error):
                await asyncio.sleep(wait_before(tries, error))
        return replace(outcome, cost_usd=usage.cost_usd)

    async def _try(self, body: Mapping[str, Any]) -> tuple[Outcome, Usage]:
        """Return the outcome of one request, and its usage."""
        exchange = self._endpoint.exchange(self._asked, body)
        try:
            await exchange.ready()
        except StepError as exc:
            return Outcome(text="", finish_reason="error", error=exc), Usage()
        entered = await self._rate_limit.enter()
        answer = Assembly()
        try:
            async with contextlib.aclosing(exchange.events()) as events:
                async for event in events:
                    answer.feed(priced(event, self._options))
        finally:
            self._rate_limit.leave()
        finish = answer.finish
        error = finish.error if finish else None
        self._adjust_rate(entered, error)
        outcome = Outcome(
            text="".join(part.text for part in answer.parts if isinstance(part, Text)),
            finish_reason=finish.reason if finish else "other",
            error=error,
        )
        return outcome, answer.usage or Usage()

    def _adjust_rate(self, entered: int, error: StepError | None) -> None:
        limit = self._rate_limit
        if error is None:
            limit.answer()
        elif isinstance(error, ServerError) and _is_limit(error):
            wait_s = wait_before(limit.refusals + 1, error)
            limit.refuse(entered, min(wait_s, _LONGEST_WAIT_S))


def is_fatal(error: StepError) -> bool:
    """Whether every other row would get it as well."""
    waits = isinstance(error, ServerError) and (error.retry_after_s or 0)
    return isinstance(error, _FATAL) or waits > _LONGEST_WAIT_S


def _may_pass(error: ServerError) -> bool:
    """Whether the same request may be answered next time."""
    passes = error.retryable or isinstance(error, StreamFailed | ProtocolError)
    return passes and not is_fatal(error)


def _is_limit(error: ServerError) -> bool:
    """Whether the server asks for fewer requests, or for a pause."""
    return error.status == _TOO_MANY or error.retry_after_s is not None


_MOST_QUOTED = 500
"""Characters of an answer that does not fit, in the error that quotes it."""


async def ask_for_value(
    asker: Asker, body: Mapping[str, Any], message: Message, schema: Schema
) -> Outcome:
    """Return the outcome of a question whose answer is of a type.

    Args:
        asker: Asks.
        body: The question, encoded.
        message: The question itself, which a second one follows.
        schema: The type.
    """
    question = TypedQuestion[Outcome](Prompt(message=message), schema)
    costs: list[float] = []
    messages: tuple[Message, ...] = ()
    misfit: ValueMisfit | None = None
    try:
        for prompt in question:
            messages = (*messages, prompt.message)
            asked = body if len(messages) == 1 else asker.encode(*messages)
            outcome = replace(await asker.ask(asked), schema=schema)
            question.take(outcome)
            if outcome.cost_usd is not None:
                costs.append(outcome.cost_usd)
            if outcome.error is not None:
                break
            answer = Message(role="assistant", parts=(Text(text=outcome.text),))
            messages = (*messages, answer)
    except ValueMisfit as error:
        misfit = _for_row(error, question.answer, schema)
    outcome = question.answer
    if sum(costs) != (outcome.cost_usd or 0):
        outcome = replace(outcome, cost_usd=sum(costs))
    return outcome if misfit is None else replace(outcome, error=misfit)


def _for_row(error: ValueMisfit, outcome: Outcome, schema: Schema) -> ValueMisfit:
    """Return the error that a row keeps, with the text that no column has."""
    cut = "; it was cut off at max_tokens" if outcome.finish_reason == "length" else ""
    text = outcome.text
    quoted = shorten(text, _MOST_QUOTED)
    message = (
        f"the answer is not of the type {schema.title}: {error.problem}{cut}. The "
        f"answer was {quoted!r}"
    )
    return ValueMisfit(message, text=text, problem=error.problem)
