"""What would be sent, for ``--dry-run``: the request, its tokens and its price."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stepmagic.conversation.context import MARGIN, calibration
from stepmagic.conversation.dialogue import Dialogue
from stepmagic.conversation.prompt import Prompt
from stepmagic.server.catalogue import is_local
from stepmagic.server.options import Options
from stepmagic.transcript import Cell, Message
from stepmagic.transcript.usage import estimate_messages
from stepmagic.wire import codec

_LONGEST_DATA = 80
"""Longer base64 is shown as its beginning and its length."""

_SHOWN = 40
_DATA = re.compile(rf"data:|[A-Za-z0-9+/]{{{_LONGEST_DATA}}}")
"""A data URL, or text that starts like base64 and unlike any language."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRun:
    """A request that was not sent."""

    url: str
    system: str
    messages: tuple[Message, ...]
    """All that would be sent, the prompt last."""
    notices: tuple[str, ...]
    body: Mapping[str, Any]
    """The JSON body exactly as it would be sent; it never contains the key."""
    tokens: int
    """Estimate of the prompt's tokens."""
    cost_usd: float | None
    """Price of those tokens at the list price; None where it is not known."""
    context_tokens: int | None
    margin: float = MARGIN
    """Share of the estimate by which it may be wrong."""

    @property
    def text(self) -> str:
        """The body as indented JSON, with long media shortened."""
        return json.dumps(_shortened(self.body), indent=2, ensure_ascii=False)


def make_dry_run(
    conversation: Dialogue,
    prompt: Prompt,
    options: Options,
    *,
    fresh: bool,
    cell: Cell | None = None,
) -> DryRun:
    """Return what asking would send; ``fresh`` leaves the history out.

    Raises:
        UnsupportedOption: The model or the protocol has no form for part of it.
    """
    history = () if fresh else conversation.history(cell)
    messages = (*history, prompt.message)
    factor = calibration().factor(options.model)
    tokens = round(estimate_messages(messages, options.system) * factor)
    local = is_local(options.model)
    server = "(the embedded engine)" if local else options.base_url
    price = options.entry.prompt_usd if options.entry else None
    return DryRun(
        url=server + codec(options.api).path,
        system=options.system,
        messages=messages,
        notices=prompt.notices,
        body=conversation.encode(prompt.message, options, history=history),
        tokens=tokens,
        cost_usd=None if price is None else tokens * price,
        context_tokens=options.entry.context_tokens if options.entry else None,
    )


def _shortened(value: Any) -> Any:
    match value:
        case str() if len(value) > _LONGEST_DATA and _DATA.match(value):
            return f"{value[:_SHOWN]}... ({len(value):,} characters)"
        case Mapping():
            return {name: _shortened(item) for name, item in value.items()}
        case list() | tuple():
            return [_shortened(item) for item in value]
        case _:
            return value
