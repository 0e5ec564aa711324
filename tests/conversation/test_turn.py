"""Turns with functions against a real, strict server: rounds, order, and their ends."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from openrouter_server import (
    KEY,
    SIGNED,
    Call,
    OpenRouterServer,
    Reply,
    Tokens,
    answer,
    cut,
    error,
)
from stepmagic.conversation.dialogue import Dialogue
from stepmagic.conversation.stream import TurnStream
from stepmagic.conversation.turn import TurnRun, new_turn
from stepmagic.errors import Interrupted, UnsupportedOption
from stepmagic.schema.tools import to_tools
from stepmagic.server.catalogue import Catalogue
from stepmagic.server.endpoint import Endpoint
from stepmagic.server.http import start
from stepmagic.server.options import Options, Overrides, following, resolve, with_tools
from stepmagic.settings import current
from stepmagic.storage.journal import journal
from stepmagic.transcript import (
    Image,
    Message,
    Protocol,
    Text,
    ToolResult,
    Turn,
    TurnTree,
    user,
)
from stepmagic.transcript.events import (
    Finish,
    Notice,
    Source,
    StreamEvent,
    ToolEnd,
    ToolStart,
)
from stepmagic.wire import PROTOCOLS

WAIT_S = 30

every_protocol = pytest.mark.parametrize("protocol", PROTOCOLS)

Asked = Callable[..., Options]


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def look(city: str) -> dict[str, Any]:
    """Look at the weather of a city."""
    return {"city": city, "sky": "grey"}


def sum_of(a: int, b: int) -> Call:
    return Call(name="add", arguments=json.dumps({"a": a, "b": b}))


@pytest.fixture
def asked(server: OpenRouterServer, monkeypatch: pytest.MonkeyPatch) -> Asked:
    """Return a maker of options that ask the test server with functions."""
    monkeypatch.setenv("OPENROUTER_API_KEY", server.key)
    settings = current()
    settings.base_url = server.url
    settings.retries = 0

    def options(
        api: Protocol = "chat",
        *,
        tools: Any = (add, look),
        model: str | None = None,
        **parameters: Any,
    ) -> Options:
        given = {"api": api, **parameters}
        overrides = Overrides(model=model, parameters=given)
        made = resolve(settings, Catalogue(server.url), Overrides(), overrides)
        return with_tools(made, to_tools(tools))

    return options


def ask(talk: Dialogue, options: Options, prompt: str = "Hi") -> list[StreamEvent]:
    """Ask, and return every event."""
    with talk.send(user(prompt), options) as stream:
        return list(stream)


def parts_of(turn: Turn, kind: type) -> list[Any]:
    parts = (part for reply in turn.replies for part in reply.parts)
    return [part for part in parts if isinstance(part, kind)]


def results_of(turn: Turn) -> list[tuple[str, str, bool]]:
    """Return the name, the text and the fate of each call."""
    return [
        (
            result.name,
            "".join(part.text for part in result.parts if isinstance(part, Text)),
            result.is_error,
        )
        for result in parts_of(turn, ToolResult)
    ]


def items_of(body: Any) -> list[tuple[str, str]]:
    """Return what a request's history holds: kinds with ids, texts or reasoning."""
    if "input" in body:
        return [_item(item) for item in body["input"]]
    return [each for message in body["messages"] for each in _message(message)]


def _item(item: Any) -> tuple[str, str]:
    match item:
        case {"type": "reasoning"}:
            return "thought", item["content"][0]["text"]
        case {"type": "function_call"}:
            return "call", item["call_id"]
        case {"type": "function_call_output"}:
            return "result", item["call_id"]
        case _:
            return item["role"], str(item["content"])


def _message(message: Any) -> Iterator[tuple[str, str]]:
    role, content = message["role"], message.get("content")
    for detail in message.get("reasoning_details", ()):
        yield "thought", detail["text"]
    for call in message.get("tool_calls", ()):
        yield "call", call["id"]
    if role == "tool":
        yield "result", message["tool_call_id"]
    elif isinstance(content, str):
        if role != "system" and content:
            yield role, content
    else:
        for block in content:
            yield _block(role, block)


