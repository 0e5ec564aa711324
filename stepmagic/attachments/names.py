"""Names a user writes, looked up without running anything.

Plain names, ``_``, ``_N``, ``_step``, ``Out[N]``, constant subscripts of lists and
dicts, attributes and items of tables, arrays and pictures, and what a ``Reply``
answers. A call, a module, the environment or another object's attribute is refused,
with the way round it: text that was pasted into a cell must not reach secrets.
"""

from __future__ import annotations

import ast
import difflib
import os
import types
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from stepmagic.attachments.parts import MAPPINGS, SEQUENCES, is_reply
from stepmagic.errors import AttachmentError

_WAY_ROUND = "Put it into a variable in another cell, and name that."
_SECRETIVE = ((types.ModuleType, "a module"), (type(os.environ), "the environment"))
_LIBRARIES = (
    *("pandas", "polars", "pyarrow", "narwhals", "numpy", "torch"),
    *("PIL", "matplotlib", "plotly", "altair"),
)
_MISSING = object()


def look_up(expression: str, namespace: Mapping[str, Any]) -> Any:
    """Return what an expression of names and constant subscripts stands for.

        >>> look_up("rows[0]['n']", {"rows": [{"n": 7}]})
        7

    Raises:
        AttachmentError: It is more than that, or there is no such value.
    """
    whole = expression.strip()
    try:
        tree = ast.parse(whole, mode="eval").body
        return _value(tree, whole, namespace)
    except (SyntaxError, ValueError, MemoryError, RecursionError) as exc:
        message = f"`{whole}` is not the name of a variable."
        raise AttachmentError(message) from exc


def _value(node: ast.expr, whole: str, namespace: Mapping[str, Any]) -> Any:
    match node:
        case ast.Name(id=name):
            value = _named(name, namespace)
        case ast.Subscript(value=inner, slice=index):
            value = _item(_value(inner, whole, namespace), index, whole)
        case ast.Attribute(value=inner, attr=attribute):
            value = _attribute(_value(inner, whole, namespace), attribute, whole)
        case _:
            _refuse(whole, "is more than a name, and nothing is run", _WAY_ROUND)
    # Asked at every step, so that neither an alias nor a container hides one, and of
    # the type alone: `isinstance` would read an attribute of the value.
    for kind, what in _SECRETIVE:
        if issubclass(type(value), kind):
            _refuse(whole, f"reads {what}, which may hold secrets", _WAY_ROUND)
    return value


def _named(name: str, namespace: Mapping[str, Any]) -> Any:
    if name not in namespace:
        public = (other for other in namespace if not other.startswith("_"))
        message = f"there is no variable {name!r}.{_hint(name, public)}"
        raise AttachmentError(message)
    return namespace[name]


def _item(value: Any, index: ast.expr, whole: str) -> Any:
    """Return an item by methods of Python's own: reading one must run no code."""
    try:
        key = ast.literal_eval(index)
    except (ValueError, TypeError):
        _refuse(whole, "takes constants in its brackets", _WAY_ROUND)
    kind = type(value)
    if kind not in (*MAPPINGS, *SEQUENCES) and not _is_data(value):
        what = f"asks for an item of {kind.__name__}; only those of data are read"
        _refuse(whole, what, _WAY_ROUND)
    try:
        # A defaultdict would add what is missing.
        item = dict.get(value, key, _MISSING) if kind in MAPPINGS else value[key]
    except Exception as exc:  # noqa: BLE001 - a library may raise anything of its own
        _refuse(whole, f"has no item {key!r}: {exc}")
    if item is _MISSING:
        keys = (other for other in value if isinstance(other, str))
        _refuse(whole, f"has no item {key!r}", _hint(str(key), keys))
    return item


def _attribute(value: Any, attribute: str, whole: str) -> Any:
    kind = type(value)
    if _is_data(value):
        return _attribute_of_data(value, attribute, whole)
    if not is_reply(value):
        what = f"asks for an attribute of {kind.__name__}; only those of data are read"
        _refuse(whole, what, _WAY_ROUND)
    names = [name for name, held in vars(kind).items() if isinstance(held, property)]
    if attribute not in names:
        what = f"asks for {attribute!r}, which a Reply does not have"
        _refuse(whole, what, _hint(attribute, names))
    return getattr(value, attribute)


def _attribute_of_data(value: Any, attribute: str, whole: str) -> Any:
    """Return a public attribute of a table, an array or a picture; no method."""
    try:
        found = _MISSING if attribute.startswith("_") else getattr(value, attribute)
    except Exception:  # noqa: BLE001 - a library's property may raise anything
        found = _MISSING
    if found is _MISSING:
        _refuse(whole, f"asks for {attribute!r}, which it does not have")
    if callable(found):
        _refuse(whole, f"names the function {attribute!r}, and nothing is run")
    return found


def _is_data(value: Any) -> bool:
    """Whether a value is of a library of tables, arrays, pictures or figures."""
    return type(value).__module__.partition(".")[0] in _LIBRARIES


def _hint(name: str, others: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, others, n=3)
    return f" Did you mean {', '.join(close)}?" if close else ""


def _refuse(whole: str, what: str, advice: str = "") -> NoReturn:
    message = f"`{whole}` {what}. {advice.strip()}".strip()
    raise AttachmentError(message)
