"""Names a user writes, looked up without running anything.

Plain names, ``_``, ``_N``, ``_step``, ``Out[N]``, constant subscripts of lists and
dicts, attributes and items of tables, arrays, pictures and figures, and what a
``Reply`` answers. A call, a module, the environment or another object's attribute is
refused, with the way round it: text that was pasted into a cell must not reach secrets,
nor what is behind the data, such as the file of a picture or the place where it was
taken.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from stepmagic.attachments.parts import (
    MAPPINGS,
    SEQUENCES,
    is_inline,
    is_reply,
)
from stepmagic.attachments.reprs import library_of
from stepmagic.attachments.secrets import secretive
from stepmagic.errors import AttachmentError, did_you_mean

_WAY_ROUND = "Put it into a variable in another cell, and name that."
_LIBRARIES = (
    *("pandas", "polars", "pyarrow", "narwhals", "numpy", "torch"),
    *("PIL", "matplotlib", "plotly", "altair"),
)
_OF_PICTURES = frozenset(
    ("format", "height", "is_animated", "mode", "n_frames", "size", "width")
)
"""What is read of a picture; the rest includes its file, and EXIF the location."""

_HIDDEN = {
    # The array that it is a view of, which no one named; its address; its file.
    "numpy": frozenset(("base", "ctypes", "filename")),
    # The window and what runs it.
    "matplotlib": frozenset(("canvas", "manager")),
}
_MAKERS = ("fget", "_accessor", "_ns")
"""Where a property, and an accessor of pandas and of polars, keep what is run."""

_MISSING = object()


def look_up(expression: str, namespace: Mapping[str, Any]) -> Any:
    """Return what an expression of names and constant subscripts refers to.

        >>> look_up("rows[0]['n']", {"rows": [{"n": 7}]})
        7

    Raises:
        AttachmentError: It is more than that, or there is no such value.
    """
    expression = expression.strip()
    try:
        tree = ast.parse(expression, mode="eval").body
        return _value(tree, expression, namespace)
    except (SyntaxError, ValueError, MemoryError, RecursionError) as exc:
        message = f"`{expression}` is not the name of a variable."
        raise AttachmentError(message) from exc


def attachable_names(names: Iterable[str], namespace: Mapping[str, Any]) -> list[str]:
    """Return the names whose values can be attached, in order.

    Completion and the panel offer them. Modules, the environment and imported functions
    are left out.

    Args:
        names: Those that the user defined.
        namespace: The notebook's variables.
    """
    values = [(name, namespace.get(name)) for name in names]
    return [
        name
        for name, value in values
        if not secretive(value)
        and (not callable(value) or getattr(value, "__module__", "") == "__main__")
    ]


def _value(node: ast.expr, expression: str, namespace: Mapping[str, Any]) -> Any:
    match node:
        case ast.Name(id=name):
            value = _named(name, namespace)
        case ast.Subscript(value=inner, slice=index):
            value = _item(_value(inner, expression, namespace), index, expression)
        case ast.Attribute(value=inner, attr=attribute):
            value = _attribute(
                _value(inner, expression, namespace), attribute, expression
            )
        case _:
            _refuse(expression, "is more than a name, and nothing is run", _WAY_ROUND)
    # Asked at every step, so that neither an alias nor a container hides one.
    if what := secretive(value):
        _refuse(expression, f"reads {what}, which may hold secrets", _WAY_ROUND)
    return value


def _named(name: str, namespace: Mapping[str, Any]) -> Any:
    if name not in namespace:
        public = (other for other in namespace if not other.startswith("_"))
        message = f"there is no variable {name!r}.{did_you_mean(name, public, most=3)}"
        raise AttachmentError(message)
    return namespace[name]


def _item(value: Any, index: ast.expr, expression: str) -> Any:
    """Return an item by the built-in methods only: reading one must run no code."""
    try:
        key = ast.literal_eval(index)
    except (ValueError, TypeError):
        _refuse(expression, "takes constants in its brackets", _WAY_ROUND)
    kind = type(value)
    if kind not in (*MAPPINGS, *SEQUENCES) and not _is_data(value):
        what = f"asks for an item of {kind.__name__}; only those of data are read"
        _refuse(expression, what, _WAY_ROUND)
    try:
        # A defaultdict would add what is missing.
        item = dict.get(value, key, _MISSING) if kind in MAPPINGS else value[key]
    except Exception as exc:  # noqa: BLE001 - a library may raise anything
        _refuse(expression, f"has no item {key!r}: {exc}")
    if item is _MISSING:
        keys = (other for other in value if isinstance(other, str))
        _refuse(
            expression, f"has no item {key!r}", did_you_mean(str(key), keys, most=3)
        )
    return item


def _attribute(value: Any, attribute: str, expression: str) -> Any:
    kind = type(value)
    if _is_data(value):
        return _attribute_of_data(value, attribute, expression)
    if not is_reply(value):
        what = f"asks for an attribute of {kind.__name__}; only those of data are read"
        _refuse(expression, what, _WAY_ROUND)
    names = [name for name, held in vars(kind).items() if isinstance(held, property)]
    if attribute not in names:
        what = f"asks for {attribute!r}, which a Reply does not have"
        _refuse(expression, what, did_you_mean(attribute, names, most=3))
    return getattr(value, attribute)


def _attribute_of_data(value: Any, attribute: str, expression: str) -> Any:
    """Return an attribute of a table, an array or a picture that is data; no method."""
    found = _MISSING
    if not attribute.startswith("_") and not _is_added(type(value), attribute):
        try:
            found = getattr(value, attribute)
        except Exception:  # noqa: BLE001 - a library's property may raise anything
            found = _MISSING
    if found is _MISSING:
        _refuse(expression, f"asks for {attribute!r}, which it does not have")
    if callable(found):
        _refuse(expression, f"names the function {attribute!r}, and nothing is run")
    library = library_of(type(value))
    is_hidden = attribute in _HIDDEN.get(library, ())
    if is_hidden or (library == "PIL" and attribute not in _OF_PICTURES):
        what = f"asks for {attribute!r}, which is more than the data itself"
        _refuse(expression, what, _WAY_ROUND)
    is_held = type(found) in (*MAPPINGS, *SEQUENCES)
    if not (is_held or _is_data(found) or is_inline(found)):
        _refuse(expression, f"asks for {attribute!r}, which is not data", _WAY_ROUND)
    return found


def _is_added(kind: type, attribute: str) -> bool:
    """Whether an attribute was added to a library's type: to read it runs that code."""
    held = inspect.getattr_static(kind, attribute, None)
    makers = (getattr(held, name, None) for name in _MAKERS)
    return any(maker and library_of(maker) not in _LIBRARIES for maker in makers)


def _is_data(value: Any) -> bool:
    """Whether a value is of a library of tables, arrays, pictures or figures."""
    return library_of(type(value)) in _LIBRARIES


def _refuse(expression: str, what: str, advice: str = "") -> NoReturn:
    message = f"`{expression}` {what}. {advice.strip()}".strip()
    raise AttachmentError(message)
