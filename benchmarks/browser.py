"""What a long answer costs the page of JupyterLab, in headless Chromium.

``tests/browser/figures.py`` measures, in a process of its own: the longest task of the
page's main thread while an answer of 100 KB grows by patches at 1,000 tokens a second,
and the processor time of that thread to put the static bundle in place of the live
view, beside a plain ``display(HTML(...))`` of the same HTML in the same page. Both
include layout and MathJax, and not the garbage of what came before. The ratio is the
median of the runs' own ratios.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from answers import mixed
from table import Row

_SIZE, _RATE, _RUNS = 100_000, 1000, 5
_LONGEST_MS, _SWAP_LIMIT = 100, 1.3
_TESTS = Path(__file__).parents[1] / "tests"


def measure() -> Iterator[Row]:
    """Yield the longest task and the cost of the swap; nothing without a browser."""
    if shutil.which("chromium") is None and shutil.which("chromium-browser") is None:
        sys.stderr.write("\nthere is no chromium: the browser is not measured\n")
        return
    runs = list(runs_of("browser.figures", runs=_RUNS, rate=_RATE))
    longest, swap, plain = (
        statistics.median(run[name] for run in runs)
        for name in ("longest", "swap", "plain")
    )
    ratio = statistics.median(run["swap"] / run["plain"] for run in runs)
    what = f"{_SIZE // 1000} KB at {_RATE:,} tokens/s in JupyterLab"
    yield Row(
        what=f"{what}, longest task before the swap",
        measured=f"{longest:.0f} ms" if longest else "under 50 ms",
        beside="",
        ratio="",
        limit=f"{_LONGEST_MS} ms",
        good=longest <= _LONGEST_MS,
    )
    yield Row(
        what="the swap for the static bundle, main thread",
        measured=f"{swap:.0f} ms",
        beside=f"{plain:.0f} ms display(HTML(...))",
        ratio=f"{ratio:.2f}",
        limit=f"{_SWAP_LIMIT}",
        good=ratio <= _SWAP_LIMIT,
    )


def runs_of(module: str, *, runs: int, rate: float) -> Iterator[dict[str, float]]:
    """Yield the figures of each run of a module beside the tests, in milliseconds."""
    command = [sys.executable, "-m", module]
    command += ["--runs", str(runs), "--rate", str(rate)]
    with subprocess.Popen(  # noqa: S603 - our own script
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=_TESTS
    ) as process:
        assert process.stdin is not None  # noqa: S101 - asked for above
        assert process.stdout is not None  # noqa: S101 - asked for above
        process.stdin.write(mixed(_SIZE))
        process.stdin.close()
        for line in process.stdout:
            sys.stderr.write(".")
            sys.stderr.flush()
            yield json.loads(line)
    if process.returncode:
        message = f"{module} ended with {process.returncode}"
        raise RuntimeError(message)
