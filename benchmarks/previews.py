"""A preview of a very long frame and of a very wide one, each in a process of its own.

Memory is what the process grows by at its peak (VmHWM in proc(5), so Linux only) beyond
what it had before; Arrow's buffers are out of ``tracemalloc``'s sight. The libraries
are warm, as in a notebook where a frame was shown before.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

from table import Row

_LONG_LIMIT_S, _LONG_LIMIT_MB = 1.0, 100
_WIDE_LIMIT_S = 2.0

# Mixed dtypes: 20 million rows of 20 doubles would be 3.2 GB.
_LONG = """
rows, random = 20_000_000, np.random.default_rng(0)
frame = pd.DataFrame({
    **{f"f{n}": random.random(rows, dtype="float32") for n in range(8)},
    **{f"d{n}": random.random(rows) for n in range(2)},
    **{f"i{n}": random.integers(0, 100, rows, dtype="int8") for n in range(6)},
    "when": pd.date_range("2000", periods=rows, freq="s"),
    "flag": random.random(rows, dtype="float32") < 0.3,
    "city": pd.Categorical.from_codes(
        random.integers(0, 3, rows, dtype="int8"), ["Graz", "Linz", "Wien"]
    ),
    "id": np.arange(rows, dtype="int32"),
})
"""
_WIDE = """
frame = pd.DataFrame(np.random.default_rng(0).random((1_000, 10_000)))
"""
_PREVIEW = "preview(frame)"
_DESCRIBE = "frame.describe()"

_SCRIPT = """
import json, pathlib, re, time
import numpy as np, pandas as pd
from stepmagic.attachments.frames import preview
def peak_mb():
    status = pathlib.Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", status)[1]) / 1e3
small = pd.DataFrame({{"a": [1.5, 2], "b": ["x", "y"], "c": [1, 2]}})
preview(small), small.describe()
{make}
pathlib.Path("/proc/self/clear_refs").write_text("5")  # the peak is what it has now
before_mb, begun = peak_mb(), time.perf_counter()
{call}
print(json.dumps([time.perf_counter() - begun, peak_mb() - before_mb]))
"""


def measure() -> Iterator[Row]:
    """Yield time and memory of both previews, beside ``DataFrame.describe``."""
    seconds, added_mb = _measured(_LONG, _PREVIEW)
    beside_s, beside_mb = _measured(_LONG, _DESCRIBE)
    yield Row(
        what="preview of 20 million rows x 20 columns",
        measured=f"{seconds:.2f} s, {added_mb:.0f} MB",
        beside=f"{beside_s:.2f} s, {beside_mb:.0f} MB describe()",
        ratio=f"{seconds / beside_s:.2f}",
        limit=f"{_LONG_LIMIT_S:.0f} s, {_LONG_LIMIT_MB} MB",
        good=seconds < _LONG_LIMIT_S and added_mb < _LONG_LIMIT_MB,
    )
    seconds, added_mb = _measured(_WIDE, _PREVIEW)
    beside_s, beside_mb = _measured(_WIDE, _DESCRIBE)
    yield Row(
        what="preview of 1,000 rows x 10,000 columns",
        measured=f"{seconds:.2f} s, {added_mb:.0f} MB",
        beside=f"{beside_s:.2f} s, {beside_mb:.0f} MB describe()",
        ratio=f"{seconds / beside_s:.2f}",
        limit=f"{_WIDE_LIMIT_S:.0f} s",
        good=seconds < _WIDE_LIMIT_S,
    )


def _measured(make: str, call: str) -> tuple[float, float]:
    """Return the seconds a call takes, and the megabytes that are added meanwhile."""
    code = _SCRIPT.format(make=make, call=call)
    run = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    sys.stderr.write(".")
    sys.stderr.flush()
    seconds, megabytes = json.loads(run.stdout)
    return seconds, megabytes
