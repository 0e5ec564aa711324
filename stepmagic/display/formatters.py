"""How IPython displays a reply, a conversation, a dry run and log-probabilities.

The types are in rooms below this one. Their formatters are registered by the name of
the type, so that nothing is imported before one of them is displayed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from stepmagic.attachments.notebook.host import DrawnTurns, Host
from stepmagic.settings import kernel

if TYPE_CHECKING:
    from stepmagic.conversation.dialogue import Dialogue
    from stepmagic.conversation.dry_run import DryRun
    from stepmagic.conversation.reply import Logprobs, Replies, Reply


def register_formatters(formatter: Any, host: Host) -> None:
    """Register the display formatters of our types.

    Args:
        formatter: IPython's ``DisplayFormatter``.
        host: Where cells run.
    """
    bundles: dict[tuple[str, str], Callable[[Any], dict[str, str]]] = {
        ("stepmagic.conversation.dialogue", "Dialogue"): _conversation,
        ("stepmagic.conversation.dry_run", "DryRun"): _dry_run,
        ("stepmagic.conversation.reply", "Logprobs"): _logprobs,
    }
    for (module, name), bundle in bundles.items():
        formatter.mimebundle_formatter.for_type_by_name(module, name, _ignoring(bundle))
    formatter.ipython_display_formatter.for_type_by_name(
        "stepmagic.conversation.reply", "Reply", lambda reply: _show_reply(host, reply)
    )
    formatter.ipython_display_formatter.for_type_by_name(
        "stepmagic.conversation.reply",
        "Replies",
        lambda replies: _show_replies(host, replies),
    )


def _ignoring(
    bundle: Callable[[Any], dict[str, str]],
) -> Callable[..., dict[str, str]]:
    """Return a formatter that ignores which MIME types are asked for."""
    return lambda value, **_: bundle(value)


def _show_reply(host: Host, reply: Reply) -> None:
    """Display a reply, unless this execution of the cell has streamed it already."""
    if kernel.get(DrawnTurns).has_all(host, [reply.turn.id]):
        return
    from IPython.display import display  # noqa: PLC0415 - with a shell, it is loaded

    from stepmagic.display.html.bundle import turn_bundle  # noqa: PLC0415 - when first shown

    display(turn_bundle(reply.turn), raw=True)


def _show_replies(host: Host, replies: Replies) -> None:
    """Display replies side by side, unless this execution has streamed them already."""
    turns = [reply.turn for reply in replies]
    if kernel.get(DrawnTurns).has_all(host, (turn.id for turn in turns)):
        return
    from IPython.display import display  # noqa: PLC0415 - see _show_reply

    from stepmagic.display.notebook.comparison import turns_bundle  # noqa: PLC0415

    display(turns_bundle(turns), raw=True)


def _conversation(conversation: Dialogue) -> dict[str, str]:
    # Imported when first displayed.
    from stepmagic.display.html.history import history_bundle  # noqa: PLC0415

    return history_bundle(conversation.name, conversation.tree)


def _dry_run(request: DryRun) -> dict[str, str]:
    # Imported when first displayed.
    from stepmagic.display.html.dry_run import request_bundle  # noqa: PLC0415

    return request_bundle(request)


def _logprobs(tokens: Logprobs) -> dict[str, str]:
    # Imported when first displayed.
    from stepmagic.display.html.logprobs import logprobs_bundle  # noqa: PLC0415

    return logprobs_bundle(tokens)
