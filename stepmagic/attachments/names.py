"""Names a user writes, looked up without running anything.

Plain names, ``_``, ``_N``, ``_step``, ``Out[N]``, constant subscripts, and attributes
of a ``Reply``. A call, a module, the environment or another object's attribute is
refused, with the way round it.
"""

from __future__ import annotations

import ast
import difflib
import os
import types
from collections.abc import Mapping
from typing import Any

from stepmagic.attachments.parts import is_reply
from stepmagic.errors import AttachmentError

_WAY_ROUND = "Put it into a variable first: `x = ...`, then {{ x }}."


def look_up(expression: str, namespace: Mapping[str, Any]) -> Any:
    """Return what an expression of names and constant subscripts stands for.

    Raises:
        AttachmentError: It is more than that, or there is no such value.
    """
    try:
        tree = ast.parse(expression.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as exc:
        message = (
            f"{{{{ {expression.strip()} }}}} is no name. To send the braces as they "
            "stand, write \\{{ or use --raw."
        )
        raise AttachmentError(message) from exc
    return _value(tree, expression.strip(), namespace)


def _value(node: ast.expr, whole: str, namespace: Mapping[str, Any]) -> Any:
    match node:
        case ast.Name(id=name):
            return _sendable(_named(name, namespace), whole)
        case ast.Subscript(value=inner, slice=index):
            return _item(_value(inner, whole, namespace), index, whole)
        case ast.Attribute(value=inner, attr=attribute):
            return _attribute(_value(inner, whole, namespace), attribute, whole)
        case _:
            message = (
                f"{{{{ {whole} }}}} is more than a name, and nothing in a cell's text "
                f"is run. {_WAY_ROUND}"
            )
            raise AttachmentError(message)


def _sendable(value: Any, whole: str) -> Any:
    """Refuse what may hold secrets before anything is read from it."""
    for kind, what in (
        (types.ModuleType, "a module"),
        (type(os.environ), "the environment"),
    ):
        if isinstance(value, kind):
            message = (
                f"{{{{ {whole} }}}} reads {what}, which may hold secrets. {_WAY_ROUND}"
            )
            raise AttachmentError(message)
    return value


def _named(name: str, namespace: Mapping[str, Any]) -> Any:
    if name in namespace:
        return namespace[name]
    public = [other for other in namespace if not other.startswith("_")]
    close = difflib.get_close_matches(name, public, n=3)
    hint = f" Did you mean {', '.join(close)}?" if close else ""
    message = (
        f"there is no variable {name!r}.{hint} To send the braces as they stand, write "
        "\\{{ or use --raw."
    )
    raise AttachmentError(message)


def _item(value: Any, index: ast.expr, whole: str) -> Any:
    try:
        key = ast.literal_eval(index)
    except ValueError:
        message = (
            f"{{{{ {whole} }}}}: only constants stand in the brackets. {_WAY_ROUND}"
        )
        raise AttachmentError(message) from None
    if not hasattr(type(value), "__getitem__"):
        message = f"{{{{ {whole} }}}}: a {type(value).__name__} has no items"
        raise AttachmentError(message)
    try:
        return _sendable(value[key], whole)
    except (LookupError, TypeError, ValueError) as exc:
        message = f"{{{{ {whole} }}}}: there is no item {key!r} ({exc})"
        raise AttachmentError(message) from exc


def _attribute(value: Any, attribute: str, whole: str) -> Any:
    if not is_reply(value) or attribute.startswith("_"):
        message = (
            f"{{{{ {whole} }}}}: attributes of a {type(value).__name__} are not read "
            f"from a cell's text. {_WAY_ROUND}"
        )
        raise AttachmentError(message)
    try:
        return _sendable(getattr(value, attribute), whole)
    except AttributeError as exc:
        message = f"{{{{ {whole} }}}}: a Reply has no {attribute!r}"
        raise AttachmentError(message) from exc
