"""What a function returned to a model that called it, as parts of the result.

Text and plain values are written out, records as JSON, and bounded. A table becomes its
preview, a figure a picture, whatever else what it becomes as an attachment.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from stepmagic.attachments import frames
from stepmagic.attachments.attach import attach
from stepmagic.attachments.attachment import Attached, Handling, UserPart
from stepmagic.attachments.files.text import cut
from stepmagic.attachments.markers import undescribed
from stepmagic.attachments.secrets import refuse_secretive
from stepmagic.transcript import Text
from stepmagic.transcript.usage import format_count

MOST_CHARACTERS = 20_000
"""Of all text in one result: about 5,000 tokens, which go out with every later turn."""

_LEAST_CHARACTERS = 200


def attach_returned(value: Any, name: str, handling: Handling) -> Attached:
    """Return what a function returned in the form in which the model gets it.

    Args:
        value: Anything; each item of a tuple is a separate part where the tuple cannot
            be written as text.
        name: What the function is called.
        handling: What a result may carry.

    Raises:
        AttachmentError: It has no form that could be sent, or may hold secrets.
    """
    refuse_secretive(value, name)
    text = _written(value)
    if text is None and type(value) is tuple:
        each = [attach_returned(item, name, handling) for item in value]
        several = Attached(
            name=name,
            kind="several values",
            parts=tuple(part for one in each for part in one.parts),
            differences=tuple(sentence for one in each for sentence in one.differences),
            notices=tuple(notice for one in each for notice in one.notices),
        )
        return _bounded(several)
    if text is not None and not (
        len(text) > MOST_CHARACTERS and frames.is_frame(value)
    ):
        return _bounded(Attached(name=name, kind="text", parts=(Text(text=text),)))
    return _bounded(_described(attach(value, name, handling, {})))


def _described(attached: Attached) -> Attached:
    """Return an attachment whose first part says how it differs from the value."""
    if not (differences := undescribed(attached)):
        return attached
    return replace(attached, parts=(Text(text=" ".join(differences)), *attached.parts))


def _written(value: Any) -> str | None:
    """Return a text as it is, plain values as JSON; None for anything else."""
    if isinstance(value, str):
        return str.__str__(value)
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return None


def _bounded(attached: Attached) -> Attached:
    """Return an attachment with its texts cut where they are too long together.

    Each cut is marked in the text.
    """
    left = MOST_CHARACTERS
    missing = 0
    bounded: list[UserPart] = []
    for part in attached.parts:
        if isinstance(part, Text):
            most = max(left, _LEAST_CHARACTERS)
            shown = cut(part.text, most)
            if part.name:  # of an item among others
                shown = f"`{part.name}`:\n{shown}"
            missing += max(0, len(part.text) - most)
            left -= len(shown)
            bounded.append(Text(text=shown))
        else:
            bounded.append(part)
    if not missing:
        return replace(attached, parts=tuple(bounded))
    difference = (
        f"{format_count(missing, 'character')} of what `{attached.name}` returned "
        "were left out."
    )
    return replace(
        attached,
        parts=tuple(bounded),
        differences=(*attached.differences, difference),
    )
