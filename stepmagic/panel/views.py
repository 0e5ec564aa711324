"""Turns and settings of a conversation in the form in which pages draw them.

All HTML here was filtered like that of cells; a page writes the other texts as text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from stepmagic.conversation.dialogue import Dialogue
from stepmagic.conversation.reply import Reply
from stepmagic.display.answer import Answer
from stepmagic.display.html.attachments import sent_html
from stepmagic.display.html.bundle import quiet, reply_html, wrapped
from stepmagic.errors import StepError
from stepmagic.markdown import escape, plain
from stepmagic.server.options import Options
from stepmagic.session import session
from stepmagic.settings import EFFORTS
from stepmagic.transcript import Turn
from stepmagic.transcript.usage import estimate_messages, format_cost, total

_UNSEEN = "An answer is being written. It will stand here when it is whole."


def turn_form(turn: Turn, *, is_seen: bool = True) -> dict[str, Any]:
    """Return a turn as a page draws it; without an answer while it runs.

    Args:
        turn: The turn.
        is_seen: Whether its answer, while it runs, comes by patches.
    """
    form = {
        "id": turn.id,
        "asked": plain(turn.prompt.typed),
        "sent": sent_html(turn.prompt),
        "status": turn.status,
        "cell": turn.cell is not None,
        "html": "" if is_seen else wrapped(quiet(_UNSEEN)),
        "codes": [],
    }
    if turn.status != "running":
        form["html"] = reply_html(Answer.from_turn(turn), footer=True)
        form["codes"] = [block.language for block in Reply(turn).code]
    return form


def order_form(conversation: Dialogue) -> list[list[Any]]:
    """Return the turns up to the head, each as its id and those of its siblings.

    A question that got no answer at all is no sibling: the head went back from it.
    """
    tree = conversation.tree
    by_parent: dict[str | None, list[str]] = {}
    for turn in list(tree.turns.values()):
        if not turn.is_void:
            by_parent.setdefault(turn.parent, []).append(turn.id)
    return [[turn.id, by_parent.get(turn.parent, [])] for turn in tree.path()]


def settings_form(conversation: Dialogue) -> dict[str, Any]:
    """Return what the panel's bar shows."""
    here = session()
    form = {"name": conversation.name, "branch": conversation.tree.branch, "fault": ""}
    try:
        options = here.options(conversation)
    except StepError as error:
        return {**form, "fault": str(error)}
    entry = options.entry
    models = [each.id for each in here.catalogue().entries]
    if options.model not in models:
        models.insert(0, options.model)
    efforts: tuple[str, ...] = (entry.efforts or EFFORTS) if entry else EFFORTS
    if entry is not None and entry.reasons is False:
        efforts = ()
    return {
        **form,
        "model": options.model,
        "models": models,
        "effort": options.effort or "",
        "efforts": list(efforts),
        "system": options.system,
        **_gauge(conversation, options),
    }


def transcript_html(
    name: str, forms: Iterable[Mapping[str, Any]], place: str = ""
) -> str:
    """Return the turns as a page without a kernel shows them.

    Args:
        name: Of the conversation.
        forms: Its turns, as pages have them.
        place: What pages with the kernel know the transcript by.
    """
    turns = "<hr>\n".join(map(_transcribed, forms))
    body = turns or quiet("Nothing was asked yet.")
    kind = f"sm-transcript sm-for-{place}" if place else "sm-transcript"
    return f'<div class="{kind}"><p><small>{escape(name)}</small></p>\n{body}</div>'


def _transcribed(form: Mapping[str, Any]) -> str:
    asked = escape(form["asked"]).replace("\n", "<br>")
    you = wrapped(f"<p><strong>You</strong></p><blockquote>{asked}</blockquote>")
    return f"{you}{form['sent']}{form['html']}"


def _gauge(conversation: Dialogue, options: Options) -> dict[str, Any]:
    used = estimate_messages(conversation.history(), options.system)
    spent = total(turn.usage for turn in list(conversation.tree.turns.values()))
    most = options.entry.context_tokens if options.entry else None
    of = f" of {most:,}" if most else ""
    cost = format_cost(spent.cost_usd or 0)
    return {
        "gauge": f"about {used:,}{of} tokens · {cost}",
        "share": min(1.0, used / most) if most else 0.0,
    }
