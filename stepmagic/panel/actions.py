"""What a page may ask for: a table of words, each a few lines over a desk.

Each returns what the page is told when it is done; what cannot be done raises, and the
page shows why.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeAlias

from stepmagic.attachments.notebook.host import Host
from stepmagic.conversation.dialogue import Dialogue
from stepmagic.conversation.dry_run import dry_run
from stepmagic.conversation.prompt import Prompt, checked_prompt
from stepmagic.display.answer import Answer
from stepmagic.display.html.bundle import reply_markdown
from stepmagic.display.html.dry_run import request_bundle
from stepmagic.errors import CommandError
from stepmagic.panel.question import Question, compose, edited
from stepmagic.panel.state import Stage
from stepmagic.panel.variables import check_name, list_things, result, thumbnail
from stepmagic.server.options import Overrides, resolve
from stepmagic.session import session
from stepmagic.settings import current
from stepmagic.transcript import Turn

Content: TypeAlias = Mapping[str, Any]


class Desk(Protocol):
    """What an action works on."""

    conversation: Dialogue
    host: Host
    stage: Stage

    def begin_again(self) -> None:
        """Have the pages told everything."""

    def changed(self) -> None:
        """Have the pages told what is new."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A message of a page."""

    content: Content
    buffers: Sequence[Any]

    def word(self, name: str) -> str:
        """Return a text of the message; empty where it has none."""
        return str(self.content.get(name) or "")


def act(desk: Desk, asked: Asked) -> dict[str, Any]:
    """Do what a page asks; returns what it is told.

    Raises:
        StepError: It cannot be done.
    """
    action = ACTIONS.get(asked.word("kind"))
    if action is None:
        message = "this page is older than the kernel's package. Load it again."
        raise CommandError(message)
    return action(desk, asked)


def _ready(desk: Desk, _: Asked) -> dict[str, Any]:
    desk.begin_again()
    return {"things": list_things(desk.host)}


def _ask(desk: Desk, asked: Asked) -> dict[str, Any]:
    options = session().options(desk.conversation)
    prompt = compose(asked.content, asked.buffers, desk.host, options)
    return _send(desk, asked, prompt)


def _edit(desk: Desk, asked: Asked) -> dict[str, Any]:
    """Ask a question anew, in other words; the turns after it stay on a branch."""
    turn = _resting_turn(desk, asked)
    options = session().options(desk.conversation)
    prompt = checked_prompt(edited(turn.prompt, asked.word("text")), options)
    desk.conversation.go_to(turn.parent)
    return _send(desk, asked, prompt)


def _again(desk: Desk, asked: Asked) -> dict[str, Any]:
    turn = _resting_turn(desk, asked)
    desk.conversation.go_to(turn.parent)
    return _send(desk, asked, Prompt(message=turn.prompt))


def _send(desk: Desk, asked: Asked, prompt: Prompt) -> dict[str, Any]:
    options = replace(session().options(desk.conversation), is_watched=True)
    stream = desk.conversation.send(prompt.message, options)
    text = asked.word("text") or prompt.message.typed
    question = Question(id=asked.word("id"), text=text, stream=stream)
    desk.stage.questions.append(question)
    question.follow(desk.changed, desk.host)
    return {"said": " ".join(prompt.notices)}


def _stop(desk: Desk, asked: Asked) -> dict[str, Any]:
    for question in desk.stage.questions:
        if asked.word("what") in (question.id, question.turn_id):
            question.stream.cancel(0)
            return {}
    message = "a cell asked this: the notebook's own stop button stops it."
    raise CommandError(message)


def _dismiss(desk: Desk, asked: Asked) -> dict[str, Any]:
    for question in list(desk.stage.questions):
        if question.id == asked.word("what") and question.is_over:
            desk.stage.questions.remove(question)
    return {}


