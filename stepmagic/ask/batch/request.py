"""One question to the server, asked again until it is answered or that is no use."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from stepmagic.ask.batch.rate_limit import Gate
from stepmagic.conversation.request import encode
from stepmagic.conversation.turn import priced
from stepmagic.conversation.typed_answer import ask_again
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
from stepmagic.server.cassette.endpoint import Taped
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
    """What the text stands for, where a type was asked for."""
    error: str | None = None
    """Why there is none, or why it is not whole."""
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
"""A server that asks for more than that is not waited for."""

_FATAL = (
    CostLimitReached,
    SettingError,
    EngineError,
    KeyMissing,
    KeyRefused,
    CreditExhausted,
    ModelNotFound,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a question, whole or not."""

    text: str
    reason: FinishReason
    value: Any = None
    """What the text stands for, where a type was asked for."""
    error: StepError | None = None
    cost_usd: float | None = None
    """Of all tries; None where the server did not say."""


class Asker:
    """Asks one server, through one gate."""

    def __init__(
        self, options: Options, endpoint: Endpoint | Taped, gate: Gate
    ) -> None:
        """Prepare to ask; tries are made here, where the gate is known."""
        self.key = endpoint.key
        self._options = options
        self._endpoint = endpoint
        self._gate = gate
        limits = replace(options.limits, retries=0)
        self._asked = replace(endpoint.adapt(options), limits=limits)

    def encode(self, *messages: Message) -> dict[str, Any]:
        """Return the body that asks.

        Raises:
            UnsupportedOption: The model or the protocol has no form for part of it.
        """
        return encode(messages[-1], self._options, messages[:-1])

    async def ask(self, body: Mapping[str, Any]) -> Outcome:
        """Return what came of a question, once that is final."""
        # The engine of this machine has a name of its own for its model.
        own = {**body, "model": self._asked.model}
        usage = Usage()
        tries = 0
        while True:
            answered = self._gate.answered
            outcome, took = await self._try(own)
            usage += took
            error = outcome.error
            if not isinstance(error, ServerError) or not _may_pass(error):
                break
            # Where others get through, this row's turn comes too.
            others = _is_limit(error) and self._gate.answered > answered
            tries = 1 if others else tries + 1
            if tries > self._options.limits.retries:
                break
            if not _is_limit(error):
                await asyncio.sleep(wait_before(tries, error))
        return replace(outcome, cost_usd=usage.cost_usd)

    async def _try(self, body: Mapping[str, Any]) -> tuple[Outcome, Usage]:
        """Return what came of one request, and what it took."""
        exchange = self._endpoint.exchange(self._asked, body)
        try:
            await exchange.ready()
        except StepError as exc:
            return Outcome(text="", reason="error", error=exc), Usage()
        entered = await self._gate.enter()
        came = Assembly()
        try:
            async with contextlib.aclosing(exchange.events()) as events:
                async for event in events:
                    came.feed(priced(event, self._options))
        finally:
            self._gate.leave()
        finish = came.finish
        error = finish.error if finish else None
        self._tell_gate(entered, error)
        outcome = Outcome(
            text="".join(part.text for part in came.parts if isinstance(part, Text)),
            reason=finish.reason if finish else "other",
            error=error,
        )
        return outcome, came.usage or Usage()

    def _tell_gate(self, entered: int, error: StepError | None) -> None:
        gate = self._gate
        if error is None:
            gate.answer()
        elif isinstance(error, ServerError) and _is_limit(error):
            wait_s = wait_before(gate.refusals + 1, error)
            gate.refuse(entered, min(wait_s, _LONGEST_WAIT_S))


def is_fatal(error: StepError) -> bool:
    """Whether every other row would meet it as well."""
    waits = isinstance(error, ServerError) and (error.retry_after_s or 0)
    return isinstance(error, _FATAL) or waits > _LONGEST_WAIT_S


def _may_pass(error: ServerError) -> bool:
    """Whether the same request may be answered next time."""
    passes = error.retryable or isinstance(error, StreamFailed | ProtocolError)
    return passes and not is_fatal(error)


def _is_limit(error: ServerError) -> bool:
    """Whether the server asks everybody for less, or for a pause."""
    return error.status == _TOO_MANY or error.retry_after_s is not None


_MOST_QUOTED = 500
"""Letters of a text that does not fit, in the error that keeps it."""


async def ask_for_value(
    asker: Asker, body: Mapping[str, Any], message: Message, schema: Schema
) -> Outcome:
    """Return what came of a question whose answer is of a type.

    Args:
        asker: Asks.
        body: The question, encoded.
        message: The question itself, which a second one follows.
        schema: The type.
    """
    first = _read(await asker.ask(body), schema)
    wrong = first.error
    # What was cut off would be cut off again.
    is_whole = first.reason == "stop" and bool(first.text.strip())
    if not isinstance(wrong, ValueMisfit) or not is_whole:
        return first
    said = Message(role="assistant", parts=(Text(text=first.text),))
    second = asker.encode(message, said, ask_again(wrong))
    again = _read(await asker.ask(second), schema)
    costs = [each.cost_usd for each in (first, again) if each.cost_usd is not None]
    return replace(again, cost_usd=sum(costs) if costs else None)


def _read(outcome: Outcome, schema: Schema) -> Outcome:
    """Return an answer with its value, or with why it has none."""
    if outcome.error is not None:
        return outcome
    try:
        return replace(outcome, value=schema.read(outcome.text))
    except ValueMisfit as wrong:
        return replace(outcome, error=_explained(wrong, outcome, schema))


def _explained(wrong: ValueMisfit, outcome: Outcome, schema: Schema) -> ValueMisfit:
    """Return the error that a row keeps, with the text that no column has."""
    cut = "; it was cut off at max_tokens" if outcome.reason == "length" else ""
    text = outcome.text
    shown = shorten(text, _MOST_QUOTED)
    message = (
        f"the answer is no {schema.title}: {wrong.problem}{cut}. It says {shown!r}"
    )
    return ValueMisfit(message, text=text, problem=wrong.problem)
