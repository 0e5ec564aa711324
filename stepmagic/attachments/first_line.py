"""A word of the first line: an address, an expression, a path or a glob.

In this order. The first line is the user's own code, so an expression there may call
functions, as ``df.query('x > 1')`` does; text in a cell's body never does (``names``).
"""

from __future__ import annotations

import ast
import re
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

_FUNCTIONS = frozenset(
    (
        *("abs", "all", "any", "ascii", "bin", "bool", "bytes", "chr", "complex"),
        *("dict", "divmod", "enumerate", "filter", "float", "format", "frozenset"),
        *("hash", "hex", "int", "isinstance", "iter", "len", "list", "map", "max"),
        *("min", "next", "oct", "ord", "pow", "range", "repr", "reversed", "round"),
        *("set", "slice", "sorted", "str", "sum", "tuple", "type", "zip"),
    )
)
"""Functions of Python's that an expression may begin with; none of them reads files."""

_SIGNS = re.compile(r"[-+*/%@|&^<>=!~]+|and|or|not|in|is|if|else")
"""Words that join the two halves of an expression."""

_ENVIRONMENT = frozenset(("environ", "environb", "getenv", "getenvb"))


def attach_word(
    word: str, namespace: Mapping[str, Any], handling: Handling
) -> list[Attached]:
    """Return the attachments that a word of the first line names, several for a glob.

    Raises:
        AttachmentError: It names nothing, or what cannot be sent.
    """
    if "://" in word and files.is_url(word):
        return [explained(files.attach_url(word), handling)]
    if _is_expression(word, namespace):
        _refuse_environment(word, namespace)
        # A copy, so that `:=` binds nothing.
        names = dict(namespace)
        try:
            value = eval(word.strip(), names)  # noqa: S307 - the user's own
        except Exception as exc:
            # The traceback keeps the copy, and would keep all of the user's data.
            names.clear()
            # With a variable `data`, `data/cat.png` and `data.csv` are expressions.
            if not _is_file(word):
                reason = traceback.format_exception_only(exc)[-1].strip()
                message = f"`{word}` failed: {reason}"
                raise AttachmentError(message) from exc
        else:
            return [attach(value, word, handling, namespace)]
    count = frame_count(handling)
    file, _, part = word.partition("::")
    if part and _is_file(file):  # a sheet, or a table of a database
        return [files.attach_path(file, word, handling.limits, part=part)]
    try:
        paths = files.expand(word)
    except AttachmentError as exc:
        raise _unknown(word, namespace, exc) from exc
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


def _is_expression(word: str, namespace: Mapping[str, Any]) -> bool:
    """Whether a word is an expression of the user's names and Python's functions.

    Either it begins with a name, or all of its names are known and one is the user's.
    """
    if _root(word) in namespace:
        return True
    try:
        tree = ast.parse(word.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return False
    if isinstance(tree, ast.Tuple) and not word.strip().startswith("("):
        return False  # names with commas between them
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    bound = {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    strange = names - bound - _FUNCTIONS - namespace.keys()
    return not strange and bool(names & namespace.keys())


def _root(word: str) -> str | None:
    """Return the name an expression begins with; None for what is not an expression."""
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
    names, parts = set(), set()
    for node in ast.walk(ast.parse(word.strip(), mode="eval")):
        match node:
            case ast.Name(id=name):
                names.add(name)
            case ast.Attribute(attr=name) | ast.Constant(value=str(name)):
                parts.add(name)
    values = [namespace.get(name) for name in names]
    # A table may have a column `environ`; that of a module is not a column.
    is_of_module = any(issubclass(type(value), types.ModuleType) for value in values)
    reads = (is_of_module or "os" in parts) and parts & _ENVIRONMENT
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
    if advice := _misread(word, namespace):
        return AttachmentError(f"{error} {advice}")
    root = _root(word)
    if root is None or not (word == root or word.endswith((")", "]"))):
        return error
    names = (name for name in namespace if not name.startswith("_"))
    hint = did_you_mean(root, names, most=3)
    what = "" if word == root else f" {root!r}"
    return AttachmentError(f"there is no variable{what} and no file {word!r}.{hint}")


def _misread(word: str, namespace: Mapping[str, Any]) -> str:
    """Return how names and expressions are written, where a word is a part of one."""
    if _SIGNS.fullmatch(word):
        return "An expression with spaces goes in brackets: `(df.x + 1)`."
    names = [name.strip() for name in word.split(",")]
    if "," in word and any(name in namespace for name in names):
        return "Names are separated by spaces, without commas: `df im.png`."
    return ""
