"""What a page may request: a table of actions, each a few lines on the panel's state.

An action returns the fields of the response. What cannot be done raises a
``StepError``, and the page shows its message.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from stepmagic.conversation.dry_run import make_dry_run
from stepmagic.conversation.prompt import Prompt, checked_prompt
from stepmagic.display.answer import Answer
from stepmagic.display.html.bundle import reply_markdown
from stepmagic.display.html.dry_run import request_bundle
from stepmagic.errors import CommandError
from stepmagic.panel.question import Question, compose, edited
from stepmagic.panel.state import PanelState
from stepmagic.panel.variables import check_name, list_variables, result, thumbnail
from stepmagic.server.options import Options, Overrides, resolve
from stepmagic.session import session
from stepmagic.settings import current
from stepmagic.transcript import Message, Turn

Response: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A message from a page."""

    content: Mapping[str, Any]
    buffers: Sequence[Any]

    def text(self, name: str) -> str:
        """Return a text field of the message; empty if there is none."""
        return str(self.content.get(name) or "")


def respond(state: PanelState, request: PageRequest) -> Response:
    """Do what a page requests; returns the fields of the response.

    Raises:
        StepError: It cannot be done.
    """
    action = ACTIONS.get(request.text("kind"))
    if action is None:
        message = "this page is older than the kernel's package. Reload the page."
        raise CommandError(message)
    return action(state, request)


def _ready(state: PanelState, _: PageRequest) -> Response:
    state.repeat()
    return {"variables": list_variables(state.host)}


def _ask(state: PanelState, request: PageRequest) -> Response:
    options = session().options(state.conversation)
    prompt = compose(request.content, request.buffers, state.host, options)
    return _send(state, request, prompt, options)


def _edit(state: PanelState, request: PageRequest) -> Response:
    """Ask a question again with another text; the turns after it stay on a branch."""
    turn = _turn_when_idle(state, request)
    return _ask_again(state, request, turn, edited(turn.prompt, request.text("text")))


def _regenerate(state: PanelState, request: PageRequest) -> Response:
    turn = _turn_when_idle(state, request)
    return _ask_again(state, request, turn, turn.prompt)


def _ask_again(
    state: PanelState, request: PageRequest, turn: Turn, message: Message
) -> Response:
    options = session().options(state.conversation)
    prompt = checked_prompt(message, options)
    state.conversation.go_to(turn.parent)
    return _send(state, request, prompt, options)


def _send(
    state: PanelState, request: PageRequest, prompt: Prompt, options: Options
) -> Response:
    stream = state.conversation.send(prompt.message, replace(options, is_watched=True))
    text = request.text("text") or prompt.message.typed
    question = Question(id=request.text("id"), text=text, stream=stream)
    state.questions.append(question)
    question.follow(state.changed, state.host)
    return {"message": " ".join(prompt.notices)}


def _stop(state: PanelState, request: PageRequest) -> Response:
    for question in state.questions:
        if request.text("target") in (question.id, question.turn_id):
            question.stream.cancel(0)
            return {}
    message = "a cell asked this question: interrupt the kernel to stop its answer."
    raise CommandError(message)


def _dismiss(state: PanelState, request: PageRequest) -> Response:
    for question in list(state.questions):
        if question.id == request.text("target") and question.is_over:
            state.questions.remove(question)
    return {}


def _switch(state: PanelState, request: PageRequest) -> Response:
    """Continue with the branch of a turn."""
    turn = _turn_when_idle(state, request)
    tree = state.conversation.tree
    for branch, head in tree.heads.items():
        if head is not None and turn in tree.path(head):
            state.conversation.use(branch)
            return {"message": f"Now on {branch}."}
    # Turns that were undone belong to no branch until something else is asked.
    last = turn
    while children := tree.children(last.id):
        last = children[-1]
    state.conversation.go_to(last.id)
    return {}


def _new(state: PanelState, _: PageRequest) -> Response:
    _refuse_while_running(state)
    state.conversation.start_afresh()
    return {"message": "Cleared; the turns so far stay on a branch."}


def _set(state: PanelState, request: PageRequest) -> Response:
    """Set the model, the effort or the system prompt of the conversation."""
    name, value = request.text("name"), request.text("value") or None
    if name not in ("model", "effort", "system"):
        message = f"{name!r} is not a setting of a conversation."
        raise CommandError(message)
    overrides = state.conversation.overrides
    if name == "model":
        # Another model may not have the effort.
        overrides = replace(overrides, effort=None)
    changes: dict[str, Any] = {name: value}
    overrides = replace(overrides, **changes)
    resolve(current(), session().catalogue(), overrides, Overrides())
    state.conversation.overrides = overrides
    return {}


def _preview(state: PanelState, request: PageRequest) -> Response:
    options = session().options(state.conversation)
    prompt = compose(request.content, request.buffers, state.host, options)
    would_send = make_dry_run(state.conversation, prompt, options, fresh=False)
    return {"html": request_bundle(would_send)["text/html"]}


def _variables(state: PanelState, _: PageRequest) -> Response:
    """List what can be attached, with thumbnails of the images."""
    variables = list_variables(state.host)
    for variable in variables[:_MOST_THUMBNAILS]:
        if variable["kind"] == "image":
            variable["picture"] = thumbnail(variable["name"], state.host.namespace)
    return {"variables": variables}


def _copy(state: PanelState, request: PageRequest) -> Response:
    """Return an answer as Markdown, sanitized like the HTML that is shown."""
    return {"text": reply_markdown(Answer.from_turn(_turn(state, request)))}


def _bind(state: PanelState, request: PageRequest) -> Response:
    name, what = request.text("name").strip(), request.text("what")
    turn = _turn(state, request)
    replaces = bool(request.content.get("replace"))
    check_name(name, state.host.namespace, replace=replaces)
    value = result(turn, what, int(request.content.get("number") or 0))
    state.host.push({name: value})
    return {
        "message": f"{name} is bound to the {_BOUND.get(what, 'reply')}.",
        "variables": list_variables(state.host),
    }


def _turn(state: PanelState, request: PageRequest) -> Turn:
    turn = state.conversation.tree.turns.get(request.text("turn"))
    if turn is None:
        message = "the conversation does not have this turn any more."
        raise CommandError(message)
    return turn


def _turn_when_idle(state: PanelState, request: PageRequest) -> Turn:
    _refuse_while_running(state)
    return _turn(state, request)


def _refuse_while_running(state: PanelState) -> None:
    """Refuse to move the head of the tree while a turn is running in it."""
    questions, turns = state.questions, state.conversation.tree.turns
    is_waiting = any(not each.is_over and not each.turn_id for each in list(questions))
    if is_waiting or any(turn.status == "running" for turn in list(turns.values())):
        message = "an answer is being written. Wait until it is complete, or stop it."
        raise CommandError(message)


_MOST_THUMBNAILS = 24
_BOUND = {"text": "text of the reply", "code": "code", "table": "table"}

ACTIONS: dict[str, Callable[[PanelState, PageRequest], Response]] = {
    "ready": _ready,
    "ask": _ask,
    "edit": _edit,
    "regenerate": _regenerate,
    "stop": _stop,
    "dismiss": _dismiss,
    "switch": _switch,
    "new": _new,
    "set": _set,
    "preview": _preview,
    "variables": _variables,
    "copy": _copy,
    "bind": _bind,
}
"""By the ``kind`` of a page's message."""
