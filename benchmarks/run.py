"""``make bench``: benchmarks in one table; the exit status counts the misses.

Names on the command line choose some of them: ``run.py streaming delay``.
"""

from __future__ import annotations

import argparse
import importlib
import sys

from table import show

MODULES = (
    "loading",
    "files",
    "streaming",
    "delay",
    "unread",
    "turns",
    "sizes",
    "browser",
    "panel",
    "previews",
    "images",
    "batch",
)
"""Each measures when its ``measure`` is called, and yields rows."""


def main() -> int:
    """Measure and print; all takes about half an hour, most of it our peers."""
    parser = argparse.ArgumentParser(description="Print ratios measured in one run.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(MODULES))
    names = parser.parse_args().names or MODULES
    if unknown := set(names) - set(MODULES):
        parser.error(f"no benchmark is called {unknown.pop()!r}")
    rows = []
    for name in names:
        sys.stderr.write(f"{name} ")
        rows += importlib.import_module(name).measure()
        sys.stderr.write("\n")
    return show(rows)


if __name__ == "__main__":
    sys.exit(main())
