"""Tables of the notebook as previews: text in a budget of tokens.

Owns the description of a DataFrame, an array or a list of records, and the warnings
about its columns. Does not know cells, messages or placeholders. narwhals is imported
by the first preview; the table's own library never, as the user has imported it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from stepmagic.attachments.frames.types import is_frame, is_library_frame

if TYPE_CHECKING:
    from stepmagic.attachments.frames.previews import Preview, preview, preview_of

__all__ = ["Preview", "is_frame", "is_library_frame", "preview", "preview_of"]


_HOMES = {"Preview": "previews", "preview": "previews", "preview_of": "previews"}
"""The module of each name, imported when the name is first used."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    found = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = found
    return found
