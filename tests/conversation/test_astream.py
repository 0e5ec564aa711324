"""``async for event in conversation.astream(...)``, and what its reader may do."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest

from openrouter_server import Call, OpenRouterServer, answer, error
from stepmagic import tool
from stepmagic.conversation.dialogue import Dialogue
from stepmagic.errors import RequestRefused
from stepmagic.transcript import ToolResult, user
from stepmagic.transcript.events import Finish, PartDelta, StreamEvent

LONG = " ".join(f"word{number}" for number in range(400))

pytestmark = pytest.mark.usefixtures("step")


async def read(talk: Dialogue, prompt: Any, **how: Any) -> list[StreamEvent]:
    return [event async for event in talk.astream(prompt, **how)]


def test_events_come_as_they_are_sent(server: OpenRouterServer) -> None:
    server.enqueue(answer("One two.", reasoning=""))
    talk = Dialogue()
    events = asyncio.run(read(talk, "Count!", effort="low", max_tokens=300))
    words = [event.text for event in events if isinstance(event, PartDelta)]
    assert "".join(words) == "One two."
    assert isinstance(events[-1], Finish)
    assert talk.turns[0].text == "One two."
    assert server.requests[0].body["max_tokens"] == 300


def test_a_message_may_be_asked_too(server: OpenRouterServer) -> None:
    server.enqueue(answer("Yes."))
    talk = Dialogue()
    asyncio.run(read(talk, user("Is it?")))
    assert talk.turns[0].prompt.text == "Is it?"


def test_functions_run_in_the_loop_that_reads(server: OpenRouterServer) -> None:
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
    talk = Dialogue()
    asyncio.run(ask())
    assert len(loops) == 3
    assert len(set(map(id, loops))) == 1
    parts = talk.turns[0].replies[1].parts
    assert [part.is_error for part in parts if isinstance(part, ToolResult)] == [
        False,
        False,
        True,
    ]


def test_a_reader_who_leaves_stops_the_turn(server: OpenRouterServer) -> None:
    async def ask() -> None:
        async with contextlib.aclosing(talk.astream("Count!")) as events:
            async for event in events:
                if isinstance(event, PartDelta):
                    break

    server.enqueue(answer(LONG, reasoning="", pace_s=0.01))
    talk = Dialogue()
    asyncio.run(ask())
    assert talk.turns[0].status == "interrupted"
    assert server.requests[0].wait_until_over(30)
    assert server.requests[0].disconnected_at is not None


def test_what_goes_wrong_is_raised(server: OpenRouterServer) -> None:
    server.enqueue(error(400, "No."))
    with pytest.raises(RequestRefused):
        asyncio.run(read(Dialogue(), "Hm?"))
