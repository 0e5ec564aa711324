"""How far a batch is, in a bar; and what is said when it is over."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from stepmagic.ask.batch.run import Run
from stepmagic.transcript.usage import format_cost, format_count


class Progress:
    """A progress bar while its context is entered, and a word at the end."""

    def __init__(self, run: Run, *, show: bool, resume: Path | None) -> None:
        """Watch a run; ``show=False`` draws no bar, and says the same at the end."""
        tqdm: Any = importlib.import_module("tqdm.auto").tqdm
        self._run = run
        self._resume = resume
        self._bar = tqdm(total=run.tally.rows, unit=" rows", disable=not show)
        self._shown = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.update()
        self._bar.close()

    def update(self) -> None:
        """Draw how far it is, where that has changed."""
        words = _words(self._run)
        if (self._bar.n, self._shown) != (self._run.tally.done, words):
            self._bar.n, self._shown = self._run.tally.done, words
            self._bar.set_postfix_str(words)

    def conclude(self) -> None:
        """Say what the frame does not: why it ended early, what failed."""
        for line in _conclusion(self._run, self._resume):
            self._bar.write(line)


def _words(run: Run) -> str:
    """Return what stands behind the bar: the cost, and what holds it up."""
    tally = run.tally
    wait_s = run.closed_s
    words = (
        "" if tally.cost_usd is None else format_cost(tally.cost_usd),
        f"{tally.failed:,} failed" if tally.failed else "",
        f"the server asks to wait {wait_s:.0f} s" if wait_s >= 1 else "",
        run.waits,
    )
    return ", ".join(filter(None, words))


def _conclusion(run: Run, resume: Path | None) -> Iterator[str]:
    tally = run.tally
    if tally.done < tally.rows:
        rows = f"{tally.done:,} of {format_count(tally.rows, 'row')} done"
        paid = f", for {format_cost(tally.cost_usd)}" if tally.cost_usd else ""
        more = 'resume="answers.jsonl" would let the next run ask for the rest alone'
        if resume is not None:
            more = f"the next run asks for the rest alone; {resume} has the answers"
        yield f"Ended early ({run.end}): {rows}{paid}; {more}."
    if tally.failed:
        verb = "has" if tally.failed == 1 else "have"
        rows = format_count(tally.failed, "row")
        yield f"{rows} {verb} an error: see the column {run.plan.prefix}error."
    if run.fault:
        yield f"Answers are no longer kept for a next run: {run.fault}"