def _block(role: str, block: Any) -> tuple[str, str]:
    match block:
        case {"type": "thinking"}:
            return "thought", block["thinking"]
        case {"type": "tool_use"}:
            return "call", block["id"]
        case {"type": "tool_result"}:
            return "result", block["tool_use_id"]
        case _:
            return role, block["text"]


@every_protocol
@pytest.mark.parametrize("rounds", [1, 2, 5])
@pytest.mark.parametrize("stream", [True, False])
def test_each_round_sends_back_all_that_came_in_order(
    server: OpenRouterServer,
    asked: Asked,
    protocol: Protocol,
    rounds: int,
    *,
    stream: bool,
) -> None:
    calls = [[sum_of(n, 1), sum_of(n, 2)] for n in range(rounds)]
    server.enqueue(
        *(
            answer(tool_calls=two, reasoning=f"Thought {n}.")
            for n, two in enumerate(calls)
        ),
        answer("Done.", reasoning=""),
    )
    talk = Dialogue()
    ask(talk, asked(protocol, stream=stream))
    (turn,) = talk.turns
    assert (turn.status, turn.text, turn.finish_reason) == ("complete", "Done.", "stop")
    assert [reply.role for reply in turn.replies] == ["assistant", "tool"] * rounds + [
        "assistant"
    ]
    assert [text for _, text, _ in results_of(turn)] == [
        str(n + more) for n in range(rounds) for more in (1, 2)
    ]
    expected = [("user", "Hi")]
    for number, (one, two) in enumerate(calls):
        expected += [
            ("thought", f"Thought {number}."),
            ("call", one.id),
            ("call", two.id),
            ("result", one.id),
            ("result", two.id),
        ]
    assert len(server.requests) == rounds + 1
    assert items_of(server.requests[-1].body) == expected


@every_protocol
def test_signed_reasoning_goes_back_unmodified_to_its_provider(
    server: OpenRouterServer, asked: Asked, protocol: Protocol
) -> None:
    calls = [sum_of(1, 2)]
    server.enqueue(
        answer(tool_calls=calls, reasoning="Hm.", signature="c2lnbmVk"), answer("3")
    )
    talk = Dialogue()
    ask(talk, asked(protocol, model=SIGNED))
    first, second = (request.body for request in server.requests)
    thought = talk.turns[0].replies[0].parts[0]
    assert "c2lnbmVk" in str(thought)
    native = thought.provider_metadata["native"]  # type: ignore[union-attr] # reasoning
    assert str(native) in str(second)
    assert "provider" not in first
    # In /responses no provider is named; there the session holds on to it.
    named = None if protocol == "responses" else {"order": ["Anthropic"]}
    assert second.get("provider") == named


def test_a_session_keeps_all_rounds_at_one_provider(asked: Asked) -> None:
    router = Endpoint(base_url="https://openrouter.ai/api/v1", model="m")
    assert router.adapt(asked()).parameters["session_id"]
    assert router.adapt(asked(session_id="mine")).parameters["session_id"] == "mine"
    assert "session_id" not in router.adapt(asked(tools=())).parameters
    other = Endpoint(base_url="http://localhost:1/v1", model="m")
    assert "session_id" not in other.adapt(asked()).parameters


def test_routing_of_the_user_is_kept(asked: Asked) -> None:
    for given in ({"order": ["a", "b"]}, {"only": ["a"]}):
        options = following(asked(provider=given), "A", is_last=False)
        assert options.parameters["provider"] == given
    options = following(asked(provider={"zdr": True}), "A", is_last=False)
    assert options.parameters["provider"] == {"zdr": True, "order": ["A"]}


@every_protocol
def test_a_choice_of_tool_holds_for_the_first_request(
    server: OpenRouterServer, asked: Asked, protocol: Protocol
) -> None:
    server.enqueue(answer(tool_calls=[sum_of(1, 2)]), answer("3"))
    ask(Dialogue(), asked(protocol, tool_choice="add"))
    first, second = (request.body for request in server.requests)
    assert "add" in str(first["tool_choice"])
    assert "tool_choice" not in second


