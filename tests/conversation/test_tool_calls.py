"""Functions that a model calls: where they run, what they return, who is asked."""

from __future__ import annotations

import asyncio
import contextvars
import sqlite3
import threading
from collections.abc import Callable
from typing import Any

import PIL.Image
import polars as pl
import pytest

from openrouter_server import MODELS, TEXT_ONLY, Call, OpenRouterServer, answer
from shell_fixtures import ShellUnderTest
from stepmagic import astep, step, tool
from stepmagic.attachments.attachment import Handling
from stepmagic.attachments.tool_results import attach_returned
from stepmagic.conversation.dialogue import Dialogue
from stepmagic.conversation.stream import Reader, TurnStream
from stepmagic.errors import AttachmentError, Interrupted
from stepmagic.schema.tools import to_tools
from stepmagic.server.options import with_tools
from stepmagic.session import session
from stepmagic.transcript import File, Image, Text, ToolResult, Video, user
from stepmagic.transcript.events import ConfirmTool, StreamEvent, ToolEnd, ToolStart

WAIT_S = 30

pytestmark = pytest.mark.usefixtures("step")


def called(server: OpenRouterServer, *names: str) -> None:
    """Let the model call functions, then answer."""
    calls = [Call(name=name) for name in names]
    server.enqueue(answer(tool_calls=calls), answer("Done."))


def results(reply: Any) -> list[ToolResult]:
    return [part for part in reply.parts if isinstance(part, ToolResult)]


def texts(reply: Any) -> list[str]:
    return [
        "".join(p.text for p in r.parts if isinstance(p, Text)) for r in results(reply)
    ]


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_calls_run_side_by_side(server: OpenRouterServer, kind: str) -> None:
    both = threading.Barrier(2, timeout=WAIT_S)

    def meet() -> str:
        both.wait()
        return "met"

    async def meet_async() -> str:
        await asyncio.sleep(0)
        both.wait()
        return "met"

    function = {"sync": meet, "async": meet_async}[kind]
    called(server, function.__name__, function.__name__)
    reply = step("Meet!", tools=[function])
    assert texts(reply) == ["met", "met"]
    assert reply.text == "Done."


def test_a_function_runs_beside_the_cell_in_its_context(
    server: OpenRouterServer,
) -> None:
    name: contextvars.ContextVar[str] = contextvars.ContextVar("name", default="none")

    def where() -> list[str]:
        return [threading.current_thread().name, name.get()]

    def late() -> Any:
        return asyncio.sleep(0, "awaited")

    name.set("cell")
    called(server, "where", "late")
    reply = step("Where?", tools=[where, late])
    assert texts(reply) == ['["stepmagic-tool", "cell"]', "awaited"]


def test_what_belongs_to_the_thread_of_the_cell_runs_there(
    server: OpenRouterServer,
) -> None:
    shop = sqlite3.connect(":memory:")

    @tool(threaded=False)
    def count() -> int:
        return int(shop.execute("SELECT 7").fetchone()[0])

    def astray() -> int:
        return int(shop.execute("SELECT 7").fetchone()[0])

    @tool(threaded=False)
    def late() -> Any:
        return asyncio.sleep(0)

    called(server, "count", "astray")
    reply = step("How many?", tools=[count, astray])
    assert texts(reply)[0] == "7"
    assert "created in a thread" in texts(reply)[1]
    shop.close()


def test_an_interrupt_of_a_function_in_the_cell_stops_the_turn(
    server: OpenRouterServer,
) -> None:
    @tool(threaded=False)
    def stop() -> None:
        raise KeyboardInterrupt

    called(server, "stop")
    with pytest.raises(Interrupted):
        step("Stop!", tools=[stop])
    (turn,) = session().conversation.turns
    assert turn.status == "interrupted"


@pytest.mark.parametrize("fault", [SystemExit(3), asyncio.CancelledError(), OSError()])
def test_whatever_a_function_raises_is_told(
    server: OpenRouterServer, fault: BaseException
) -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    def fail() -> None:
        raise fault

    def mute() -> None:
        raise Mute

    called(server, "fail", "mute")
    reply = step("Fail!", tools=[fail, mute])
    assert all(result.is_error for result in results(reply))
    assert texts(reply)[0].startswith(type(fault).__name__)
    assert texts(reply)[1] == "Mute"
    assert reply.text == "Done."


@pytest.mark.parametrize(
    "value",
    [
        "",
        "a b",
        "x" * 3000,
        7,
        pytest.param(10**5000, id="huge"),
        1.5,
        float("nan"),
        True,
        None,
    ],
)
def test_short_values_are_sent_as_any_other_result(
    server: OpenRouterServer, value: object
) -> None:
    def find() -> object:
        return value

    try:
        expected = attach_returned(value, "find", Handling()).parts
    except AttachmentError:
        expected = ()
    called(server, "find")
    (result,) = results(step("Find!", tools=[find]))
    assert result.is_error == (not expected)
    assert result.is_error or result.parts == expected


def test_tables_and_pictures_go_back_as_such(server: OpenRouterServer) -> None:
    def draw() -> Any:
        return "a square", PIL.Image.new("RGB", (8, 8))

    called(server, "draw")
    step("Draw!", tools=[draw])
    (told,) = [m for m in server.requests[1].body["messages"] if m["role"] == "tool"]
    assert [part["type"] for part in told["content"]] == ["text", "image_url"]


