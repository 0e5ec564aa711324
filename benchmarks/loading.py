"""What ``%load_ext stepmagic`` adds to a bare IPython shell, as whole processes."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

from table import Row

_RUNS = 9
_LIMIT = 1.6
"""Times a bare shell, as whole processes."""

_BARE = (
    "from IPython.core.interactiveshell import InteractiveShell as Shell;"
    "shell = Shell.instance();"
)
_LOADED = _BARE + "shell.run_line_magic('load_ext', 'stepmagic')"


def measure() -> Iterator[Row]:
    """Yield the time of a bare shell and of one with the extension."""
    _seconds(_LOADED)
    pairs = [(_seconds(_BARE), _seconds(_LOADED)) for _ in range(_RUNS)]
    bare_s = statistics.median(bare for bare, _ in pairs)
    loaded_s = statistics.median(loaded for _, loaded in pairs)
    added_ms = 1000 * statistics.median(loaded - bare for bare, loaded in pairs)
    yield Row(
        what="%load_ext stepmagic, whole process",
        measured=f"{loaded_s:.3f} s",
        beside=f"{bare_s:.3f} s bare IPython",
        ratio=f"{loaded_s / bare_s:.2f}, +{added_ms:.0f} ms",
        limit=f"{_LIMIT}",
        good=loaded_s / bare_s <= _LIMIT,
    )


def _seconds(code: str) -> float:
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, stdin=subprocess.DEVNULL)  # noqa: S603 - our own code
    return time.perf_counter() - begun
