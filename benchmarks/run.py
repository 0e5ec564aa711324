"""``make bench``: every benchmark, one table; the exit status counts the misses."""

from __future__ import annotations

import sys

import loading
import streaming
from table import show


def main() -> int:
    """Measure and print; takes about two minutes."""
    rows = [*loading.measure(), *streaming.measure()]
    sys.stderr.write("\n")
    return show(rows)


if __name__ == "__main__":
    sys.exit(main())
