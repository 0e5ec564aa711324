"""What goes back to the server: reasoning as it came, any history in right order."""

from __future__ import annotations

import re
from typing import get_args

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openrouter_server import SIGNED, STEPFUN, Call, OpenRouterServer, Reply, answer
from openrouter_server.strictness import body_faults
from stepmagic.errors import UnsupportedOption
from stepmagic.transcript import (
    File,
    Message,
    Origin,
    Part,
    Protocol,
    Reasoning,
    Status,
    Text,
    ToolCall,
    ToolResult,
    Video,
    user,
)
from stepmagic.transcript.events import assemble
from stepmagic.wire import PROTOCOLS, Request, codec
from wire_requests import ADD, HI, PNG, result, results

every_protocol = pytest.mark.parametrize("protocol", PROTOCOLS)

MEDIA: list[Part] = [
    PNG,
    Video(url="https://example.org/a.mp4"),
    File(media_type="application/pdf", data=b"pdf"),
]

SEALED = {
    "plain": (STEPFUN, answer("Yes.", reasoning="Let me see. Yes.")),
    "signed": (SIGNED, answer("Yes.", reasoning="Let me see.", signature="c2lnbmVk")),
    "encrypted": (SIGNED, answer("Yes.", reasoning="", encrypted="ZW5jcnlwdGVk")),
    "both, then a call": (
        SIGNED,
        answer(
            "Let me add.",
            reasoning="Hm.",
            signature="c2lnbmVk",
            encrypted="ZW5jcnlwdGVk",
            tool_calls=[Call(name="add", arguments='{"a": 1}', id="call_1")],
        ),
    ),
}


@every_protocol
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(("model", "reply"), SEALED.values(), ids=SEALED)
def test_reasoning_goes_back_as_it_came(
    server: OpenRouterServer,
    client: httpx.Client,
    protocol: Protocol,
    model: str,
    reply: Reply,
    *,
    stream: bool,
) -> None:
    """The second request carries the reasoning whole, and the server takes it."""
    server.enqueue(reply)
    asked = Request(model=model, messages=(HI,), tools=(ADD,), stream=stream)
    parts = heard(client, protocol, asked)
    origin = Origin(protocol=protocol, model=model)
    calls = [part for part in parts if isinstance(part, ToolCall)]
    messages = [HI, Message(role="assistant", parts=parts, origin=origin)]
    replies = [result(call.id, Text(text="1")) for call in calls]
    messages.append(results(*replies) if replies else HI)
    heard(client, protocol, Request(model=model, messages=tuple(messages)))
    sent = str(server.requests[1].body)
    content = reply.content
    for whole in (content.reasoning, content.signature, content.encrypted):
        assert not whole or sent.count(f"'{whole}'") == 1


def heard(
    client: httpx.Client, protocol: Protocol, request: Request
) -> tuple[Part, ...]:
    """Ask the server and return the parts of its answer."""
    wire = codec(protocol)
    reply = client.post(wire.path, json=wire.encode(request))
    assert reply.status_code == 200, reply.text
    decoder = wire.decoder()
    if not request.stream:
        return assemble(decoder.decode(reply.text)).parts
    data = re.findall(r"^data: (.*)$", reply.text, re.MULTILINE)
    events = [event for line in data for event in decoder.feed(line)]
    return assemble([*events, *decoder.finish()]).parts


texts = st.sampled_from(["", " ", "Hello", "**a**\n", "\u2028", "é"]).map(
    lambda text: Text(text=text)
)
thoughts = st.sampled_from(["", "Hm."]).map(lambda text: Reasoning(text=text))
prompts = st.lists(texts | st.sampled_from(MEDIA), max_size=3)
arguments = st.sampled_from(["{}", '{"a": 1}', "", "[1]", "{no json"])
origins = st.builds(
    Origin,
    protocol=st.sampled_from(PROTOCOLS),
    model=st.sampled_from([STEPFUN, SIGNED]),
)
statuses = st.sampled_from([word for word in get_args(Status) if word != "running"])


@st.composite
def histories(draw: st.DrawFn) -> list[Message]:
    """Draw turns of which each may have been interrupted anywhere.

    The ids of calls are new each time or, as some models have them, new in each answer.
    """
    made: list[Message] = []
    is_unique = draw(st.booleans())
    for _ in range(draw(st.integers(0, 3))):
        made.append(user(*draw(prompts)))
        for _ in range(draw(st.integers(0, 2))):
            made += draw(rounds(len(made) if is_unique else 0))
    return made


@st.composite
def rounds(draw: st.DrawFn, number: int) -> list[Message]:
    """Draw an answer and the results of some of its calls, in any order."""
    calls = [
        ToolCall(id=f"call_{number}_{index}", name="add", arguments=draw(arguments))
        for index in range(draw(st.integers(0, 2)))
    ]
    parts: list[Part] = [*draw(st.lists(texts | thoughts, max_size=3)), *calls]
    answered = [call for call in draw(st.permutations(calls)) if draw(st.booleans())]
    made = Message(
        role="assistant",
        parts=tuple(draw(st.permutations(parts))),
        origin=draw(origins),
        status=draw(statuses),
    )
    results = tuple(
        ToolResult(
            call_id=call.id,
            name="add",
            parts=tuple(draw(st.lists(texts, max_size=2))),
            is_error=draw(st.booleans()),
        )
        for call in answered
    )
    return [made, Message(role="tool", parts=results)] if results else [made]


@every_protocol
@settings(max_examples=150)
@given(history=histories())
def test_any_history_is_made_right(protocol: Protocol, history: list[Message]) -> None:
    """Whatever an interrupt left behind, what is sent has the protocol's order."""
    request = Request(model=STEPFUN, messages=(HI, *history, user("Go on.")))
    try:
        body = codec(protocol).encode(request)
    except UnsupportedOption:
        return
    assert body_faults(protocol, body) == []