@pytest.mark.parametrize("api", ["chat", "responses", "messages"])
def test_what_a_protocol_or_a_model_cannot_carry_is_named_instead(
    server: OpenRouterServer, api: str
) -> None:
    def give() -> Any:
        return (
            Image(media_type="image/png", data=b"png"),
            File(media_type="application/zip", data=b"zip", name="a.zip"),
        )

    def film() -> Any:
        return Video(url="https://example.org/a.mp4")

    called(server, "give", "film")
    session().catalogue().take({"data": [MODELS[TEXT_ONLY]]})
    reply = step("Give!", tools=[give, film], model=TEXT_ONLY, api=api)
    given, filmed = results(reply)
    assert given.parts[0] == Text(text="[image left out: the model cannot be shown it]")
    assert isinstance(given.parts[1], Text if api == "messages" else File)
    assert filmed.is_error
    assert "is not fetched here" in texts(reply)[1]


def test_a_video_is_no_result_in_responses(server: OpenRouterServer) -> None:
    def film() -> Any:
        return Video(url="https://example.org/a.mp4")

    called(server, "film")
    reply = step("Film!", tools=[film], api="responses")
    assert "is not fetched here" in texts(reply)[0]
    called(server, "film")
    reply = step("Film!", tools=[film])
    assert isinstance(results(reply)[0].parts[0], Video)


def test_a_warning_of_what_is_sent_stays_beside_the_answer(
    server: OpenRouterServer,
) -> None:
    def people() -> Any:
        return pl.DataFrame({"email": ["a@b.org", "c@d.org"]})

    called(server, "people")
    told: list[StreamEvent] = []
    ends = session().conversation.subscribe(lambda _, event: told.append(event))
    step("Who?", tools=[people])
    ends()
    assert any("e-mail" in getattr(event, "text", "") for event in told)


# Who is asked


def confirmed(
    server: OpenRouterServer, answers: Callable[[TurnStream, ConfirmTool], None] | None
) -> tuple[list[StreamEvent], list[str]]:
    """Let a function be called that asks first; returns the events and the results."""

    @tool(confirm=True)
    def delete(name: str = "all") -> str:
        return f"deleted {name}"

    called(server, "delete")
    talk = Dialogue()
    options = with_tools(session().options(talk), to_tools([delete]))
    events = []
    reader = Reader(confirms=answers is not None)
    with talk.send(user("Tidy up!"), options, reader=reader) as stream:
        for event in stream:
            events.append(event)
            if isinstance(event, ConfirmTool) and answers is not None:
                answers(stream, event)
    parts = [part for reply in talk.turns[0].replies for part in reply.parts]
    told = [part.parts[0] for part in parts if isinstance(part, ToolResult)]
    return events, [part.text for part in told if isinstance(part, Text)]


def test_a_function_runs_once_the_user_agrees(server: OpenRouterServer) -> None:
    def agree(stream: TurnStream, event: ConfirmTool) -> None:
        stream.answer(event.call.id, allowed=True)
        stream.answer(event.call.id, allowed=False)  # too late

    events, told = confirmed(server, agree)
    kinds = (ConfirmTool, ToolStart, ToolEnd)
    shown = [type(event) for event in events if isinstance(event, kinds)]
    assert shown == [ConfirmTool, ToolStart, ToolEnd]
    assert told == ["deleted all"]


@pytest.mark.parametrize(
    "answers",
    [None, lambda stream, event: stream.answer(event.call.id, allowed=False)],
)
def test_a_function_is_not_called_against_the_user_or_where_nobody_is(
    server: OpenRouterServer, answers: Any
) -> None:
    events, told = confirmed(server, answers)
    assert not any(isinstance(event, ToolStart) for event in events)
    assert told == ["the user did not allow this call."]


# Async code


def test_async_functions_run_in_the_loop_that_awaits(server: OpenRouterServer) -> None:
    loops: list[object] = []

    async def where() -> str:
        loops.append(asyncio.get_running_loop())
        return "here"

    async def fail() -> None:
        raise ValueError(WAIT_S)

    async def give_up() -> None:
        raise asyncio.CancelledError

    def sync() -> str:
        return threading.current_thread().name

    async def ask() -> Any:
        loops.append(asyncio.get_running_loop())
        return await astep("Where?", tools=[where, fail, give_up, sync])

    called(server, "where", "fail", "give_up", "sync")
    reply = asyncio.run(ask())
    assert loops[0] is loops[1]
    assert texts(reply) == [
        "here",
        "ValueError: 30",
        "RuntimeError: CancelledError",
        "stepmagic-tool",
    ]
    assert reply.text == "Done."


def test_to_cancel_async_code_stops_its_turn_and_its_functions(
    server: OpenRouterServer,
) -> None:
    async def ask() -> None:
        begun, ended = asyncio.Event(), asyncio.Event()

        async def wait() -> None:
            begun.set()
            try:
                await asyncio.sleep(WAIT_S)
            finally:
                ended.set()

        asked = asyncio.create_task(astep("Wait!", tools=[wait]))
        await begun.wait()
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        await ended.wait()

    called(server, "wait")
    asyncio.run(ask())
    (turn,) = session().conversation.turns
    assert turn.status == "interrupted"


def test_a_cell_lets_the_model_call_its_functions(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    server.enqueue(
        answer(tool_calls=[Call(name="add", arguments='{"a": 1, "b": 2}')]),
        answer("Three."),
    )
    step.run("def add(a: int, b: int) -> int:\n    'Add.'\n    return a + b")
    step.run("%%step r << --tools add\n1 + 2?")
    assert step["r"].text == "Three."
    assert server.requests[0].body["tools"][0]["function"]["description"] == "Add."
    step.run("%%step --dry-run --tools add\n1 + 2?")
    assert len(server.requests) == 2
