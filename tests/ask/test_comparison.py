"""Several answers to one question, side by side: what is sent, kept and left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from openrouter_server import (
    SIGNED,
    STEPFUN,
    OpenRouterServer,
    answer,
    error,
    stall,
)
from shell_fixtures import ShellUnderTest
from stepmagic.conversation.dialogue import Dialogue
from stepmagic.conversation.reply import Replies
from stepmagic.conversation.stream import TurnStreams
from stepmagic.errors import (
    CommandError,
    Interrupted,
    RequestRefused,
    UnsupportedOption,
)
from stepmagic.magics.subcommands import run_subcommand
from stepmagic.server.catalogue import Catalogue
from stepmagic.server.options import Options, Overrides, least_capable, resolve
from stepmagic.session import session
from stepmagic.settings import current
from stepmagic.storage import Saved, saved_from_dict, saved_to_dict
from stepmagic.transcript import Cell, Image, Message, Text, Turn, TurnTree, user
from stepmagic.transcript.events import PartDelta

EFFORTS = ("low", "medium", "high")


@pytest.fixture
def asked_with(
    server: OpenRouterServer, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., list[Options]]:
    """Return a maker of options that ask the test server, one for each effort."""
    monkeypatch.setenv("OPENROUTER_API_KEY", server.key)
    settings = current()
    settings.base_url = server.url
    settings.retries = 0

    def options(*efforts: str) -> list[Options]:
        catalogue = Catalogue(server.url)
        return [
            resolve(settings, catalogue, Overrides(), Overrides(effort=effort))
            for effort in efforts
        ]

    return options


def read(streams: TurnStreams) -> list[Turn]:
    """Read every event of some turns; returns them as they stand then."""
    with streams:
        for _ in streams.beats(30):
            pass
    return streams.turns


def ask(talk: Dialogue, prompt: str, each: list[Options]) -> list[Turn]:
    return read(talk.send_each(user(prompt), each))


def efforts(server: OpenRouterServer) -> list[str]:
    return [request.body["reasoning"]["effort"] for request in server.requests]


def test_sides_ask_the_same_of_each_at_once(
    server: OpenRouterServer, asked_with: Callable[..., list[Options]]
) -> None:
    talk = Dialogue()
    ask(talk, "Before?", asked_with("low"))
    server.requests.clear()
    # Each answer waits for the others' requests: one after another would take longer.
    server.default = answer("Yes.", delay_s=0.2)
    turns = ask(talk, "Which?", asked_with(*EFFORTS))
    assert sorted(efforts(server)) == sorted(EFFORTS)
    bodies = [request.body["messages"] for request in server.requests]
    assert bodies[0] == bodies[1] == bodies[2]
    began = [request.received_at for request in server.requests]
    ended = [request.answered_at for request in server.requests]
    assert max(began) < min(at for at in ended if at is not None)
    assert [turn.effort for turn in turns] == list(EFFORTS)
    assert {turn.parent for turn in turns} == {talk.turns[0].id}
    assert {turn.status for turn in turns} == {"complete"}


def test_the_first_is_gone_on_with_and_the_others_have_branches(
    server: OpenRouterServer, asked_with: Callable[..., list[Options]]
) -> None:
    talk = Dialogue()
    turns = ask(talk, "Which?", asked_with(*EFFORTS))
    assert talk.turns == turns[:1]
    assert talk.compared == turns
    assert talk.tree.heads == {
        "main": turns[0].id,
        "main-2": turns[1].id,
        "main-3": turns[2].id,
    }
    assert len(server.requests) == 3


def test_another_can_be_chosen_and_what_is_left_stays(
    server: OpenRouterServer, asked_with: Callable[..., list[Options]]
) -> None:
    talk = Dialogue()
    one, two, three = ask(talk, "Which?", asked_with(*EFFORTS))
    talk.choose(two)
    heads = {"main": two.id, "main-2": one.id, "main-3": three.id}
    assert talk.tree.heads == heads
    (after,) = ask(talk, "And then?", asked_with("low"))
    assert talk.turns == [two, after]
    assert talk.compared == [one, two, three]
    talk.choose(three)
    heads = {"main": three.id, "main-2": one.id, "main-3": after.id}
    assert talk.tree.heads == heads
    assert len(server.requests) == 4


def test_a_branch_that_the_user_named_is_left_where_it_is(
    server: OpenRouterServer, asked_with: Callable[..., list[Options]]
) -> None:
    talk = Dialogue()
    one, two = ask(talk, "Which?", asked_with("low", "high"))
    talk.use("main-2")
    talk.use("good")
    talk.use("main")
    talk.choose(two)
    assert talk.tree.heads["good"] == two.id
    assert talk.tree.heads["main-2"] == one.id
    assert len(server.requests) == 2


def test_a_conversation_asked_one_at_a_time_has_no_sides(
    server: OpenRouterServer, asked_with: Callable[..., list[Options]]
) -> None:
    talk = Dialogue()
    (turn,) = ask(talk, "What?", asked_with("low"))
    assert (turn.beside, talk.compared) == (None, [])
    assert len(server.requests) == 1


@pytest.mark.parametrize("failures", [1, 2])
def test_one_that_fails_does_not_harm_the_others(
    server: OpenRouterServer,
    asked_with: Callable[..., list[Options]],
    failures: int,
) -> None:
    talk = Dialogue()
    # Which request comes first, and gets the error, is a matter of chance.
    server.enqueue(*[error(400)] * failures)
    turns = ask(talk, "Which?", asked_with(*EFFORTS))
    came = [turn for turn in turns if turn.status == "complete"]
    assert len(came) == len(EFFORTS) - failures
    assert talk.turns == came[:1]
    assert talk.compared == turns
    assert set(talk.tree.heads.values()) == {turn.id for turn in came}


def test_where_all_fail_the_conversation_is_as_it_was(
    server: OpenRouterServer, asked_with: Callable[..., list[Options]]
) -> None:
    talk = Dialogue()
    server.enqueue(error(400), error(400))
    streams = talk.send_each(user("Which?"), asked_with("low", "high"))
    read(streams)
    assert talk.turns == []
    assert talk.tree.heads == {"main": None}
    with pytest.raises(RequestRefused):
        streams.result()


def test_nothing_is_sent_unless_all_can_be(
    server: OpenRouterServer, asked_with: Callable[..., list[Options]]
) -> None:
    talk = Dialogue()
    one, other = asked_with("low", "high")
    assert other.entry is not None
    blind = replace(other, entry=replace(other.entry, inputs=("text",)))
    picture = user(Image(data=b"", media_type="image/png"), Text(text="What is it?"))
    streams = talk.send_each(picture, [one, blind])
    read(streams)
    with pytest.raises(UnsupportedOption, match="accepts text, but no image"):
        streams.result()
    assert talk.tree.turns == {}
    assert server.requests == []


def test_to_stop_one_stops_all_and_each_is_closed(
    server: OpenRouterServer, asked_with: Callable[..., list[Options]]
) -> None:
    talk = Dialogue()
    server.default = stall(answer("So far."), after=4)
    streams = talk.send_each(user("Which?"), asked_with("low", "high"))
    waiting = {0, 1}
    with pytest.raises(Interrupted, match="stopped"), streams:
        for event in streams.beats(30):
            if event is not None and isinstance(event[1], PartDelta):
                waiting.discard(event[0])
            if not waiting:
                raise KeyboardInterrupt
    one, other = streams.turns
    assert one.status == other.status == "interrupted"
    assert talk.turns == [one]
    assert other.id in talk.tree.heads.values()
    assert all(request.wait_until_over(30) for request in server.requests)
    server.default = answer("Yes.")
    ask(talk, "And then?", asked_with("low"))
    assert [turn.status for turn in talk.turns] == ["interrupted", "complete"]


def test_a_cell_that_runs_again_sets_all_of_them_aside(
    server: OpenRouterServer, asked_with: Callable[..., list[Options]]
) -> None:
    talk = Dialogue()
    each = asked_with("low", "high")
    for execution in "12":
        cell = Cell(id="a", execution=execution)
        turns = read(talk.send_each(user("Which?"), each, cell=cell))
    assert talk.turns == turns[:1]
    assert talk.compared == turns
    assert set(talk.tree.heads.values()) == set(talk.tree.turns)
    # One that was chosen leads back as well.
    talk.choose(turns[1])
    cell = Cell(id="a", execution="3")
    assert talk.history(cell) == ()
    assert len(server.requests) == 4


def test_a_saved_conversation_holds_them(
    server: OpenRouterServer, asked_with: Callable[..., list[Options]]
) -> None:
    talk = Dialogue()
    turns = ask(talk, "Which?", asked_with("low", "high"))
    again = Dialogue.from_saved(saved_from_dict(saved_to_dict(talk.saved)))
    assert again.compared == turns
    assert again.tree == talk.tree
    assert len(server.requests) == 2


def test_those_that_ran_when_the_kernel_ended_get_branches() -> None:
    tree = TurnTree()
    said = Message(role="assistant", parts=(Text(text="So"),), status="running")
    first = Turn(parent=None, prompt=user("?"), beside="one", id="one")
    second = replace(first, id="two", replies=(said,))
    for turn in (first, second):
        tree.add(turn)
    tree.move("one")
    saved = saved_from_dict(saved_to_dict(Saved(tree=tree)))
    assert saved.tree.heads == {"main": None, "main-2": "two"}
    assert saved.tree.turns["two"].status == "interrupted"


# In a cell, and from Python.


def test_a_cell_binds_the_replies_in_order(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    step.run("%%step\nBefore?")
    step.run("%%step r << -e low,high\nWhich?")
    replies = step["r"]
    assert isinstance(replies, Replies)
    assert [reply.turn.effort for reply in replies] == ["low", "high"]
    assert step["_step"].turn == replies[0].turn
    assert "--- 1 · effort low ---" in step.printed
    assert "--- 2 · effort high ---" in step.printed
    step.run("%%step texts: str << -e low,high\nAnd?")
    assert step["texts"] == tuple(reply.text for reply in replies)
    assert len(server.requests) == 5


def test_models_and_efforts_are_asked_each_with_each(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    step.run(f"%%step r << -m {STEPFUN},{SIGNED} -e low,high\nWhich?")
    asked = [(r.turn.replies[0].origin.model, r.turn.effort) for r in step["r"]]
    assert asked == [
        (STEPFUN, "low"),
        (STEPFUN, "high"),
        (SIGNED, "low"),
        (SIGNED, "high"),
    ]
    assert len(server.requests) == 4


def test_step_takes_lists_and_returns_replies(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    step.run("from stepmagic import step")
    step.run("r = step('Which?', effort=['low', 'high'])")
    assert [reply.turn.effort for reply in step["r"]] == ["low", "high"]
    # As a last line, they are not drawn again, and in another cell they are.
    step.run("step('Which?', model=['stepfun/step-3.7-flash'])")
    assert step.shown == []
    step.run("r")
    assert step.shown[0]["text/plain"].startswith("1 · effort low\n\n")
    assert len(server.requests) == 3


def test_asked_aside_they_are_kept_nowhere(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    step.run("%%step r << --once -e low,high\nWhich?")
    assert session().conversation.tree.turns == {}
    assert len(step["r"]) == 2
    with pytest.raises(CommandError, match="there are no answers side by side in main"):
        run_subcommand("use 2")
    assert len(server.requests) == 2


def test_use_keeps_one(server: OpenRouterServer, step: ShellUnderTest) -> None:
    server.enqueue(error(400))
    step.run("%%step r << -c plots -e low,medium,high\nWhich?")
    (failed,) = (n for n, r in enumerate(step["r"], 1) if r.status == "error")
    with pytest.raises(CommandError, match=f"answer {failed} is empty"):
        run_subcommand(f"use {failed}")
    with pytest.raises(
        CommandError, match=r"there are 3 answers .* so 4 cannot be kept"
    ):
        run_subcommand("use 4")
    kept = max({1, 2, 3} - {failed})
    said = run_subcommand(f"use {kept}")
    assert said == f"plots continues with answer {kept} of 3: 1 turn."
    here = session()
    assert here.current == "plots"
    assert here.last is not None
    assert here.conversation.turns == [here.last.turn] == [step["r"][kept - 1].turn]
    assert len(server.requests) == 3


def test_a_dry_run_shows_each_request(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    step.run("%%step --dry-run -e low,high\nWhich?")
    first, second = (bundle["text/plain"] for bundle in step.shown)
    assert '"effort": "low"' in first
    assert '"effort": "high"' in second
    assert server.requests == []


def test_where_none_is_answered_the_cell_fails(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    server.default = error(400, "No such luck")
    with pytest.raises(RequestRefused, match="No such luck"):
        step.run("%%step r << -e low,high\nWhich?")
    assert "r" not in step.shell.user_ns
    server.default = answer("Yes.")
    step.run("%%step\nAgain?")
    assert step["_step"].text == "Yes."
    server.faults.clear()


def test_one_prompt_goes_to_the_model_that_takes_least() -> None:
    settings = current()
    catalogue = Catalogue("http://127.0.0.1:1")
    chat, messages = (
        resolve(settings, catalogue, Overrides(), Overrides(parameters={"api": api}))
        for api in ("chat", "messages")
    )
    assert least_capable([chat, messages]) == messages
    assert least_capable([chat, chat]) == chat
