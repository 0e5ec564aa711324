"""What a function returned to a model that called it, as parts of the result.

Text and plain values are written out, records as JSON, and bounded. A table becomes its
preview, a figure a picture, whatever else what it becomes as an attachment.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from stepmagic.attachments import frames
from stepmagic.attachments.attach import attach
from stepmagic.attachments.attachment import Attached, Handling, UserPart
from stepmagic.attachments.files.text import cut
from stepmagic.attachments.secrets import refuse_secretive
from stepmagic.transcript import Text

MOST_LETTERS = 20_000
"""Of all text in one result: about 5,000 tokens, which go out with every later turn."""

_LEAST_LETTERS = 200


def attach_returned(value: Any, name: str, handling: Handling) -> Attached:
    """Return what a function returned in the form in which the model gets it.

    Args:
        value: Anything; of a tuple, each item is a part of its own where it cannot be
            written out.
        name: What the function is called.
        handling: What a result may carry.

    Raises:
        AttachmentError: It has no form that could be sent, or may hold secrets.
    """
    refuse_secretive(value, name)
    text = _written(value)
    if text is None and type(value) is tuple:
        each = [attach_returned(item, name, handling) for item in value]
        return Attached(
            name=name,
            kind="several values",
            parts=_bounded(part for one in each for part in one.parts),
            notices=tuple(notice for one in each for notice in one.notices),
        )
    if text is not None and not (len(text) > MOST_LETTERS and frames.is_frame(value)):
        return Attached(name=name, kind="text", parts=_bounded([Text(text=text)]))
    attached = attach(value, name, handling, {})
    return replace(attached, parts=_bounded(attached.parts))


def _written(value: Any) -> str | None:
    """Return a text as it is, plain values as JSON; None for anything else."""
    if isinstance(value, str):
        return str.__str__(value)
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return None


def _bounded(parts: Iterable[UserPart]) -> tuple[UserPart, ...]:
    """Return the parts with their texts cut where they are too long together."""
    left = MOST_LETTERS
    bounded: list[UserPart] = []
    for part in parts:
        if isinstance(part, Text):
            shown = cut(part.text, max(left, _LEAST_LETTERS))
            left -= len(shown)
            bounded.append(Text(text=shown))
        else:
            bounded.append(part)
    return tuple(bounded)
