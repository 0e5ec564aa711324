"""A batch under way on the background loop: workers, repeats, limits, an early end.

Keeps only the answer of each row. Whoever shows the progress reads the ``Tally`` from
another thread; nothing here prints.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from stepmagic.ask.batch.question import question
from stepmagic.ask.batch.rate_limit import RateLimit, RateLimits
from stepmagic.ask.batch.request import Answer, Asker, Outcome, ask_for_value, is_fatal
from stepmagic.ask.batch.resume_file import ResumeFile, fingerprint
from stepmagic.ask.batch.tables import Column, Table
from stepmagic.attachments.attachment import Handling
from stepmagic.attachments.parts import is_inline
from stepmagic.conversation.context import check_context
from stepmagic.errors import (
    AttachmentError,
    CommandError,
    ContextTooLong,
    RequestRefused,
    SettingError,
    StepError,
    ValueMisfit,
)
from stepmagic.schema import Schema
from stepmagic.server.endpoint import find_endpoint, refuse_key
from stepmagic.server.http import start
from stepmagic.server.options import Options
from stepmagic.settings import kernel
from stepmagic.transcript import FinishReason, Message
from stepmagic.transcript.usage import format_cost


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to ask of each row, and how; it may go to another machine."""

    id: str
    """The same wherever parts of one batch run."""
    prompt: str
    options: Options
    handling: Handling
    concurrency: int
    """Most requests at a time."""
    max_cost_usd: float | None = None
    """No request goes out once this much is spent."""
    resume: Path | None = None
    """Where answers are written, and found by the next run."""
    prefix: str = ""
    """Before the name of each new column."""
    schema: Any = None
    """The type of the answers as it was given, since what reads them cannot travel;
    None for text."""


def result_columns(plan: Plan, answers: Sequence[Answer]) -> list[Column]:
    """Return what is joined to the data: answers, errors, costs.

    With a schema there is a column for each of its fields.
    """
    columns = [
        *_answer_columns(plan, answers),
        Column(name="error", kind="string", values=[each.error for each in answers]),
        Column(name="cost_usd", kind="number", values=[e.cost_usd for e in answers]),
    ]
    return [replace(column, name=plan.prefix + column.name) for column in columns]


def _answer_columns(plan: Plan, answers: Sequence[Answer]) -> list[Column]:
    if plan.schema is None:
        texts = [answer.text for answer in answers]
        return [Column(name="answer", kind="string", values=texts)]
    schema = Schema.of(plan.schema)
    rows = [
        {} if answer.value is None else schema.row(answer.value) for answer in answers
    ]
    return [
        Column(name=each.name, kind=each.kind, values=[r.get(each.name) for r in rows])
        for each in schema.columns
    ]


def check_names(plan: Plan, table: Table) -> None:
    """Refuse to write over a column of the data.

    Raises:
        SettingError: A new column would have the name of one that is there.
    """
    names = [column.name for column in result_columns(plan, [])]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        message = (
            f"a batch adds a column {twice!r} itself: rename the field of the type."
        )
        raise SettingError(message)
    clash = next((name for name in names if name in table.names), None)
    if clash is not None:
        message = (
            f"the data has a column {clash!r} already, such as from a batch before. "
            'Leave it out, or name the new ones otherwise: prefix="model_".'
        )
        raise SettingError(message)


_CLOSE_S = 2.0
"""How long a stop waits for the connections to close."""

_FAILURES_IN_A_ROW = 20
"""So many end a batch: a server that is down answers no other row either."""

_NOTES: dict[FinishReason, str] = {
    "length": "the answer was cut off at max_tokens",
    "content_filter": "the answer was cut off by a content filter",
}
"""What an answer that is there may lack, by the reason for its end."""


@dataclass(slots=True)
class Tally:
    """How far a batch is."""

    rows: int
    done: int = 0
    asked: int = 0
    """Rows that the server was asked for, in this run."""
    resumed: int = 0
    """Rows whose answer an earlier run had stored."""
    repeated: int = 0
    """Rows that are the same as one before."""
    failed: int = 0
    """Rows that have an error."""
    cost_usd: float | None = None
    """Of this run; None while the server reported none."""

    @property
    def is_fruitless(self) -> bool:
        """Whether no row has an answer."""
        return self.done == self.failed


