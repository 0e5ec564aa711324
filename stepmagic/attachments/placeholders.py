r"""``{{ name }}`` in a cell's text, replaced where it stands, in one pass.

What came out of a variable is data and never expanded again. Single braces, ``$``,
LaTeX and JSON are left alone; ``\{{`` stands for two braces.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from stepmagic.attachments.attached import UserPart
from stepmagic.attachments.framing import joined
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
    return fill(divided(body), lambda name: _looked_up(name, namespace), convert)


def named(body: str) -> tuple[str, ...]:
    r"""Return what stands between the braces of a text, each once.

    >>> named(r"Is {{ a }} like {{ b['x'] }} or {{ a }}, and not \{{ c }}?")
    ('a', "b['x']")
    """
    found = (name for _, name in divided(body) if name is not None)
    return tuple(dict.fromkeys(found))


def divided(body: str) -> tuple[tuple[str, str | None], ...]:
    r"""Return a text in pieces, each with the name that follows it; the last has none.

    >>> divided(r"Is {{ a }} a \{{ b }}?")
    (('Is ', 'a'), (' a {{ b }}?', None))
    """
    pieces: list[tuple[str, str | None]] = []
    text, end = "", 0
    for found in _PLACEHOLDER.finditer(body):
        text += body[end : found.start()]
        end = found.end()
        if found.group(1) is None:
            text += "{{"
        else:
            pieces.append((text, found.group(1).strip()))
            text = ""
    return (*pieces, (text + body[end:], None))


def fill(
    pieces: Iterable[tuple[str, str | None]],
    find: Callable[[str], Any],
    convert: Convert,
) -> tuple[UserPart, ...]:
    """Return the pieces as parts, with what ``find`` returns for a name in its place.

    Raises:
        AttachmentError: ``find`` or ``convert`` refuses one.
    """
    parts: list[UserPart] = []
    for text, name in pieces:
        parts.append(Text(text=text))
        if name is not None:
            parts += convert(find(name), name)
    return joined(parts)


def _looked_up(expression: str, namespace: Mapping[str, Any]) -> Any:
    try:
        return look_up(expression, namespace)
    except AttachmentError as exc:
        message = f"{exc} To send {{{{ }}}} as they stand, write \\{{{{ or use --raw."
        raise AttachmentError(message) from exc
