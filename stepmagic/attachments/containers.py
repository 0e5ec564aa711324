"""Lists and dicts of attachable values: each item as it would be sent by itself.

A list of frames becomes their previews, with the warnings that each would have; a list
of paths becomes the files, and a picture in a dict is sent as one.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import PurePath
from typing import Any, TypeAlias

from stepmagic.attachments import frames, images
from stepmagic.attachments.attachment import Attached, UserPart
from stepmagic.attachments.frames.types import MAPPINGS, find_kind
from stepmagic.attachments.images.matplotlib_figures import figure_of
from stepmagic.attachments.images.types import (
    has_method,
    is_array,
    kind_of,
    shape_and_type,
)
from stepmagic.attachments.parts import PARTS
from stepmagic.errors import AttachmentError
from stepmagic.transcript import Image
from stepmagic.transcript.usage import format_count

MOST_ITEMS = 20
"""Items of one container that are sent."""

MOST_FILES = 60
"""Paths of one list: as many as a glob on the first line may name."""

_DEEPEST = 3
_PROBED = 1000
_PICTURED_ROWS = 5
_SEQUENCES = (list, tuple)

Attach: TypeAlias = Callable[[Any, str], Attached]
"""Makes an attachment of an item and its name."""


def is_container(value: Any) -> bool:
    """Whether a value is a container of values that are attached one by one.

    A list, a tuple, a dict, an array of objects or what a plot of bars returns.
    """
    if not _is_opened(value):
        return False
    return any(_has_form(item, 1) for _, item in islice(_items(value), _PROBED))


def shares_figures(value: Any) -> bool:
    """Whether a container contains several parts of one figure of matplotlib.

    ``[fig, *axes]`` does: the figure is sent once. An array of objects with pictures in
    it, such as ``plt.subplots(2, 2)[1]``, would otherwise be a table.
    """
    if not _is_opened(value):
        return False
    items = [item for _, item in islice(_items(value), _PROBED)]
    if is_array(value):
        return any(images.is_image(item) for item in items)
    figures = [id(it) for it in map(_figure, items) if it is not None]
    return len(set(figures)) < len(figures)


def _is_opened(value: Any) -> bool:
    if type(value) in (*_SEQUENCES, *MAPPINGS):
        return True
    if is_array(value):
        return shape_and_type(value)[1] == "object" and value.ndim > 0
    return _is_artists(value)


def _is_artists(value: Any) -> bool:
    """Whether a value is what a plot of bars, or of errors, returns."""
    module = sys.modules.get("matplotlib.container")
    return module is not None and issubclass(type(value), module.Container)


def _figure(item: Any) -> Any:
    """Return the figure that an item is, or is a part of; None for another item."""
    if kind_of(item) != "matplotlib":
        return None
    try:
        return figure_of(item, "")
    except AttachmentError:
        return None


def attach_container(value: Any, name: str, attach: Attach) -> Attached:
    """Return the items of a container, each in the form in which it is sent by itself.

    Raises:
        AttachmentError: An item cannot be sent, or containers are too deep in others.
    """
    if name.count("[") > _DEEPEST + 5:
        message = f"`{name}` is too deep in other containers. Attach it alone."
        raise AttachmentError(message)
    paths = all(issubclass(type(item), PurePath) for _, item in _items(value))
    most = MOST_FILES if paths else MOST_ITEMS
    several: list[Attached] = []
    differences: list[str] = []
    figures: dict[int, str] = {}
    for place, item in islice(_items(value), most):
        figure = _figure(item)
        if id(figure) in figures:
            first = figures[id(figure)]
            differences.append(
                f"`{name}{place}` is in the figure of `{first}`, which is sent once."
            )
            continue
        several.append(attach(item, f"{name}{place}"))
        if figure is not None:
            figures[id(figure)] = f"{name}{place}"
    count = value.size if is_array(value) else len(value)
    if count > most:
        differences.append(
            f"The first {most} of the {count:,} items of `{name}` are sent."
        )
    for each in several:
        differences += each.differences
    return Attached(
        name=name,
        kind=type(value).__name__,
        parts=tuple(part for each in several for part in _named(each)),
        size=format_count(count, "item"),
        differences=tuple(dict.fromkeys(differences)),
        notices=tuple(dict.fromkeys(n for each in several for n in each.notices)),
    )


def with_pictures(attached: Attached, value: Any, attach: Attach) -> Attached:
    """Return the preview of a table with the pictures in its first rows.

    Args:
        attached: The preview.
        value: The table.
        attach: Makes an attachment of a picture.
    """
    columns = list(_columns_of_pictures(value))
    if not columns:
        return attached
    parts: list[UserPart] = []
    differences: list[str] = list(attached.differences)
    for name, count, found in columns:
        for place, picture in found:
            made = attach(picture, f"{attached.name}{name}[{place}]")
            parts += (part for part in _named(made) if isinstance(part, Image))
            differences += made.differences
        if count > _PICTURED_ROWS:
            differences.append(
                f"Of the pictures in `{attached.name}{name}` those of the first "
                f"{_PICTURED_ROWS} rows are sent."
            )
    return replace(
        attached,
        parts=(*attached.parts, *parts),
        differences=tuple(dict.fromkeys(differences)),
    )


def _columns_of_pictures(
    value: Any,
) -> Iterator[tuple[str, int, list[tuple[int, Any]]]]:
    """Yield the columns that begin with a picture: name, rows, the first pictures."""
    kind = find_kind(value)
    if kind is None or kind.family not in ("pandas", "records"):
        return
    for name, values in _object_columns(value):
        first = list(islice(values, _PICTURED_ROWS))
        pictures = [(place, it) for place, it in enumerate(first) if _is_picture(it)]
        if pictures:
            yield name, len(value), pictures


def _object_columns(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the columns of a table that may hold any object."""
    if type(value) is list:
        if type(value[0]) in MAPPINGS:
            for key in value[0]:
                rows = [row.get(key) for row in value[:_PICTURED_ROWS] if row]
                yield f"[{key!r}]", rows
        return
    if value.ndim == 1:
        if str(value.dtype) == "object":
            yield "", value
        return
    for number, dtype in enumerate(value.dtypes):
        if str(dtype) == "object":
            label = value.columns[number]
            yield f"[{label!r}]", value.iloc[:_PICTURED_ROWS, number]


