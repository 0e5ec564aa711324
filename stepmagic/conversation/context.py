"""How full the model's context is, and whether a question still fits.

The server's last count is used as it is; only what is newer than that is estimated.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from stepmagic.errors import ContextTooLong
from stepmagic.server.options import Options
from stepmagic.transcript import File, Image, Message, Part, Text, Turn, Video
from stepmagic.transcript.usage import estimate_messages, estimate_part

_MARGIN = 1.2
"""An estimate may be a fifth too high, and a question that fits must not be refused
here. Where it is over by less, the server refuses it, which costs nothing."""

_LISTED = 3

_NEARLY_FULL = 0.8
"""Share of the context from which on the user is notified."""


def check_context(options: Options, turns: Sequence[Turn], *asked: Message) -> str:
    """Refuse what is far over the model's context; return a notice where it is near.

    The notice comes with the first question near the limit; else it is empty. Nothing
    is left out to make room: the choice is the user's.

    Args:
        options: What is asked with.
        turns: The conversation so far.
        asked: The messages that follow it, the question last.

    Raises:
        ContextTooLong: It is; the message names the largest parts and how to shrink
            them.
    """
    most = options.entry.context_tokens if options.entry else None
    if most is None:
        return ""
    used = context_used(turns, options.system, *asked)
    if used > most * _MARGIN:
        raise _too_long(options.model, turns, asked[-1], used=used, most=most)
    if used < most * _NEARLY_FULL or _was_nearly_full(turns, options.system, most):
        return ""
    return (
        f"The conversation takes about {used:,} of the {most:,} tokens that "
        f"{options.model} takes. To make room: `-n` starts without history, "
        "`%step undo` goes back, `-m` asks a model that takes more; "
        "`-p max_tokens=...` keeps the answer short. Nothing is left out by itself."
    )


def context_used(turns: Sequence[Turn], system: str, *prompts: Message) -> int:
    """Return about how many tokens some turns, and prompts after them, take."""
    newer: list[Message] = []
    for turn in reversed(turns):
        if turn.usage is not None and turn.usage.held_tokens:
            return turn.usage.held_tokens + estimate_messages((*newer, *prompts))
        newer = [*turn.messages, *newer]
    return estimate_messages((*newer, *prompts), system)


def _was_nearly_full(turns: Sequence[Turn], system: str, most: int) -> bool:
    """Whether the question before was near the limit already."""
    if not turns:
        return False
    return context_used(turns[:-1], system, turns[-1].prompt) >= most * _NEARLY_FULL


def _too_long(
    model: str, turns: Sequence[Turn], question: Message, *, used: int, most: int
) -> ContextTooLong:
    before = context_used(turns, "")
    largest = sorted(question.parts, key=estimate_part, reverse=True)[:_LISTED]
    listed = ", ".join(map(_described, largest))
    if before > used / 2:
        listed = f"the conversation so far (about {before:,}), {listed}"
    ways = _ways(largest)
    if turns:
        ways.append("`-n` starts without history.")
    message = (
        f"about {used:,} tokens, and {model} takes {most:,}; nothing was sent. The "
        f"largest: {listed}."
    )
    return ContextTooLong(" ".join([message, *ways]))


def _described(part: Part) -> str:
    kind = type(part).__name__.lower()
    name = getattr(part, "name", None)
    what = f"`{name}`" if name else ("your text" if kind == "text" else f"the {kind}")
    return f"{what} (about {estimate_part(part):,})"


def _ways(parts: Iterable[Part]) -> list[str]:
    """Return how parts like these are made smaller, a sentence each."""
    ways = {
        Text: "Send less of a text, or a preview: `preview(df, tokens=1000)`.",
        Image: "`-p detail=low` lets the model look at images less closely.",
        Video: "`-p frames=8` sends some frames of a video.",
        File: "Send some pages of a document.",
    }
    kinds = dict.fromkeys(map(type, parts))
    return [ways[kind] for kind in kinds if kind in ways]
