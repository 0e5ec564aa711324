"""A word of the first line: an address, an expression, a path or a glob.

In this order. The first line is the user's own code, so an expression there may call
functions, as ``df.query('x > 1')`` does; text in a cell's body never does (``names``).
"""

from __future__ import annotations

import ast
import traceback
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stepmagic.attachments import files
from stepmagic.attachments.attach import attach, explained, frame_count
from stepmagic.attachments.attachment import Attached, Handling
from stepmagic.attachments.secrets import reads_environment
from stepmagic.errors import AttachmentError, did_you_mean

_ENVIRONMENT = frozenset(("environ", "environb", "getenv", "getenvb"))


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
        _refuse_environment(word, namespace)
        try:
            value = eval(word.strip(), dict(namespace))  # noqa: S307 - the user's own
        except Exception as exc:
            # With a variable `data`, `data/cat.png` and `data.csv` are expressions.
            if not _is_file(word):
                said = traceback.format_exception_only(exc)[-1].strip()
                message = f"`{word}` failed: {said}"
                raise AttachmentError(message) from exc
        else:
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
            case ast.UnaryOp(operand=inner):
                node = inner
            case _:
                return None


def _refuse_environment(word: str, namespace: Mapping[str, Any]) -> None:
    """Refuse an expression that reads the environment, by whatever name.

    Raises:
        AttachmentError: It does.
    """
    names, told = set(), set()
    for node in ast.walk(ast.parse(word.strip(), mode="eval")):
        match node:
            case ast.Name(id=name):
                names.add(name)
            case ast.Attribute(attr=name) | ast.Constant(value=str(name)):
                told.add(name)
    values = [namespace.get(name) for name in names]
    # A table may have a column `environ`; what a module calls so is no column.
    is_of_module = any(issubclass(type(value), types.ModuleType) for value in values)
    reads = (is_of_module or "os" in told) and told & _ENVIRONMENT
    if reads or any(map(reads_environment, values)):
        message = (
            f"`{word}` reads the environment, which may hold secrets. Put what the "
            "model may see into a variable in another cell, and name that."
        )
        raise AttachmentError(message)


def _is_file(word: str) -> bool:
    try:
        return Path(word).expanduser().is_file()
    except (OSError, ValueError, RuntimeError):
        return False


def _unknown(
    word: str, namespace: Mapping[str, Any], error: AttachmentError
) -> AttachmentError:
    """Return the error for a word that names neither a variable nor a file."""
    root = _root(word)
    if root is None or not (word == root or word.endswith((")", "]"))):
        return error
    names = (name for name in namespace if not name.startswith("_"))
    hint = did_you_mean(root, names, most=3)
    what = "" if word == root else f" {root!r}"
    return AttachmentError(f"there is no variable{what} and no file {word!r}.{hint}")
