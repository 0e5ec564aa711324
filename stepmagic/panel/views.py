"""Turns and settings of a conversation as pages draw them, and its saved transcript.

All HTML here was sanitized like that of cells; a page inserts all other values as text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from stepmagic.conversation.dialogue import Dialogue
from stepmagic.conversation.reply import Reply
from stepmagic.display.answer import Answer
from stepmagic.display.html.attachments import sent_html
from stepmagic.display.html.bundle import aside_html, reply_html, wrapped
from stepmagic.errors import StepError
from stepmagic.markdown import escape, plain
from stepmagic.server.options import Options
from stepmagic.session import session
from stepmagic.settings import EFFORTS
from stepmagic.transcript import Turn
from stepmagic.transcript.usage import estimate_messages, format_cost, total

_BEING_WRITTEN = "An answer is being written. It will appear here when it is complete."


def turn_view(turn: Turn, *, is_streamed: bool = True) -> dict[str, Any]:
    """Return a turn as a page draws it; without its answer while it is running.

    Args:
        turn: The turn.
        is_streamed: Whether the answer, while it is running, arrives by patches.
    """
    view = {
        "id": turn.id,
        "question": plain(turn.prompt.typed),
        "attachments": sent_html(turn.prompt),
        "status": turn.status,
        "from_cell": turn.cell is not None,
        "answer": "" if is_streamed else wrapped(aside_html(_BEING_WRITTEN)),
        "code_languages": [],
    }
    if turn.status != "running":
        view["answer"] = reply_html(Answer.from_turn(turn), footer=True)
        view["code_languages"] = [block.language for block in Reply(turn).code]
    return view


def order_view(conversation: Dialogue) -> list[list[Any]]:
    """Return the turns up to the head, each as its id and the ids of its siblings.

    A question that got no answer at all does not count as a sibling: the head went back
    to the turn before it.
    """
    tree = conversation.tree
    by_parent: dict[str | None, list[str]] = {}
    for turn in list(tree.turns.values()):
        if not turn.is_void:
            by_parent.setdefault(turn.parent, []).append(turn.id)
    return [[turn.id, by_parent.get(turn.parent, [])] for turn in tree.path()]


def settings_view(conversation: Dialogue) -> dict[str, Any]:
    """Return what the panel's settings bar shows."""
    here = session()
    view = {"name": conversation.name, "branch": conversation.tree.branch, "fault": ""}
    try:
        options = here.options(conversation)
    except StepError as error:
        return {**view, "fault": str(error)}
    entry = options.entry
    models = [each.id for each in here.catalogue().entries]
    if options.model not in models:
        models.insert(0, options.model)
    efforts: tuple[str, ...] = (entry.efforts or EFFORTS) if entry else EFFORTS
    if entry is not None and entry.reasons is False:
        efforts = ()
    return {
        **view,
        "model": options.model,
        "models": models,
        "effort": options.effort or "",
        "efforts": list(efforts),
        "system": options.system,
        **_context_gauge(conversation, options),
    }


def transcript_bundle(
    name: str, turns: Iterable[Mapping[str, Any]], *, count: int, place: str = ""
) -> dict[str, str]:
    """Return a conversation as a page without a kernel shows it: HTML and text.

    Args:
        name: Of the conversation.
        turns: Its turns, as ``turn_view`` returns them.
        count: How many turns it has, with those that are not in ``turns`` yet.
        place: The id by which pages with a kernel find the transcript.
    """
    body = "<hr>\n".join(map(_turn_as_html, turns)) or aside_html(
        "Nothing was asked yet."
    )
    kind = f"sm-transcript sm-for-{place}" if place else "sm-transcript"
    title = f"<p><small>{escape(name)}</small></p>"
    turns_text = "1 turn" if count == 1 else f"{count:,} turns"
    return {
        "text/html": f'<div class="{kind}">{title}\n{body}</div>',
        "text/plain": f"{name}: {turns_text}",
    }


def _turn_as_html(view: Mapping[str, Any]) -> str:
    question = escape(view["question"]).replace("\n", "<br>")
    you = wrapped(f"<p><strong>You</strong></p><blockquote>{question}</blockquote>")
    return f"{you}{view['attachments']}{view['answer']}"


def _context_gauge(conversation: Dialogue, options: Options) -> dict[str, Any]:
    used = estimate_messages(conversation.history(), options.system)
    spent = total(turn.usage for turn in list(conversation.tree.turns.values()))
    most = options.entry.context_tokens if options.entry else None
    of = f" of {most:,}" if most else ""
    cost = format_cost(spent.cost_usd or 0)
    return {
        "gauge": f"about {used:,}{of} tokens · {cost}",
        "share": min(1.0, used / most) if most else 0.0,
    }
