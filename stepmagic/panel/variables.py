"""Answers put into work: what of a reply can be bound to a name, and as what."""

from __future__ import annotations

import base64
import importlib.util
import keyword
import re
import sys
import types
from collections.abc import Mapping
from typing import Any

from stepmagic.attachments.frames import is_frame
from stepmagic.attachments.frames.types import find_kind
from stepmagic.attachments.images import ImageLimits, is_image, to_images
from stepmagic.attachments.notebook.host import Host
from stepmagic.attachments.secrets import secretive
from stepmagic.conversation.reply import Reply
from stepmagic.errors import CommandError, StepError
from stepmagic.transcript import Image, Turn
from stepmagic.transcript.signatures import media_type

_NUMBER = re.compile(r"[-+]?\d{1,3}(,\d{3})+(\.\d+)?|[-+]?\d*\.?\d+([eE][-+]?\d+)?")
_BLANK = ("", "-", "–", "—", "n/a", "NaN")  # noqa: RUF001 - as tables have them


def result(turn: Turn, what: str, number: int) -> Any:
    """Return a part of an answer.

    Args:
        turn: What was answered.
        what: ``reply``, ``text``, ``code`` or ``table``.
        number: Which of its code blocks or tables, from 0.

    Raises:
        CommandError: It has none.
    """
    reply = Reply(turn)
    match what:
        case "reply":
            return reply
        case "text":
            return reply.text
        case "code" if 0 <= number < len(reply.code):
            return reply.code[number]
        case "table":
            tables = read_tables(reply.text)
            if 0 <= number < len(tables):
                return to_frame(*tables[number])
    message = f"the answer has no {what} {number + 1}."
    raise CommandError(message)


def check_name(name: str, namespace: Mapping[str, Any], *, replace: bool) -> None:
    """Refuse what is no name, and one that is taken unless it is to be replaced.

    Raises:
        CommandError: It is refused.
    """
    if not name.isidentifier() or keyword.iskeyword(name):
        message = f"{name!r} is no name for a variable: letters, digits and _ make one."
        raise CommandError(message)
    if name in namespace and not replace:
        kind = type(namespace[name]).__name__
        message = f"{name} is taken, by a {kind}. Bind once more to replace it."
        raise CommandError(message)


def read_tables(source: str) -> list[tuple[list[str], list[list[str]]]]:
    """Return the tables of a Markdown text, in order: their heads and their rows."""
    # markdown-it-py, which loading need not load.
    from stepmagic.markdown.parser import parse  # noqa: PLC0415

    tables: list[tuple[list[str], list[list[str]]]] = []
    row: list[str] = []
    is_inside = False
    for token in parse(source):
        match token.type:
            case "table_open" | "table_close":
                is_inside = token.type == "table_open"
                tables += [([], [])] if is_inside else []
            case "tr_open":
                row = []
            case "inline" if is_inside:
                row.append(_words(token.children or []))
            case "tr_close":
                head, rows = tables[-1]
                rows.append(row) if head else head.extend(row)
            case _:
                pass
    return tables


def to_frame(head: list[str], rows: list[list[str]]) -> Any:
    """Return a table as a DataFrame, of pandas if it is there, else of polars.

    Columns whose cells are all numbers, or blank, become numbers.
    """
    names = _distinct(head)
    columns = {
        name: _column([row[place] for row in rows]) for place, name in enumerate(names)
    }
    for library in ("pandas", "polars"):
        other = {"pandas": "polars", "polars": "pandas"}[library]
        is_used = library in sys.modules or other not in sys.modules
        if is_used and importlib.util.find_spec(library):
            return importlib.import_module(library).DataFrame(columns)
    cells = zip(*columns.values(), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in cells]


def _words(children: list[Any]) -> str:
    texts = ("\n" if each.type == "hardbreak" else each.content for each in children)
    return "".join(texts).strip()


def _distinct(head: list[str]) -> list[str]:
    names: list[str] = []
    for place, word in enumerate(head, 1):
        name = word or f"column {place}"
        while name in names:
            name = f"{name} ({place})"
        names.append(name)
    return names


def _column(cells: list[str]) -> list[Any]:
    """Return the cells of a column, as numbers if they all are."""
    minus = [cell.replace("\u2212", "-") for cell in cells]
    is_blank = [cell in _BLANK for cell in minus]
    if all(is_blank) or not all(
        blank or _NUMBER.fullmatch(cell)
        for blank, cell in zip(is_blank, minus, strict=True)
    ):
        return cells
    plain = [cell.replace(",", "") for cell in minus]
    whole = not any(is_blank) and all(cell.lstrip("+-").isdecimal() for cell in plain)
    read = int if whole else float
    return [
        None if blank else read(cell)
        for blank, cell in zip(is_blank, plain, strict=True)
    ]


_MOST = 500
_THUMBNAIL = ImageLimits(longest_side=72, frames=1)
_ORDER = ("image", "table", "other")


def list_things(host: Host) -> list[dict[str, str]]:
    """Return what a user may attach: images and tables first, then by name."""
    namespace = host.namespace
    found = [_thing(name, namespace.get(name)) for name in host.names[:_MOST]]
    things = [thing for thing in found if thing is not None]
    return sorted(things, key=lambda each: (_ORDER.index(each["kind"]), each["name"]))


def thumbnail(name: str, namespace: Mapping[str, Any]) -> str:
    """Return a small picture of an image as a ``data:`` URL; else an empty text."""
    value = namespace.get(name)
    if value is None or not is_image(value):
        return ""
    try:
        parts = to_images(value, name, _THUMBNAIL).parts
    except StepError:
        return ""
    data = next((part.data for part in parts if isinstance(part, Image)), None) or b""
    kind = media_type(data, "image")
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"


def _thing(name: str, value: Any) -> dict[str, str] | None:
    kind = type(value)
    if issubclass(kind, types.ModuleType) or secretive(value):
        return None
    if is_image(value):
        return {"name": name, "kind": "image", "about": _size(value) or kind.__name__}
    if is_frame(value):
        found = find_kind(value)
        said = [found.name if found else "", _size(value)]
        return {"name": name, "kind": "table", "about": ", ".join(filter(None, said))}
    if callable(value) and getattr(value, "__module__", "") != "__main__":
        return None
    return {"name": name, "kind": "other", "about": kind.__name__}


def _size(value: Any) -> str:
    """Return the shape of a table or picture, where it is known without work."""
    if type(value) is list:
        return f"{len(value):,} rows"
    for attribute in ("shape", "size"):
        found = getattr(value, attribute, None)
        if type(found) is tuple and all(type(side) is int for side in found):
            return " × ".join(f"{side:,}" for side in found)
    return ""
