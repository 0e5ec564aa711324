"""What the panel costs the page of JupyterLab, in headless Chromium.

``tests/browser/panel_figures.py`` measures, in a process of its own: the time from the
key press that runs ``%step panel`` until the end of a conversation of 200 turns stands
there, and until all of it does; and the slowest key
typed into the question while an answer of 100 KB streams at 1,000 tokens a second into
that conversation. Both are medians of five runs.
"""

from __future__ import annotations

import shutil
import statistics
import sys
from collections.abc import Iterator

from browser import runs_of
from table import Row

_RATE, _RUNS = 1000, 5
_OPENS_MS, _KEY_MS = 1000, 50


def measure() -> Iterator[Row]:
    """Yield how long the panel takes to open and a key to show; needs a browser."""
    if shutil.which("chromium") is None and shutil.which("chromium-browser") is None:
        sys.stderr.write("\nthere is no chromium: the panel is not measured\n")
        return
    runs = list(runs_of("browser.panel_figures", runs=_RUNS, rate=_RATE))
    opens, whole, key = (
        statistics.median(run[name] for run in runs) for name in runs[0]
    )
    key_said = f"a key in the panel while {_RATE:,} tokens/s stream, slowest"
    for what, measured, beside, limit in (
        (
            "the panel opens a conversation of 200 turns",
            opens,
            f"{whole:.0f} ms until all of it is there",
            _OPENS_MS,
        ),
        (key_said, key, "", _KEY_MS),
    ):
        yield Row(
            what=what,
            measured=f"{measured:.0f} ms",
            beside=beside,
            ratio="",
            limit=f"{limit} ms",
            good=measured < limit,
        )
