"""What this kernel spends, and the most it may: ``%config StepMagic.max_cost_usd``.

One ledger for everything that asks a server: conversations, one-off questions, batches.
``MeteredSource`` wraps every answer, so that none is missed. Costs that a server
reports are recorded as reported. An answer that was stopped before is recorded by
estimate, and so is a running one if there is a limit to enforce.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any

from stepmagic.errors import CostLimitReached
from stepmagic.server.catalogue import ModelEntry
from stepmagic.settings import current, kernel
from stepmagic.transcript import Usage
from stepmagic.transcript.events import (
    Finish,
    PartDelta,
    PartStart,
    Source,
    SourceWrapper,
    StreamEvent,
    UsageReport,
)
from stepmagic.transcript.usage import estimate_body, estimate_tokens, format_cost


@dataclass(slots=True)
class Ledger:
    """What was spent since the kernel began; written only on the event loop."""

    spent_usd: float = 0.0
    estimated: int = 0
    """Answers in it whose cost is estimated, since they were stopped."""

    @property
    def words(self) -> str:
        """What was spent, as text: ``about $0.12``."""
        about = "about " if self.estimated else ""
        return f"{about}{format_cost(self.spent_usd)}"


def ledger() -> Ledger:
    """Return the ledger of this kernel."""
    return kernel.get(Ledger)


def limit_usd() -> float | None:
    """Return the most that may be spent; None if there is no limit."""
    return current().max_cost_usd or None


class MeteredSource(SourceWrapper):
    """The events of an answer, whose cost is added to the ledger as they arrive.

    Args:
        source: The answer.
        entry: The model; without a price, only reported costs are counted.
        body: The request.
    """

    def __init__(
        self, source: Source, entry: ModelEntry | None, body: Mapping[str, Any]
    ) -> None:
        super().__init__(source)
        self._entry = entry
        self._body = body
        self._prompt_tokens: int | None = None
        self._tokens = 0
        self._counted_usd = 0.0
        self._has_begun = False
        self._is_reported = False

    async def ready(self) -> None:
        """Find out who answers.

        Raises:
            CostLimitReached: Nobody may be asked any more, or not for so much.
        """
        self._check()
        await self._source.ready()

    async def events(self) -> AsyncGenerator[StreamEvent, None]:
        """Yield the events; the answer ends where the limit does."""
        try:
            self._check()
            async with contextlib.aclosing(self._source.events()) as events:
                async for event in events:
                    self._count(event)
                    yield event
                    if isinstance(event, PartDelta) and (limit := _passed()):
                        for end in self._source.cut():
                            yield end
                        yield Finish(reason="error", error=_stopped(limit))
                        return
        except CostLimitReached as error:
            yield Finish(reason="error", error=error)
        finally:
            if self._has_begun and not self._is_reported:
                self._settle(self._cost())
                ledger().estimated += self._counted_usd > 0

    def _check(self) -> None:
        """Refuse to ask where the limit is reached, or would be by the question."""
        limit = limit_usd()
        if limit is None:
            return
        spent = f"this kernel has spent {ledger().words}"
        left_usd = limit - ledger().spent_usd
        cost_usd = self._cost(prompt=True)
        if 0 < left_usd >= cost_usd:
            return
        if left_usd > 0:
            spent = f"the question costs about {format_cost(cost_usd)}, {spent}"
        message = (
            f"nothing was sent: {spent}, and StepMagic.max_cost_usd is "
            f"{format_cost(limit)}. {_ways(limit)}"
        )
        raise CostLimitReached(message)

    def _count(self, event: StreamEvent) -> None:
        match event:
            case PartStart() | PartDelta():
                self._has_begun, self._is_reported = True, False
                if isinstance(event, PartDelta):
                    self._tokens += estimate_tokens(event.text)
                # An estimate reads the entire request, which is seldom necessary.
                if limit_usd() is not None:
                    self._settle(self._cost())
            case UsageReport(usage=usage):
                cost = usage.cost_usd
                if cost is None and self._entry is not None:
                    cost = self._entry.cost_usd(usage)
                self._is_reported = True
                self._settle(cost or 0.0)
            case _:
                pass

    def _settle(self, cost_usd: float) -> None:
        """Let the ledger have this answer at a new cost."""
        ledger().spent_usd += cost_usd - self._counted_usd
        self._counted_usd = cost_usd

    def _cost(self, *, prompt: bool = False) -> float:
        """Return what the answer so far costs by estimate, or only its prompt."""
        if self._entry is None:
            return 0.0
        if self._prompt_tokens is None:
            self._prompt_tokens = estimate_body(self._body)
        usage = Usage(
            prompt_tokens=self._prompt_tokens,
            completion_tokens=0 if prompt else self._tokens,
        )
        return self._entry.cost_usd(usage) or 0.0


def _passed() -> float | None:
    """Return the limit if it is exceeded; else None."""
    limit = limit_usd()
    return limit if limit is not None and ledger().spent_usd > limit else None


def _stopped(limit_usd: float) -> CostLimitReached:
    message = (
        f"stopped: this kernel has spent about {format_cost(ledger().spent_usd)}, and "
        f"StepMagic.max_cost_usd is {format_cost(limit_usd)}. What was received is "
        f"kept. {_ways(limit_usd)} `%step continue` then continues."
    )
    return CostLimitReached(message)


def _ways(limit_usd: float) -> str:
    more = 2 * max(limit_usd, ledger().spent_usd)
    return (
        f"`%config StepMagic.max_cost_usd = {more:.2g}` allows more, 0 sets no limit."
    )
