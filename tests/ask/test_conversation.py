"""``Conversation``: what a user asks in, looks at, forks and saves."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest

from openrouter_server import Call, OpenRouterServer, answer, error, stall
from openrouter_server.models import TEXT_ONLY
from shell_fixtures import ShellUnderTest
from stepmagic import Conversation, Notice, PartDelta, Replies, tool, user
from stepmagic.errors import RequestRefused, SettingError, TranscriptError
from stepmagic.session import session
from stepmagic.storage.journal import journal
from stepmagic.transcript import ToolResult
from stepmagic.transcript.events import Finish, StreamEvent

LONG = " ".join(f"word{number}" for number in range(400))


# Names


def test_a_name_means_the_same_conversation_everywhere(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    step.run("%%step -c plots\nFrom a cell?")
    step.run("from stepmagic import Conversation, Panel, step")
    step.run("Conversation('plots').ask('From Python?')")
    step.run("step('By name?', conversation='plots')")
    step.run("step('By hand?', conversation=Conversation('plots'))")
    asked = ["From a cell?", "From Python?", "By name?", "By hand?"]
    assert [turn.prompt.text for turn in Conversation("plots").turns] == asked
    assert "From a cell?" in str(server.requests[3].body)
    step.run("plots = Conversation('plots')")
    assert step.run("plots == Panel('plots').conversation")
    assert step.run("plots != Conversation('other')")
    assert step.run("plots in {Conversation('plots')}")
    assert session().current == "main"


@pytest.mark.usefixtures("step")
def test_without_a_name_each_is_its_own(server: OpenRouterServer) -> None:
    one, other = Conversation(), Conversation()
    one.ask("One?")
    assert (len(one.turns), other.turns, one.name) == (1, [], None)
    assert one != other
    assert list(session().conversations) == ["main"]
    assert len(server.requests) == 1


def test_a_loaded_conversation_is_found_by_its_name(
    step: ShellUnderTest, tmp_path: Path
) -> None:
    source = Conversation()
    source.ask("Hi")
    path = tmp_path / "plots.json"
    source.fork("plots").save(path)
    session().conversations.pop("plots")
    plots = Conversation("plots")
    step.run(f"%step load {path}")
    assert len(plots.turns) == 1


# Asking


def test_it_asks_as_step_does(server: OpenRouterServer, step: ShellUnderTest) -> None:
    server.enqueue(answer("Yes.", reasoning=""))
    step["talk"] = talk = Conversation()
    reply = step.run("talk.ask('Is it?', [1, 2], effort='low', max_tokens=300)")
    assert (reply.text, step["_step"].turn) == ("Yes.", reply.turn)
    assert server.requests[0].body["max_tokens"] == 300
    assert "[1, 2]" in str(server.requests[0].body)
    step.run("talk.ask('Aside?', once=True)")
    assert len(talk.turns) == 1
    several = step.run("talk.ask('Both?', effort=['low', 'high'], schema=int)")
    assert isinstance(several, Replies)
    assert len(talk.turns) == 2


def test_it_asks_from_async_code(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    server.enqueue(answer('{"value": 4}'))
    talk = Conversation()
    reply = asyncio.run(talk.aask("2+2?", schema=int))
    assert (reply.value, len(talk.turns)) == (4, 1)
    assert step["_step"].turn is reply.turn


# Streams


async def read(talk: Conversation, prompt: str, **how: Any) -> list[StreamEvent]:
    return [event async for event in talk.astream(prompt, **how)]


def read_in_a_thread(talk: Conversation, prompt: str, **how: Any) -> list[StreamEvent]:
    return list(talk.stream(prompt, **how))


def read_in_a_loop(talk: Conversation, prompt: str, **how: Any) -> list[StreamEvent]:
    return asyncio.run(read(talk, prompt, **how))


READERS = (read_in_a_thread, read_in_a_loop)


@pytest.mark.usefixtures("step")
@pytest.mark.parametrize("events_of", READERS)
def test_events_arrive_as_they_are_sent(
    server: OpenRouterServer, events_of: Any
) -> None:
    server.enqueue(answer("One two.", reasoning=""))
    talk = Conversation()
    events = events_of(talk, "Count!", effort="low", max_tokens=300)
    words = [event.text for event in events if isinstance(event, PartDelta)]
    assert "".join(words) == "One two."
    assert isinstance(events[-1], Finish)
    assert talk.turns[0].text == "One two."
    assert server.requests[0].body["max_tokens"] == 300


@pytest.mark.usefixtures("step")
@pytest.mark.parametrize("events_of", READERS)
def test_what_goes_wrong_in_a_stream_is_raised(
    server: OpenRouterServer, events_of: Any
) -> None:
    server.enqueue(error(400, "No."))
    with pytest.raises(RequestRefused):
        events_of(Conversation(), "Hm?")


@pytest.mark.usefixtures("step")
@pytest.mark.parametrize("events_of", READERS)
def test_a_stream_has_no_type(server: OpenRouterServer, events_of: Any) -> None:
    with pytest.raises(SettingError, match=r"`ask\(\.\.\., schema="):
        events_of(Conversation(), "Hm?", schema=int)
    assert server.requests == []


@pytest.mark.usefixtures("step")
def test_notices_of_attachments_come_first(server: OpenRouterServer) -> None:
    table = [{"mail": f"a{n}@example.org"} for n in range(9)]
    events = list(Conversation().stream("Who?", table))
    assert isinstance(events[0], Notice)
    assert "mail" in events[0].text
    assert "example.org" in str(server.requests[0].body)


@pytest.mark.usefixtures("step")
def test_closing_a_stream_stops_the_turn(server: OpenRouterServer) -> None:
    server.enqueue(answer(LONG, reasoning="", pace_s=0.01), answer("Next."))
    talk = Conversation()
    with contextlib.closing(talk.stream("Count!")) as events:
        for event in events:
            if isinstance(event, PartDelta):
                break
    assert talk.turns[0].status == "interrupted"
    assert server.requests[0].wait_until_over(30)
    assert server.requests[0].disconnected_at is not None
    assert talk.ask("And?").text == "Next."


@pytest.mark.usefixtures("step")
def test_nothing_is_asked_before_the_first_event(server: OpenRouterServer) -> None:
    events = Conversation().stream("Hm?")
    assert server.requests == []
    next(events)
    events.close()


@pytest.mark.usefixtures("step")
def test_a_message_may_be_asked_too(server: OpenRouterServer) -> None:
    talk = Conversation()
    list(talk.stream(user("Is it?")))
    assert talk.turns[0].prompt.text == "Is it?"
    with pytest.raises(SettingError, match="takes no attachments"):
        list(talk.stream(user("Is it?"), [1]))
    assert len(server.requests) == 1


@pytest.mark.usefixtures("step")
def test_functions_run_in_the_event_loop_that_reads(server: OpenRouterServer) -> None:
    loops: list[object] = []

    async def here() -> str:
        loops.append(asyncio.get_running_loop())
        return "here"

    @tool(threaded=False)
    def inside() -> str:
        loops.append(asyncio.get_running_loop())
        return "inside"

    @tool(confirm=True)
    def never() -> None:
        loops.append(None)

    async def ask() -> None:
        loops.append(asyncio.get_running_loop())
        await read(talk, "Where?", tools=[here, inside, never])

    calls = [Call(name=name) for name in ("here", "inside", "never")]
    server.enqueue(answer(tool_calls=calls), answer("Done."))
    talk = Conversation()
    asyncio.run(ask())
    assert len(loops) == 3
    assert len(set(map(id, loops))) == 1
    parts = talk.turns[0].replies[1].parts
    errors = [part.is_error for part in parts if isinstance(part, ToolResult)]
    assert errors == [False, False, True]


@pytest.mark.usefixtures("step")
def test_a_reader_who_leaves_stops_the_turn(server: OpenRouterServer) -> None:
    async def ask() -> None:
        async with contextlib.aclosing(talk.astream("Count!", [1])) as events:
            async for event in events:
                if isinstance(event, PartDelta):
                    break

    server.enqueue(answer(LONG, reasoning="", pace_s=0.01))
    talk = Conversation()
    asyncio.run(ask())
    assert talk.turns[0].status == "interrupted"
    assert server.requests[0].wait_until_over(30)


# What it is asked with


@pytest.mark.usefixtures("step")
def test_system_model_and_effort_are_read_and_set(server: OpenRouterServer) -> None:
    talk = Conversation(system="Be brief.", effort="low")
    talk.ask("Hi")
    assert talk.system == "Be brief."
    assert "Be brief." in str(server.requests[0].body["messages"][0])
    usual = talk.model
    talk.model = TEXT_ONLY
    assert talk.model == TEXT_ONLY
    talk.model = None
    assert talk.model == usual
    talk.effort = None
    assert talk.effort is None
    talk.system = None
    assert talk.system == Conversation().system != "Be brief."
    with pytest.raises(SettingError, match="enormous"):
        talk.effort = "enormous"
    assert talk.effort is None
    with pytest.raises(SettingError, match="enormous"):
        Conversation(effort="enormous")


# Turns


@pytest.mark.usefixtures("step")
def test_turns_are_undone_brought_back_and_branched() -> None:
    talk = Conversation()
    assert list(talk.branches) == ["unnamed"]
    talk.ask("One?")
    talk.ask("Two?")
    assert [turn.prompt.text for turn in talk.undo()] == ["Two?"]
    assert [message.role for message in talk.messages] == ["user", "assistant"]
    brought = talk.redo()
    assert brought is not None
    assert brought.prompt.text == "Two?"
    assert talk.redo() is None
    assert talk.use("other")
    assert list(talk.branches) == ["other", "unnamed"]
    assert not talk.use("unnamed")
    talk.new()
    assert talk.turns == []
    assert talk.cost_usd > 0


@pytest.mark.usefixtures("step")
@pytest.mark.parametrize("copied", [Conversation.fork, copy.copy, copy.deepcopy])
def test_a_fork_shares_nothing(copied: Any, server: OpenRouterServer) -> None:
    talk = Conversation(system="Be brief.")
    talk.ask("One?")
    fork = copied(talk)
    assert (fork.turns, fork.system) == (talk.turns, "Be brief.")
    assert fork != talk
    fork.ask("Two?")
    talk.ask("Three?")
    fork.system = "Be long."
    assert [turn.prompt.text for turn in talk.turns] == ["One?", "Three?"]
    assert [turn.prompt.text for turn in fork.turns] == ["One?", "Two?"]
    assert talk.system == "Be brief."
    assert "Two?" not in str(server.requests[2].body)


@pytest.mark.usefixtures("step")
def test_a_fork_may_have_a_name_that_is_free() -> None:
    talk = Conversation()
    talk.ask("One?")
    assert talk.fork("copy") == Conversation("copy")
    assert len(Conversation("copy").turns) == 1
    with pytest.raises(SettingError, match="'copy' has turns already"):
        talk.fork("copy")


@pytest.mark.usefixtures("step")
def test_a_turn_under_way_is_interrupted_in_the_fork(server: OpenRouterServer) -> None:
    server.enqueue(stall(answer("One two three.", reasoning=""), after=3))
    talk = Conversation()
    with contextlib.closing(talk.stream("Count!")) as events:
        next(event for event in events if isinstance(event, PartDelta))
        fork = talk.fork()
        assert talk.turns[0].status == "running"
        assert [turn.status for turn in fork.turns] in ([], ["interrupted"])


# Files and messages


@pytest.mark.usefixtures("step")
def test_it_is_saved_and_loaded(server: OpenRouterServer, tmp_path: Path) -> None:
    server.enqueue(answer("Blue."))
    talk = Conversation(system="Be brief.")
    talk.ask("Why?")
    talk.save(tmp_path / "sky.json")
    talk.save(str(tmp_path / "sky.md"))
    again = Conversation.load(tmp_path / "sky.json")
    assert (again.turns, again.system) == (talk.turns, "Be brief.")
    assert again != talk
    assert again.name is None
    named = Conversation.load(str(tmp_path / "sky.json"), name="sky")
    assert named == Conversation("sky")
    assert "Blue." in (tmp_path / "sky.md").read_text()
    with pytest.raises(TranscriptError, match=r"sky\.md"):
        Conversation.load(tmp_path / "sky.md")


@pytest.mark.usefixtures("step")
def test_a_journal_of_several_conversations_is_left_to_the_magic() -> None:
    Conversation("one").ask("One?")
    Conversation("two").ask("Two?")
    kept = journal()
    assert kept is not None
    assert kept.path is not None
    with pytest.raises(TranscriptError, match=r"has 2 conversations, .*%step load"):
        Conversation.load(kept.path)


@pytest.mark.usefixtures("step")
def test_messages_of_openai_go_in_and_out(server: OpenRouterServer) -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Why is the sky blue?"},
        {"role": "assistant", "content": "It scatters light."},
    ]
    talk = Conversation.from_openai(messages)
    assert (talk.system, len(talk.turns)) == ("Be brief.", 1)
    assert talk.to_openai() == messages
    talk.ask("More!")
    assert server.requests[0].body["messages"][:3] == messages
    assert json.dumps(talk.to_openai())
    named = Conversation.from_openai(messages, name="sky")
    assert named == Conversation("sky")


# How it shows


@pytest.mark.usefixtures("step")
def test_its_repr_names_turns_model_and_cost() -> None:
    talk = Conversation()
    assert repr(talk) == f"<Conversation: 0 turns, {talk.model}, $0>"
    talk.fork("plots").ask("Hi")
    shown = repr(Conversation("plots"))
    pattern = rf"<Conversation 'plots': 1 turn, {re.escape(talk.model)}, \$0\.\d+>"
    assert re.fullmatch(pattern, shown)


def test_as_a_last_line_it_is_a_transcript(step: ShellUnderTest) -> None:
    talk = Conversation("plots")
    talk.ask("Why <b>?")
    formatter: Any = step.shell.display_formatter
    bundle = formatter.format(talk)[0]
    assert "Why &lt;b&gt;?" in bundle["text/html"]
    assert "plots: 1 turn" in bundle["text/plain"]


def test_inner_doors_are_not_public() -> None:
    inner = {
        *("send", "send_each", "encode", "tree", "continue_answer", "broken_off"),
        *("subscribe", "watch", "saved", "go_to", "choose", "sides", "overrides"),
    }
    assert not inner & set(dir(Conversation()))


def test_step_takes_a_conversation_or_a_name(step: ShellUnderTest) -> None:
    talk = Conversation()
    step.run("from stepmagic import step")
    step["talk"] = talk
    step.run("step('One?', conversation=talk)")
    assert len(talk.turns) == 1