class Run:
    """One batch, from its first request to its last.

    Args:
        plan: What to ask of each row.
        table: The rows.

    Raises:
        AttachmentError: The prompt names a column that is not there.
        SettingError: The resume file cannot be read.
    """

    def __init__(self, plan: Plan, table: Table) -> None:
        self.tally = Tally(table.count)
        self.answers: list[Answer | None] = [None] * table.count
        self.waits = ""
        """What it waits for, as text."""
        self.end = ""
        """Why it ended early, as text."""
        self.plan = plan
        self._question = question(plan.prompt, table.names, plan.handling)
        self._columns = {name: table.values(name) for name in self._question.columns}
        self._numbers = iter(range(table.count))
        self._resume_file = ResumeFile(plan.resume)
        self._known: dict[str, Answer] = {}
        self._under_way: dict[str, list[int]] = {}
        self._failures = 0
        self._error: StepError | None = None
        self._rate_limit = RateLimit(plan.concurrency)
        self._schema = None if plan.schema is None else Schema.of(plan.schema)
        self._converting = asyncio.Lock()
        self._over = threading.Event()
        self._task: Future[None] | None = None

    def start(self) -> Future[None]:
        """Start; the future is done when the batch is, with the error that ended it.

        An error is raised only where no row has an answer. Else the rows that are left
        say why.
        """
        self._task = start(self._drive())
        return self._task

    def stop(self) -> None:
        """End what is not over; returns when the connections are closed, or soon."""
        if self._task is not None and not self._over.is_set():
            self.end = self.end or "stopped"
            self._task.cancel()
            self._over.wait(_CLOSE_S)

    @property
    def closed_s(self) -> float:
        """How long the server wants no requests, in seconds."""
        return self._rate_limit.closed_s

    @property
    def fault(self) -> str:
        """Why the resume file takes no more answers; empty while it does."""
        return self._resume_file.fault

    def outcomes(self) -> list[Answer]:
        """Return the answer of every row, also of those that were never asked."""
        rest = Answer(error=f"not asked: {self.end}")
        return [rest if answer is None else answer for answer in self.answers]

    async def _drive(self) -> None:
        plan = self.plan
        try:
            if not self.tally.rows:
                return
            endpoint = await asyncio.to_thread(
                find_endpoint, plan.options, self._report
            )
            self.waits = ""
            self._rate_limit = kernel.get(RateLimits).share(plan.id, self._rate_limit)
            asker = Asker(plan.options, endpoint, self._rate_limit)
            async with asyncio.TaskGroup() as workers:
                for _ in range(min(plan.concurrency, self.tally.rows)):
                    workers.create_task(self._work(asker))
        except ExceptionGroup as group:
            raise group.exceptions[0] from None
        finally:
            self._resume_file.close()
            self._over.set()
        if self._error is not None and self.tally.is_fruitless:
            raise self._error

    def _report(self, text: str) -> None:
        """Note what the engine is doing; ends its work where the batch was stopped."""
        if self.end:
            raise CancelledError
        self.waits = text

    async def _work(self, asker: Asker) -> None:
        """Take one row after the other until none is left, or the batch ends."""
        for number in self._numbers:
            if self.end:
                return
            asked = self.tally.asked
            await self._take(number, asker)
            if self.tally.asked == asked:
                # Rows that are not asked must yield to the event loop, too.
                await asyncio.sleep(0)

    async def _take(self, number: int, asker: Asker) -> None:
        """Get the answer of a row: it is known, under way, or asked for."""
        try:
            message = await self._message(number, asker)
            body = asker.encode(message)
        except (AttachmentError, CommandError, ContextTooLong) as exc:
            self._settle([number], Answer(error=str(exc)))
            return
        except StepError as exc:
            self._halt(exc)
            return
        key = fingerprint(self.plan.options.api, body)
        if (waiting := self._under_way.get(key)) is not None:
            waiting.append(number)
        elif (known := self._known.get(key)) is not None:
            self._repeat(number, known)
        elif (stored := self._stored(key)) is not None:
            self._known[key] = stored
            self.tally.resumed += 1
            self._settle([number], stored)
        else:
            await self._ask(key, number, body, message, asker)

    def _stored(self, key: str) -> Answer | None:
        """Return the answer of an earlier run."""
        stored = self._resume_file.answers.get(key)
        if stored is None or stored.text is None or self._schema is None:
            return stored
        try:
            return replace(stored, value=self._schema.read(stored.text))
        except ValueMisfit:
            return None

    async def _message(self, number: int, asker: Asker) -> Message:
        """Return what is asked of a row.

        Raises:
            AttachmentError: A value is missing or cannot be sent.
            ContextTooLong: It does not fit the model.
        """
        row = {name: values[number] for name, values in self._columns.items()}
        if (missing := self._question.missing(row)) is not None:
            reason = f"not asked: {missing!r} is missing"
            raise AttachmentError(reason)
        message = await self._converted(row)
        options = self.plan.options
        refuse_key(asker.key, options.system, message)
        check_context(options, (), message)
        return message

    async def _converted(self, row: Mapping[str, Any]) -> Message:
        if all(map(is_inline, row.values())):
            return self._question.message(row)
        # Pictures take long to encode, and what draws them is not thread-safe.
        async with self._converting:
            return await asyncio.to_thread(self._question.message, row)

    async def _ask(
        self,
        key: str,
        number: int,
        body: Mapping[str, Any],
        message: Message,
        asker: Asker,
    ) -> None:
        """Ask for a row, and for those that turn out to be the same meanwhile."""
        rows = self._under_way[key] = [number]
        self.tally.asked += 1
        try:
            if self._schema is None:
                outcome = await asker.ask(body)
            else:
                outcome = await ask_for_value(asker, body, message, self._schema)
        finally:
            del self._under_way[key]
        answer = _answer(outcome)
        self._known[key] = answer
        if outcome.error is None:
            self._resume_file.keep(key, answer)
        self._settle(rows[:1], answer)
        for repeated in rows[1:]:
            self._repeat(repeated, answer)
        self._count(outcome)

    def _repeat(self, number: int, answer: Answer) -> None:
        self.tally.repeated += 1
        self._settle([number], replace(answer, cost_usd=0.0))

    def _settle(self, numbers: list[int], answer: Answer) -> None:
        for number in numbers:
            self.answers[number] = answer
            self.tally.done += 1
            self.tally.failed += answer.error is not None

    def _count(self, outcome: Outcome) -> None:
        """Add up what an answer took; ends the batch where asking on is no use."""
        tally, most = self.tally, self.plan.max_cost_usd
        if outcome.cost_usd is not None:
            tally.cost_usd = (tally.cost_usd or 0.0) + outcome.cost_usd
        error = outcome.error
        if error is not None:
            self._failures += 1
            if self._is_no_use(error):
                self._halt(error)
            return
        self._failures = 0
        if most is not None and outcome.cost_usd is None:
            self.end = "the server reports no cost, so max_cost_usd cannot be enforced"
        elif most is not None and (tally.cost_usd or 0.0) >= most:
            self.end = f"max_cost_usd={format_cost(most)} is reached"

    def _is_no_use(self, error: StepError) -> bool:
        """Whether the rows that are left would get an error too.

        Some errors are of single rows, unless no row was ever answered.
        """
        if is_fatal(error):
            return True
        is_single = isinstance(error, RequestRefused | ValueMisfit)
        most = max(_FAILURES_IN_A_ROW, 3 * self.plan.concurrency)
        return self._failures >= most and (self.tally.is_fruitless or not is_single)

    def _halt(self, error: StepError) -> None:
        if not self.end:
            self.end = _described(error)
            self._error = error


def _answer(outcome: Outcome) -> Answer:
    if outcome.error is not None:
        return Answer(error=_described(outcome.error), cost_usd=outcome.cost_usd)
    return Answer(
        text=outcome.text,
        value=outcome.value,
        error=_NOTES.get(outcome.finish_reason),
        cost_usd=outcome.cost_usd,
    )


def _described(error: StepError) -> str:
    return f"{type(error).__name__}: {error}"