@every_protocol
def test_calls_are_found_though_the_reason_does_not_tell(
    server: OpenRouterServer, asked: Asked, protocol: Protocol
) -> None:
    server.enqueue(answer(tool_calls=[sum_of(1, 2)], finish_reason="stop"), answer("3"))
    talk = Dialogue()
    ask(talk, asked(protocol))
    assert results_of(talk.turns[0]) == [("add", "3", False)]


def test_an_answer_that_was_cut_calls_nothing(
    server: OpenRouterServer, asked: Asked
) -> None:
    server.enqueue(answer(tool_calls=[sum_of(1, 2)], finish_reason="length"))
    talk = Dialogue()
    events = ask(talk, asked())
    assert not any(isinstance(event, ToolStart) for event in events)
    assert len(server.requests) == 1
    ask(talk, asked(tools=()), "And now?")
    assert "call" not in dict(items_of(server.requests[1].body))


@every_protocol
def test_the_last_round_has_to_be_answered(
    server: OpenRouterServer, asked: Asked, protocol: Protocol
) -> None:
    current().tool_rounds = 2
    server.default = answer(tool_calls=[sum_of(1, 2)])
    talk = Dialogue()
    events = ask(talk, asked(protocol))
    choices = [request.body.get("tool_choice") for request in server.requests]
    none = {"type": "none"} if protocol == "messages" else "none"
    assert choices == [None, None, none]
    notices = [event.text for event in events if isinstance(event, Notice)]
    said = "2 rounds of functions, the most there may be: asked to answer now."
    assert notices == [f"{said} `%config StepMagic.tool_rounds`."]
    (turn,) = talk.turns
    assert (turn.status, turn.finish_reason) == ("complete", "tool_calls")
    # The calls that nobody answered are no part of the next request.
    server.default = answer("Yes.")
    ask(talk, asked(protocol), "And?")
    kinds = [kind for kind, _ in items_of(server.requests[-1].body)]
    assert kinds.count("call") == kinds.count("result") == 2


@every_protocol
def test_usage_adds_up(
    server: OpenRouterServer, asked: Asked, protocol: Protocol
) -> None:
    server.enqueue(
        answer(tool_calls=[sum_of(1, 2)], usage=Tokens(prompt=100, completion=10)),
        answer("3", usage=Tokens(prompt=200, completion=20)),
    )
    talk = Dialogue()
    ask(talk, asked(protocol))
    usage = talk.turns[0].usage
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens) == (300, 30)
    assert usage.cost_usd == pytest.approx(300 * 0.2e-6 + 30 * 1.15e-6)


def test_events_tell_streams_calls_and_the_end(
    server: OpenRouterServer, asked: Asked
) -> None:
    server.enqueue(answer(tool_calls=[sum_of(1, 2)]), answer("3"))
    events = ask(Dialogue(), asked())
    kinds = (Finish, ToolStart, ToolEnd)
    told = [event for event in events if isinstance(event, kinds)]
    assert [type(event) for event in told] == [Finish, ToolStart, ToolEnd, Finish]
    assert [e.continues for e in told if isinstance(e, Finish)] == [True, False]


# What goes wrong


@every_protocol
def test_faults_of_a_call_go_back_to_the_model(
    server: OpenRouterServer, asked: Asked, protocol: Protocol
) -> None:
    def divide(a: int, b: int) -> float:
        return a / b

    # In /messages arguments are an object, not a text.
    broken = "{}" if protocol == "messages" else "{no json"
    calls = [
        Call(name="divide", arguments='{"a": 1, "b": 0}'),
        Call(name="divide", arguments='{"a": "one", "b": 2}'),
        Call(name="divide", arguments=broken),
        Call(name="multiply"),
    ]
    server.enqueue(answer(tool_calls=calls), answer("I see."))
    talk = Dialogue()
    ask(talk, asked(protocol, tools=[divide]))
    told = [text for _, text, is_error in results_of(talk.turns[0]) if is_error]
    assert told[0] == "ZeroDivisionError: division by zero"
    assert "do not fit divide: a: " in told[1]
    assert ("Field required" if broken == "{}" else "is not JSON") in told[2]
    assert told[3] == "there is no function 'multiply'. There are: divide."
    assert all(text in str(server.requests[1].body) for text in told[:1])