def _is_picture(value: Any) -> bool:
    """Whether a value in a cell is a picture: an array of numbers in one is not."""
    return type(value).__module__.partition(".")[0] == "PIL" and images.is_image(value)


def _has_form(value: Any, depth: int) -> bool:
    if type(value) in PARTS or issubclass(type(value), PurePath):
        return True
    if images.is_image(value) or frames.is_frame(value):
        return True
    if has_method(value, "_repr_mimebundle_"):
        return True
    if depth < _DEEPEST and _is_opened(value):
        return any(
            _has_form(item, depth + 1) for _, item in islice(_items(value), _PROBED)
        )
    return False


def _items(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the items of a container, each with how code reads it."""
    if type(value) in MAPPINGS:
        for key, item in value.items():
            yield f"[{key!r}]" if type(key) in (str, int) else "[…]", item
    elif is_array(value):
        import numpy as np  # noqa: PLC0415 - the user has loaded it

        for place in np.ndindex(value.shape):
            yield f"[{', '.join(map(str, place))}]", value[place]
    elif _is_artists(value):
        for number, item in enumerate(value.get_children()):
            yield f"[{number}]", item
    else:
        for number, item in enumerate(value):
            yield f"[{number}]", item


def _named(attached: Attached) -> Iterator[UserPart]:
    """Yield the parts of an item with what they are."""
    about = ", ".join(filter(None, (attached.kind, attached.size)))
    for part in attached.parts:
        yield replace(part, name=part.name or attached.name, about=part.about or about)
