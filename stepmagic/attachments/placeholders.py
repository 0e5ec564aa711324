r"""``{{ name }}`` in a cell's text, replaced where it stands, in one pass.

What came out of a variable is data and never expanded again. Single braces, ``$``,
LaTeX and JSON are left alone; ``\{{`` stands for two braces.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from stepmagic.attachments.names import look_up
from stepmagic.attachments.parts import UserPart, to_part
from stepmagic.errors import AttachmentError
from stepmagic.transcript import Text

_PLACEHOLDER = re.compile(r"\\\{\{|\{\{[ \t]*([^{}\s][^{}\n]*)\}\}")


def expand(body: str, namespace: Mapping[str, Any]) -> tuple[UserPart, ...]:
    r"""Return the text as parts, with the value of each ``{{ name }}`` in its place.

        >>> [part.text for part in expand("Is {{ n }} odd?", {"n": 7})]
        ['Is 7 odd?']

    Neighbouring texts become one part.

    Raises:
        AttachmentError: There is no such name, it is more than a name, or its value
            cannot be sent.
    """
    parts: list[UserPart] = []
    end = 0
    for found in _PLACEHOLDER.finditer(body):
        parts.append(Text(text=body[end : found.start()]))
        end = found.end()
        expression = found.group(1)
        if expression is None:
            parts.append(Text(text="{{"))
        else:
            value = _looked_up(expression, namespace)
            parts.append(to_part(value, expression.strip()))
    parts.append(Text(text=body[end:]))
    return _joined(parts)


def _looked_up(expression: str, namespace: Mapping[str, Any]) -> Any:
    try:
        return look_up(expression, namespace)
    except AttachmentError as exc:
        message = f"{exc} To send {{{{ }}}} as they stand, write \\{{{{ or use --raw."
        raise AttachmentError(message) from exc


def _joined(parts: list[UserPart]) -> tuple[UserPart, ...]:
    joined: list[UserPart] = []
    for part in parts:
        last = joined[-1] if joined else None
        if isinstance(part, Text) and isinstance(last, Text):
            joined[-1] = Text(text=last.text + part.text)
        elif not isinstance(part, Text) or part.text:
            joined.append(part)
    return tuple(joined)
