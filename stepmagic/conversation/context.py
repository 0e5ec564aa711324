"""How full the model's context is, and whether a question still fits.

What the server counted last is taken as it is; only what is newer is estimated.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from stepmagic.errors import ContextTooLong
from stepmagic.server.options import Options
from stepmagic.transcript import File, Image, Message, Part, Text, Turn, Video
from stepmagic.transcript.usage import estimate_messages, estimate_part

_MARGIN = 1.2
"""An estimate may be a fifth too high, and a question that fits is not refused here.
What is less over, the server refuses, which costs nothing."""

_LISTED = 3

_NEARLY_FULL = 0.8
"""Share of the context from which on the user hears of it."""


def check_fits(options: Options, history: tuple[Message, ...], prompt: Message) -> None:
    """Refuse what is far over the model's context.

    Raises:
        ContextTooLong: It is; the message names the largest parts and how to shrink
            them.
    """
    most = options.entry.context_tokens if options.entry else None
    tokens = estimate_messages((*history, prompt), options.system)
    if most is None or tokens <= most * _MARGIN:
        return
    before = estimate_messages(history)
    largest = sorted(prompt.parts, key=estimate_part, reverse=True)[:_LISTED]
    listed = ", ".join(map(_described, largest))
    if before > tokens / 2:
        listed = f"the conversation so far (about {before:,}), {listed}"
    ways = _ways(largest)
    if history:
        ways.append("`-n` begins afresh, without what was said before.")
    message = (
        f"about {tokens:,} tokens, and {options.model} takes {most:,}; nothing was "
        f"sent. The largest: {listed}."
    )
    raise ContextTooLong(" ".join([message, *ways]))


def context_used(turns: Sequence[Turn], system: str, *prompts: Message) -> int:
    """Return about how many tokens some turns, and prompts after them, take."""
    newer: list[Message] = []
    for turn in reversed(turns):
        if turn.usage is not None and turn.usage.held_tokens:
            return turn.usage.held_tokens + estimate_messages((*newer, *prompts))
        newer = [*turn.messages, *newer]
    return estimate_messages((*newer, *prompts), system)


def nearly_full(options: Options, turns: Sequence[Turn], prompt: Message) -> str:
    """Return a notice for the question that first comes near the limit, else nothing.

    Nothing is left out to make room: the choice is the user's.
    """
    most = options.entry.context_tokens if options.entry else None
    if most is None:
        return ""
    used = context_used(turns, options.system, prompt)
    before = context_used(turns[:-1], options.system, *(t.prompt for t in turns[-1:]))
    if used < most * _NEARLY_FULL or (turns and before >= most * _NEARLY_FULL):
        return ""
    return (
        f"The conversation takes about {used:,} of the {most:,} tokens that "
        f"{options.model} can hold. To make room: `-n` begins afresh, `%step undo` "
        "goes back, `-m` asks a model that holds more; `-p max_tokens=...` keeps the "
        "answer short. Nothing is left out by itself."
    )


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
