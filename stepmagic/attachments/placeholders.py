r"""``{{ name }}`` in a cell's text, replaced in its place, in one pass.

The value of a variable is data and never expanded again. Single braces, ``$``,
LaTeX and JSON are left as they are; ``\{{`` is an escape for two braces.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from stepmagic.attachments.attachment import UserPart
from stepmagic.attachments.markers import joined
from stepmagic.attachments.names import look_up
from stepmagic.errors import AttachmentError
from stepmagic.transcript import Text

Convert: TypeAlias = Callable[[Any, str], Iterable[UserPart]]
"""Makes parts of a value and its name."""

_PLACEHOLDER = re.compile(r"\\\{\{|\{\{[ \t]*([^{}\s][^{}\n]*)\}\}")


def expand(
    body: str, namespace: Mapping[str, Any], convert: Convert
) -> tuple[UserPart, ...]:
    r"""Return the text as parts, with the value of each ``{{ name }}`` in its place.

        >>> as_text = lambda value, name: [Text(text=str(value))]
        >>> [part.text for part in expand("Is {{ n }} odd?", {"n": 7}, as_text)]
        ['Is 7 odd?']

    Neighbouring texts become one part.

    Raises:
        AttachmentError: There is no such name, it is more than a name, or its value
            cannot be sent.
    """
    return fill(body, lambda name: _looked_up(name, namespace), convert)


def named(body: str) -> tuple[str, ...]:
    r"""Return what is between the braces of a text, each once.

    >>> named(r"Is {{ a }} like {{ b['x'] }} or {{ a }}, and not \{{ c }}?")
    ('a', "b['x']")
    """
    found = (found.group(1) for found in _PLACEHOLDER.finditer(body))
    return tuple(dict.fromkeys(name.strip() for name in found if name is not None))


def fill(
    body: str, find: Callable[[str], Any], convert: Convert
) -> tuple[UserPart, ...]:
    """Return the text as parts, with what ``find`` returns for each name in its place.

    Raises:
        AttachmentError: ``find`` or ``convert`` refuses one.
    """
    parts: list[UserPart] = []
    end = 0
    for found in _PLACEHOLDER.finditer(body):
        parts.append(Text(text=body[end : found.start()]))
        end = found.end()
        if found.group(1) is None:
            parts.append(Text(text="{{"))
        else:
            name = found.group(1).strip()
            parts += convert(find(name), name)
    parts.append(Text(text=body[end:]))
    return joined(parts)


def _looked_up(expression: str, namespace: Mapping[str, Any]) -> Any:
    try:
        return look_up(expression, namespace)
    except AttachmentError as exc:
        message = f"{exc} To send {{{{ }}}} literally, write \\{{{{ or use --raw."
        raise AttachmentError(message) from exc
