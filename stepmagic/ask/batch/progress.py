"""How far a batch is, in a bar; and a message when it is over."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stepmagic.ask.batch.run import Run
from stepmagic.transcript.usage import format_cost, format_count


class Progress:
    """A progress bar, and a message at the end.

    Args:
        run: The batch.
        show: Whether a bar is drawn; the message at the end is shown anyway.
        resume: The file of the answers, if there is one.
    """

    def __init__(self, run: Run, *, show: bool, resume: Path | None) -> None:
        tqdm: Any = importlib.import_module("tqdm.auto").tqdm
        self._run = run
        self._resume = resume
        self._bar = tqdm(total=run.tally.rows, unit=" rows", disable=not show)
        self._shown = ""

    def close(self) -> None:
        """Draw the bar for the last time."""
        self.update()
        self._bar.close()

    def update(self) -> None:
        """Draw how far it is, where that has changed."""
        status = _status(self._run)
        if (self._bar.n, self._shown) != (self._run.tally.done, status):
            self._bar.n, self._shown = self._run.tally.done, status
            self._bar.set_postfix_str(status)

    def conclude(self) -> None:
        """Show what the frame does not: why it ended early, what failed."""
        for line in _conclusion(self._run, self._resume):
            self._bar.write(line)


def _status(run: Run) -> str:
    """Return what is shown after the bar: the cost, and what it waits for."""
    tally = run.tally
    wait_s = run.closed_s
    parts = (
        "" if tally.cost_usd is None else format_cost(tally.cost_usd),
        f"{tally.failed:,} failed" if tally.failed else "",
        f"the server asks to wait {wait_s:.0f} s" if wait_s >= 1 else "",
        run.waits,
    )
    return ", ".join(filter(None, parts))


def _conclusion(run: Run, resume: Path | None) -> Iterator[str]:
    tally = run.tally
    if tally.done < tally.rows:
        rows = f"{tally.done:,} of {format_count(tally.rows, 'row')} done"
        paid = f", for {format_cost(tally.cost_usd)}" if tally.cost_usd else ""
        more = 'resume="answers.jsonl" would let the next run ask only for the rest'
        if resume is not None:
            more = f"the next run asks only for the rest; {resume} has the answers"
        yield f"Ended early ({run.end}): {rows}{paid}; {more}."
    if tally.failed:
        verb = "has" if tally.failed == 1 else "have"
        rows = format_count(tally.failed, "row")
        yield f"{rows} {verb} an error: see the column {run.plan.prefix}error."
    if run.fault:
        yield f"Answers are no longer kept for a next run: {run.fault}"