def _switch(desk: Desk, asked: Asked) -> dict[str, Any]:
    """Go on with the branch that a turn stands on."""
    turn = _resting_turn(desk, asked)
    tree = desk.conversation.tree
    for branch, head in tree.heads.items():
        if head is not None and turn in tree.path(head):
            desk.conversation.use(branch)
            return {"said": f"Now on {branch}."}
    # Turns that were undone have no branch of their own until something else is asked.
    last = turn
    while children := tree.children(last.id):
        last = children[-1]
    desk.conversation.go_to(last.id)
    return {}


def _new(desk: Desk, _: Asked) -> dict[str, Any]:
    _refuse_running(desk)
    desk.conversation.start_afresh()
    return {"said": "Started afresh; the turns so far stay on a branch."}


def _set(desk: Desk, asked: Asked) -> dict[str, Any]:
    """Set the model, the effort or the system prompt of the conversation."""
    name, value = asked.word("name"), asked.word("value") or None
    if name not in ("model", "effort", "system"):
        message = f"a conversation has no {name!r} to set."
        raise CommandError(message)
    overrides = desk.conversation.overrides
    if name == "model":
        # The effort of one model may be none of the other's.
        overrides = replace(overrides, effort=None)
    changes: dict[str, Any] = {name: value}
    overrides = replace(overrides, **changes)
    resolve(current(), session().catalogue(), overrides, Overrides())
    desk.conversation.overrides = overrides
    return {}


def _preview(desk: Desk, asked: Asked) -> dict[str, Any]:
    options = session().options(desk.conversation)
    prompt = compose(asked.content, asked.buffers, desk.host, options)
    request = dry_run(desk.conversation, prompt, options, fresh=False)
    return {"html": request_bundle(request)["text/html"]}


def _things(desk: Desk, _: Asked) -> dict[str, Any]:
    """List what can be attached, with pictures of the images."""
    things = list_things(desk.host)
    for thing in things[:_MOST_PICTURES]:
        if thing["kind"] == "image":
            thing["picture"] = thumbnail(thing["name"], desk.host.namespace)
    return {"things": things}


def _copy(desk: Desk, asked: Asked) -> dict[str, Any]:
    """Return an answer as Markdown, filtered like what is shown."""
    return {"text": reply_markdown(Answer.from_turn(_turn(desk, asked)))}


def _bind(desk: Desk, asked: Asked) -> dict[str, Any]:
    name = asked.word("name").strip()
    turn = _turn(desk, asked)
    replaces = bool(asked.content.get("replace"))
    check_name(name, desk.host.namespace, replace=replaces)
    value = result(turn, asked.word("what"), int(asked.content.get("number") or 0))
    desk.host.push({name: value})
    return {
        "said": f"{name} is bound to the {_SAID.get(asked.word('what'), 'reply')}.",
        "things": list_things(desk.host),
    }


def _turn(desk: Desk, asked: Asked) -> Turn:
    turn = desk.conversation.tree.turns.get(asked.word("turn"))
    if turn is None:
        message = "the conversation has no such turn any more."
        raise CommandError(message)
    return turn


def _resting_turn(desk: Desk, asked: Asked) -> Turn:
    _refuse_running(desk)
    return _turn(desk, asked)


def _refuse_running(desk: Desk) -> None:
    """Refuse to move about in the tree while a turn grows in it."""
    questions, turns = desk.stage.questions, desk.conversation.tree.turns
    waits = any(not each.is_over and each.turn_id is None for each in list(questions))
    if waits or any(turn.status == "running" for turn in list(turns.values())):
        message = "an answer is coming. Wait for its end, or stop it."
        raise CommandError(message)


_MOST_PICTURES = 24
_SAID = {"text": "text of the reply", "code": "code", "table": "table"}

ACTIONS: dict[str, Callable[[Desk, Asked], dict[str, Any]]] = {
    "ready": _ready,
    "ask": _ask,
    "edit": _edit,
    "again": _again,
    "stop": _stop,
    "dismiss": _dismiss,
    "switch": _switch,
    "new": _new,
    "set": _set,
    "preview": _preview,
    "things": _things,
    "copy": _copy,
    "bind": _bind,
}
"""The words of a page."""
