"""An object's type and ``repr`` as text, without its address in memory."""

from __future__ import annotations

import re
from typing import Any

_ADDRESS = re.compile(r"\s+at 0x[0-9A-Fa-f]+\b")
"""As in ``<Image size=4x4 at 0x7F2FB3>``: another one in each run."""

_POINTER = re.compile(r"\b0x[0-9A-Fa-f]{9,16}\b")
"""An address in another place, as in ``<Buffer address=0x7fc2e4a20040>``."""


def without_addresses(text: str) -> str:
    """Return a ``repr`` without addresses in memory, the same in each run.

    >>> without_addresses("<Image size=4x4 at 0x7F2FB3C1>")
    '<Image size=4x4>'
    """
    return _POINTER.sub("0x…", _ADDRESS.sub("", text))


def library_of(kind: Any) -> str:
    """Return the package that a type or function claims to be from."""
    module = getattr(kind, "__module__", None)
    return module.partition(".")[0] if type(module) is str else ""