@every_protocol
@pytest.mark.parametrize("fault", [error(400, "No."), cut(answer("Too long"), after=2)])
def test_a_fault_after_a_round_keeps_it(
    server: OpenRouterServer, asked: Asked, protocol: Protocol, fault: Reply
) -> None:
    server.enqueue(answer(tool_calls=[sum_of(1, 2)]), fault, answer("Three."))
    talk = Dialogue()
    ask(talk, asked(protocol))
    (turn,) = talk.turns
    assert turn.status == "error"
    assert results_of(turn) == [("add", "3", False)]
    ask(talk, asked(protocol, tools=()), "And?")
    kinds = [kind for kind, _ in items_of(server.requests[-1].body)]
    assert kinds.count("call") == kinds.count("result") == 1
    assert talk.turns[-1].text == "Three."


def test_a_request_that_cannot_be_made_ends_the_turn(
    server: OpenRouterServer, asked: Asked
) -> None:
    class OneRequest(TurnRun):
        """A turn whose second request cannot be made."""

        async def _request(
            self, messages: tuple[Message, ...], options: Options
        ) -> Source:
            if messages[1:]:
                message = "no form"
                raise UnsupportedOption(message)
            return await super()._request(messages, options)

    async def run() -> TurnRun:
        made = OneRequest(TurnStream(TurnTree()), user("Hi"), asked())
        await made.prepare([])
        made.begin(new_turn(user("Hi"), made.options, parent=None, cell=None))
        await made.run()
        return made

    server.enqueue(answer(tool_calls=[sum_of(1, 2)]))
    made = start(run()).result(WAIT_S)
    assert (made.turn.status, made.turn.error) == ("error", "no form")
    assert isinstance(made.finish.error, UnsupportedOption)
    assert results_of(made.turn) == [("add", "3", False)]


def test_a_model_that_calls_nothing_is_refused(asked: Asked) -> None:
    options = asked(tools=())
    assert options.entry is not None
    entry = replace(options.entry, parameters=frozenset({"seed"}))
    with pytest.raises(UnsupportedOption, match="cannot call functions"):
        with_tools(replace(options, entry=entry), to_tools([add]))


def test_the_key_goes_back_in_no_result(server: OpenRouterServer, asked: Asked) -> None:
    def leak() -> str:
        """Return what it must not."""
        return f"the key is {KEY}"

    def fail() -> None:
        raise ValueError(KEY)

    def draw() -> Image:
        return Image(media_type="image/png", data=b"png" + KEY.encode())

    names = ("leak", "fail", "draw")
    server.enqueue(answer(tool_calls=[Call(name=name) for name in names]), answer("Ok"))
    talk = Dialogue()
    ask(talk, asked(tools=[leak, fail, draw]))
    assert KEY not in str(server.requests[1].body)
    assert [text for _, text, _ in results_of(talk.turns[0])] == [
        "the key is [key]",
        "ValueError: [key]",
        "[image left out: it contains the API key]",
    ]


# Interrupts


def stop_in(talk: Dialogue, options: Options, begun: threading.Event) -> None:
    """Ask, and interrupt once a function says that it runs; waits until that is over.

    An interrupt waits half a second for the turn to close, and then leaves it: on a
    loaded machine, what it stopped is not closed yet.
    """
    reading = threading.Event()

    def interrupt() -> None:
        assert begun.wait(WAIT_S)
        assert reading.wait(WAIT_S)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    stream = talk.send(user("Hi"), options)
    with pytest.raises(Interrupted), stream:
        for _ in stream:
            reading.set()
    stream.wait_until_closed(WAIT_S)


