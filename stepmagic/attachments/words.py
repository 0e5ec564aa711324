"""A word of the first line: an address, an expression, a path or a glob.

In this order. The first line is the user's own code, so an expression there may call
functions, as ``df.query('x > 1')`` does; text in a cell's body never does (``names``).
"""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Mapping
from typing import Any

from stepmagic.attachments import files
from stepmagic.attachments.attached import Attached
from stepmagic.attachments.handling import Handling
from stepmagic.attachments.kinds import attach, explained, frame_count
from stepmagic.errors import AttachmentError

_ENVIRONMENT = re.compile(r"\b(?:environb?|getenvb?)\b")


def attach_word(
    word: str, namespace: Mapping[str, Any], handling: Handling
) -> list[Attached]:
    """Return what a word of the first line stands for; a glob may name several files.

    Raises:
        AttachmentError: It names nothing, or what cannot be sent.
    """
    if files.is_url(word):
        return [explained(files.attach_url(word), handling)]
    if _root(word) in namespace:
        value = _evaluated(word, namespace)
        return [attach(value, word, handling, namespace)]
    try:
        paths = files.expand(word)
    except AttachmentError as exc:
        raise _unknown(word, namespace, exc) from exc
    count = frame_count(handling)
    several = len(paths) > 1
    return [
        explained(
            files.attach_path(
                path, str(path) if several else word, handling.limits, frames=count
            ),
            handling,
        )
        for path in paths
    ]


def _root(word: str) -> str | None:
    """Return the name an expression begins with; None for what is no expression."""
    try:
        node: ast.AST = ast.parse(word.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None
    while True:
        match node:
            case ast.Name(id=name):
                return name
            case ast.Attribute(value=inner) | ast.Subscript(value=inner):
                node = inner
            case ast.Call(func=inner):
                node = inner
            case ast.BinOp(left=inner) | ast.Compare(left=inner):
                node = inner
            case _:
                return None


def _evaluated(word: str, namespace: Mapping[str, Any]) -> Any:
    if reads := _ENVIRONMENT.search(word):
        message = f"`{word}` reads {reads.group()}, which may hold secrets."
        raise AttachmentError(message)
    try:
        return eval(word, dict(namespace))  # noqa: S307 - the user's own code
    except Exception as exc:
        message = f"`{word}` failed: {type(exc).__name__}: {exc}"
        raise AttachmentError(message) from exc


def _unknown(
    word: str, namespace: Mapping[str, Any], error: AttachmentError
) -> AttachmentError:
    """Return the error for a word that names neither a variable nor a file."""
    if not word.isidentifier():
        return error
    names = (name for name in namespace if not name.startswith("_"))
    close = difflib.get_close_matches(word, names, n=3)
    hint = f" Did you mean {', '.join(close)}?" if close else ""
    return AttachmentError(f"there is no variable and no file {word!r}.{hint}")
