"""Functions and classes by their source, other objects by a bounded ``repr``."""

from __future__ import annotations

import ast
import functools
import inspect
import re
import sys
import textwrap
import types
from typing import Any

from stepmagic.attachments.attachment import Attached
from stepmagic.attachments.files.text import fence
from stepmagic.attachments.reprs import without_addresses
from stepmagic.attachments.secrets import refuse_environment
from stepmagic.errors import AttachmentError
from stepmagic.transcript import Text
from stepmagic.transcript.usage import format_count

_MOST_CHARACTERS = 4000
"""Most characters of a ``repr``, since it was not written for a model."""

_CODE = (
    types.FunctionType,
    types.MethodType,
    types.BuiltinFunctionType,
    functools._lru_cache_wrapper,  # noqa: SLF001 - what functools.cache returns
    type,
)

_ADDRESS = re.compile(r"<[\w.<> ]* at 0x[0-9A-Fa-f]+>")
"""Python's default ``repr``, with only a type and an address."""


_BARE = re.compile(
    r"""[\[\](){},:'" \w]*(?:<[\w.<>]+(?: object| instance)?>[\[\](){},:'" \w]*)+"""
)
"""The ``repr`` of containers of such objects, without the addresses."""


def is_code(value: Any) -> bool:
    """Whether a value is a function, a method or a class."""
    return issubclass(type(value), _CODE)


def attach_code(value: Any, name: str) -> Attached:
    """Return the source of a function, a method or a class.

    Raises:
        AttachmentError: It cannot be found, as for one written in C.
    """
    is_class = issubclass(type(value), type)
    kind = "class" if is_class else "function"
    try:
        source = textwrap.dedent(_source(value, is_class=is_class))
    except (OSError, TypeError, SyntaxError) as exc:
        message = (
            f"the source of `{name}` cannot be found: it is not written in Python, or "
            "its file or cell is gone. Attach its documentation: put "
            f"`inspect.getdoc({name})` into a variable."
        )
        raise AttachmentError(message) from exc
    lines = format_count(len(source.splitlines()), "line")
    text = Text(text=fence(source, "python"))
    return Attached(name=name, kind=kind, parts=(text,), size=lines)


def _source(value: Any, *, is_class: bool) -> str:
    """Return the source of a function or a class.

    Raises:
        OSError: There is none.
        SyntaxError: The file was changed since, and is not valid Python any more.
        TypeError: It is not written in Python.
    """
    if is_class and (source := _from_cells(value)):
        return source
    return inspect.getsource(value)


def _from_cells(kind: type) -> str:
    """Return the source of a class from the last cell that defined it.

    ``inspect`` reads the file of a class's module, and a kernel's ``__main__`` has none
    (Python's documentation of ``inspect.getsourcefile``).
    """
    for cell in reversed(getattr(sys.modules.get(kind.__module__), "In", ())):
        if kind.__name__ not in cell:
            continue
        try:
            tree = ast.parse(cell)
        except SyntaxError:
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and node.name == kind.__name__:
                decorators = [line.lineno for line in node.decorator_list]
                first = min([node.lineno, *decorators])
                return "\n".join(cell.split("\n")[first - 1 : node.end_lineno])
    return ""


def attach_repr(value: Any, name: str) -> Attached:
    """Return the ``repr`` of an object, at most 4,000 characters of it.

    Raises:
        AttachmentError: It shows only a type and an address, or it failed.
    """
    kind = type(value)
    try:
        text = repr(value)
    except Exception as exc:
        message = f"`{name}` cannot be written as text: {type(exc).__name__}."
        raise AttachmentError(message) from exc
    if _ADDRESS.fullmatch(text):
        message = (
            f"`{name}` is of type {kind.__name__}, whose repr shows only its type and "
            "address. Put what the model should see into a string, and attach that."
        )
        raise AttachmentError(message)
    refuse_environment(text, name)
    text = without_addresses(text)
    if _BARE.fullmatch(text):
        message = (
            f"`{name}` contains objects whose repr shows only their type and address. "
            "Put what the model should see into a string, and attach that."
        )
        raise AttachmentError(message)
    differences = []
    if len(text) > _MOST_CHARACTERS:
        sent = f"{_MOST_CHARACTERS:,} of {len(text):,} characters"
        differences.append(f"`{name}`: the first {sent} are sent.")
    return Attached(
        name=name,
        kind=kind.__name__,
        parts=(Text(text=text[:_MOST_CHARACTERS]),),
        differences=tuple(differences),
    )