@every_protocol
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_an_interrupt_in_a_function_leaves_what_the_next_request_can_carry(
    server: OpenRouterServer, asked: Asked, protocol: Protocol, kind: str
) -> None:
    begun, cancelled, over = (threading.Event() for _ in range(3))

    def wait() -> str:
        begun.set()
        over.wait(WAIT_S)
        return "late"

    async def wait_async() -> None:
        begun.set()
        try:
            await asyncio.sleep(WAIT_S)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    function = {"sync": wait, "async": wait_async}[kind]
    server.enqueue(
        answer(
            tool_calls=[Call(name=function.__name__), Call(name="add")],
            reasoning="Hm.",
        ),
        answer("Fine."),
    )
    talk = Dialogue()
    stop_in(talk, asked(protocol, tools=[function, add]), begun)
    assert len(server.requests) == 1
    (turn,) = talk.turns
    assert turn.status == "interrupted"
    told = {name: text for name, text, _ in results_of(turn)}
    stopped = "the user stopped this call before it returned."
    assert told[function.__name__] == stopped
    assert "do not fit add" in told["add"] or told["add"] == stopped
    if kind == "async":
        assert cancelled.wait(WAIT_S)
    over.set()
    ask(talk, asked(protocol), "Go on.")
    assert [kind for kind, _ in items_of(server.requests[1].body)] == [
        "user", "thought", "call", "call", "result", "result", "user",
    ]  # fmt: skip
    assert talk.turns[1].text == "Fine."


@every_protocol
def test_an_interrupt_after_a_round_leaves_what_the_next_request_can_carry(
    server: OpenRouterServer, asked: Asked, protocol: Protocol
) -> None:
    server.enqueue(
        answer(tool_calls=[sum_of(1, 2)]), answer("Late", delay_s=WAIT_S), answer("Ok.")
    )
    talk = Dialogue()
    asked_twice = threading.Event()

    def watch() -> None:
        while len(server.requests) < 2:
            time.sleep(0.01)
        asked_twice.set()

    threading.Thread(target=watch, daemon=True).start()
    stop_in(talk, asked(protocol), asked_twice)
    ask(talk, asked(protocol), "Go on.")
    kinds = [kind for kind, _ in items_of(server.requests[2].body)]
    assert kinds == ["user", "thought", "call", "result", "user"]


def test_the_journal_has_the_rounds_while_a_function_runs(
    server: OpenRouterServer, asked: Asked
) -> None:
    begun, over = threading.Event(), threading.Event()

    def wait() -> str:
        begun.set()
        over.wait(WAIT_S)
        return "done"

    server.enqueue(answer(tool_calls=[sum_of(1, 2)]))
    server.enqueue(answer(tool_calls=[Call(name="wait")]), answer("Ok."))
    talk = Dialogue()
    with talk.send(user("Hi"), asked(tools=[add, wait])) as stream:
        assert begun.wait(WAIT_S)
        kept = ""
        deadline = time.monotonic() + WAIT_S
        while "call_id" not in kept or kept.count('"wait"') < 1:
            assert time.monotonic() < deadline
            time.sleep(0.05)
            path = journal().path  # type: ignore[union-attr] # it is on
            kept = path.read_text("utf-8") if path else ""
        over.set()
        list(stream)
    assert talk.turns[0].text == "Ok."


def test_a_function_cannot_ask_where_its_own_turn_waits(
    server: OpenRouterServer, asked: Asked
) -> None:
    talk = Dialogue()

    def delve(*, aside: bool) -> str:
        other = Dialogue("aside") if aside else talk
        with other.send(user("Deeper?"), asked(tools=())) as stream:
            list(stream)
        return stream.result().text

    server.enqueue(
        answer(
            tool_calls=[
                Call(name="delve", arguments='{"aside": false}'),
                Call(name="delve", arguments='{"aside": true}'),
            ]
        ),
        answer("Deep."),
        answer("Done."),
    )
    ask(talk, asked(tools=[delve]))
    (_, refused, _), (_, deep, _) = results_of(talk.turns[0])
    assert refused.startswith("StepError: a function that the model called asks in")
    assert deep == "Deep."
