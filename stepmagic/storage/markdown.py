"""A conversation as Markdown: prompts, answers, folded reasoning and costs.

What a model wrote is filtered as on screen: no raw HTML, no picture from elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable

from stepmagic.markdown import sanitize_source
from stepmagic.storage.snapshot import Saved
from stepmagic.transcript import (
    File,
    Image,
    Part,
    Text,
    ToolCall,
    ToolResult,
    Turn,
    Video,
)
from stepmagic.transcript.usage import format_cost, format_count, total

_MARK = "<!-- Saved by stepmagic. -->"


def write(saved: Saved) -> str:
    """Return the current branch of a conversation as Markdown."""
    turns = saved.tree.path()
    blocks = [_MARK, f"# {sanitize_source(saved.about.name).strip()}"]
    for number, turn in enumerate(turns, 1):
        blocks += [
            f"## {number}. You",
            quoted(plain_source(turn.prompt.typed)),
            attached(turn),
            f"## {number}. Answer",
            _folded(turn),
            answered(turn),
            f"*{summary(turn)}*",
        ]
    spent = total(turn.usage for turn in turns)
    totals = f"{format_count(len(turns), 'turn')}, {format_cost(spent.cost_usd or 0)}"
    blocks.append(f"---\n\n*{sanitize_source(totals).strip()}*")
    return "\n\n".join(block for block in blocks if block) + "\n"


def is_ours(text: str) -> bool:
    """Whether a text is what ``write`` returned."""
    return text.startswith(_MARK)


def plain_source(text: str) -> str:
    """Return Markdown that shows a text as it was typed, line by line."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}text\n{text}\n{fence}"


def quoted(markdown: str) -> str:
    """Return Markdown as a quotation."""
    return "\n".join(f"> {line}".rstrip() for line in markdown.splitlines())


def attached(turn: Turn) -> str:
    """Return a line that names the attachments; empty if there are none."""
    named = [name for part in turn.prompt.parts if (name := _name(part))]
    if not named:
        return ""
    return sanitize_source(f"Sent with it: {'; '.join(named)}.").strip()


def _name(part: Part) -> str:
    match part:
        case Text(name=str(name)) | Image(name=str(name)) | Video(name=str(name)):
            about = part.about
        case File(name=str(name)):
            about = part.about
        case Image() | Video() | File():
            name, about = part.media_type or "an address", part.about
        case _:
            return ""
    return f"{name} ({about})" if about else name


def _folded(turn: Turn) -> str:
    thoughts = "\n\n".join(r.reasoning for r in turn.replies if r.reasoning)
    if not thoughts:
        return ""
    source = quoted(sanitize_source(thoughts).strip())
    return f"<details><summary>Reasoning</summary>\n\n{source}\n\n</details>"


def answered(turn: Turn) -> str:
    """Return the answer of a turn, without the reasoning."""
    parts = (part for reply in turn.replies for part in reply.parts)
    blocks: Iterable[str] = map(_block, parts)
    return "\n\n".join(block for block in blocks if block)


def _block(part: Part) -> str:
    match part:
        case Text():
            return sanitize_source(part.text).strip()
        case ToolCall():
            return f"Called:\n\n{plain_source(f'{part.name} {part.arguments}')}"
        case ToolResult():
            texts = (each.text for each in part.parts if isinstance(each, Text))
            outcome = "Failed" if part.is_error else "Returned"
            return f"{outcome}:\n\n{plain_source(' '.join((part.name, *texts)))}"
        case Image() | Video() | File():
            return f"({part.about or part.media_type or 'an address'})"
        case _:
            return ""


def summary(turn: Turn) -> str:
    """Return who answered, how it ended, and what it took."""
    words = [turn.model or "", "" if turn.status == "complete" else turn.status]
    if turn.error:
        words.append(turn.error)
    if turn.usage is not None:
        usage = turn.usage
        words.append(format_count(usage.prompt_tokens, "token") + " in")
        words.append(format_count(usage.completion_tokens, "token") + " out")
        if usage.cost_usd is not None:
            words.append(format_cost(usage.cost_usd))
    text = " · ".join(word for word in words if word)
    return sanitize_source(" ".join(text.split())).strip()
