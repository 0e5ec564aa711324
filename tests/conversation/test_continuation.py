"""An answer that broke off is continued, and becomes one answer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from continuations import Script, closed, every_protocol, rest, send, stopped
from journals import written
from openrouter_server import (
    SIGNED,
    Call,
    OpenRouterServer,
    Received,
    answer,
    cut,
    error,
    mid_stream_error,
    stall,
)
from shell_fixtures import ShellUnderTest
from stepmagic.ask.single import _asked_before, prepare
from stepmagic.conversation.continuation import CONTINUE, ContinuedAnswer, unfinished
from stepmagic.errors import ServerError, StepError, StreamCut
from stepmagic.magics.subcommands import run_subcommand
from stepmagic.schema.tools import to_tools
from stepmagic.server.options import Overrides, with_tools
from stepmagic.session import Session
from stepmagic.storage.journal_file import read_journal
from stepmagic.transcript import (
    Image,
    Message,
    Opaque,
    Part,
    Protocol,
    Reasoning,
    Text,
    TokenLogprob,
    ToolCall,
    ToolResult,
    Turn,
    Usage,
    user,
)
from stepmagic.transcript.events import (
    Assembly,
    Finish,
    Notice,
    PartDelta,
    PartEnd,
    PartStart,
    StreamEvent,
    assemble,
)


def words(request: Received) -> list[tuple[str, str]]:
    """Return the roles and texts of a request, the system and reasoning left out."""
    told: list[tuple[str, str]] = []
    for message in request.body.get("messages") or request.body["input"]:
        if message.get("role") not in ("user", "assistant"):
            continue
        content = message["content"]
        parts = [{"text": content}] if isinstance(content, str) else content
        said = "".join(part.get("text", "") for part in parts)
        told.append((message["role"], said))
    return told


@every_protocol
def test_a_stopped_answer_becomes_one_answer(
    server: OpenRouterServer, here: Session, protocol: Protocol
) -> None:
    talk = here.conversation
    server.enqueue(
        stall(answer("one two three", reasoning="First I think."), after=40),
        answer(" four five", reasoning="Where was I?"),
        answer("Yes."),
    )
    first = stopped(send(talk, "Count!", protocol), "three")
    stream = rest(talk)
    with stream:
        heard = assemble(stream)
    turn = stream.result()
    assert words(server.requests[1])[1:] == [
        ("assistant", "one two three"),
        ("user", CONTINUE.text),
    ]
    assert [turn] == talk.turns
    assert (turn.id, turn.status, turn.finish_reason) == (first.id, "complete", "stop")
    (reply,) = turn.replies
    assert reply.text == "one two three four five"
    assert reply.reasoning == "First I think.\n\nWhere was I?"
    assert [type(part) for part in reply.parts] == [Reasoning, Reasoning, Text]
    assert heard.parts == reply.parts
    # The next request has one answer, with the reasoning that led to it.
    closed(send(talk, "Right?", protocol))
    assert words(server.requests[2]) == [
        ("user", "Count!"),
        ("assistant", "one two three four five"),
        ("user", "Right?"),
    ]
    assert "First I think." in str(server.requests[2].body)
    assert "Where was I?" not in str(server.requests[2].body)


@every_protocol
def test_what_was_stopped_before_any_word_is_asked_again(
    server: OpenRouterServer, here: Session, protocol: Protocol
) -> None:
    talk = here.conversation
    server.enqueue(
        stall(answer("never", reasoning="Too long. " * 20), after=9),
        answer("Four.", reasoning="Two and two.", signature="c2lnbmVk"),
        answer("Yes."),
    )
    stopped(send(talk, "2+2?", protocol, SIGNED), "Too")
    turn = closed(rest(talk))
    assert words(server.requests[1]) == [("user", "2+2?")]
    assert turn.text == "Four."
    closed(send(talk, "Right?", protocol, SIGNED))
    body = str(server.requests[2].body)
    assert "Two and two." in body
    assert body.count("c2lnbmVk") == 1
    assert "Too" not in body


@every_protocol
def test_signed_reasoning_of_the_rest_stays_here(
    server: OpenRouterServer, here: Session, protocol: Protocol
) -> None:
    talk = here.conversation
    server.enqueue(
        answer("one", reasoning="Hm.", signature="Zmlyc3Q=", finish_reason="length"),
        answer(" two", reasoning="So.", signature="c2Vjb25k"),
        answer("Yes."),
    )
    closed(send(talk, "Count!", protocol, SIGNED))
    turn = closed(rest(talk))
    assert turn.text == "one two"
    assert "c2Vjb25k" in str(turn.replies)
    closed(send(talk, "Right?", protocol, SIGNED))
    assert "Zmlyc3Q=" in str(server.requests[2].body)
    assert "c2Vjb25k" not in str(server.requests[2].body)


@every_protocol
@pytest.mark.parametrize("fault", [cut, mid_stream_error])
def test_an_answer_that_broke_off_goes_on(
    server: OpenRouterServer, here: Session, protocol: Protocol, fault: Any
) -> None:
    talk = here.conversation
    long = "one two three four five six seven eight"
    server.enqueue(fault(answer(long, reasoning=""), after=7), answer(" x"))
    broken = closed(send(talk, "Count!", protocol))
    assert broken.status == "error"
    turn = closed(rest(talk))
    assert turn.text == broken.text + " x"
    assert turn.error is None


def test_it_may_go_on_more_than_once_and_the_usage_adds_up(
    server: OpenRouterServer, here: Session
) -> None:
    talk = here.conversation
    pieces = ["one", " two", " three"]
    reasons = ["length", "length", "stop"]
    server.enqueue(
        *(
            answer(piece, reasoning="", finish_reason=reason)
            for piece, reason in zip(pieces, reasons, strict=True)
        )
    )
    used = [closed(send(talk, "Count!", "chat")).usage]
    costs = []
    for _ in range(2):
        turn = closed(rest(talk))
        used.append(turn.usage)
        costs.append(turn.usage and turn.usage.cost_usd)
    assert turn.text == "one two three"
    assert turn.finish_reason == "stop"
    first, second, third = used
    assert first is not None
    assert second is not None
    assert third is not None
    assert first.completion_tokens < second.completion_tokens < third.completion_tokens
    assert (first.cost_usd or 0) < (second.cost_usd or 0) < (third.cost_usd or 0)
    assert words(server.requests[2])[1] == ("assistant", "one two")


def test_a_rest_that_never_comes_leaves_the_turn_as_it_was(
    server: OpenRouterServer, here: Session
) -> None:
    talk = here.conversation
    server.enqueue(
        answer("one", reasoning="", finish_reason="length"),
        error(402, "Insufficient credits"),
    )
    before = closed(send(talk, "Count!", "chat"))
    stream = rest(talk)
    with stream:
        list(stream)
    with pytest.raises(ServerError):
        stream.result()
    assert talk.turns == [before]
    server.enqueue(answer(" two"))
    assert closed(rest(talk)).text == "one two"


def test_a_rest_that_is_stopped_is_kept_and_goes_on(
    server: OpenRouterServer, here: Session
) -> None:
    talk = here.conversation
    server.enqueue(
        answer("one", reasoning="Hm.", finish_reason="length"),
        stall(answer(" two", reasoning="I go on with it"), after=4),
        stall(answer(" two three", reasoning=""), after=30),
        answer(" four", reasoning=""),
    )
    closed(send(talk, "Count!", "chat"))
    turn = stopped(rest(talk), "I go")
    assert (turn.status, turn.text) == ("interrupted", "one")
    assert "I go" in turn.replies[0].reasoning
    turn = stopped(rest(talk), "three")
    assert (turn.status, turn.text) == ("interrupted", "one two three")
    assert closed(rest(talk)).text == "one two three four"


def test_a_rest_that_says_nothing_ends_the_answer(
    server: OpenRouterServer, here: Session
) -> None:
    talk = here.conversation
    server.enqueue(
        answer("one", reasoning="", finish_reason="length"), answer("", reasoning="")
    )
    closed(send(talk, "Count!", "chat"))
    turn = closed(rest(talk))
    assert (turn.text, turn.finish_reason) == ("one", "stop")


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@every_protocol
def test_the_rest_may_call_functions(
    server: OpenRouterServer, here: Session, protocol: Protocol
) -> None:
    talk = here.conversation
    call = Call(name="add", arguments='{"a": 1, "b": 2}')
    server.enqueue(
        answer("one", reasoning="Hm.", finish_reason="length"),
        answer(" two", reasoning="So.", tool_calls=[call]),
        answer(" three", reasoning=""),
    )
    closed(send(talk, "Count!", protocol))
    options = here.options(talk, talk.unfinished_turn().overrides)
    turn = closed(talk.continue_answer(with_tools(options, to_tools([add]))))
    assert turn.text == "one two\n\n three"
    assert [reply.role for reply in turn.replies] == ["assistant", "tool", "assistant"]
    assert words(server.requests[2])[:2] == [
        ("user", "Count!"),
        ("assistant", "one two"),
    ]
    assert CONTINUE.text not in str(server.requests[2].body)


@pytest.mark.parametrize("way", ["undo", "branch"])
def test_what_builds_upon_the_answer_keeps_it_as_it_was(
    server: OpenRouterServer, here: Session, way: str
) -> None:
    talk = here.conversation
    server.enqueue(answer("one", reasoning="", finish_reason="length"))
    before = closed(send(talk, "Count!", "chat"))
    if way == "undo":
        closed(send(talk, "And?", "chat"))
        talk.undo()
    else:
        talk.use("other")
    server.enqueue(answer(" two"))
    turn = closed(rest(talk))
    assert turn.id != before.id
    assert [turn.text for turn in talk.turns] == ["one two"]
    aside = next(name for name in talk.tree.heads if name != talk.tree.branch)
    talk.use(aside)
    assert talk.turns[0] == before


def test_the_journal_has_the_whole_answer_while_the_rest_comes(
    server: OpenRouterServer, here: Session
) -> None:
    talk = here.conversation
    long = " ".join(f"word{number}" for number in range(400))
    server.enqueue(
        answer("one two ", reasoning="", finish_reason="length"),
        answer(long, reasoning="thought " * 300, pace_s=0.02),
    )
    closed(send(talk, "Count!", "chat"))

    def stood() -> Turn:
        return read_journal(written()[0]).conversations[0].tree.path()[0]

    with rest(talk) as stream:
        next(stream)
        assert stood().text == "one two "
        assert stood().status == "interrupted"
        for event in stream:
            assert stood().text.startswith("one two ")
            if (
                isinstance(event, PartDelta)
                and "thought" in stood().replies[0].reasoning
            ):
                break


def test_there_must_be_something_to_go_on_with(
    server: OpenRouterServer, here: Session
) -> None:
    with pytest.raises(StepError, match="nothing was asked yet"):
        run_subcommand("continue")
    closed(send(here.conversation, "Hi", "chat"))
    with pytest.raises(StepError, match="the last answer is complete"):
        run_subcommand("continue")
    assert len(server.requests) == 1


# On the screen


def test_the_answer_is_drawn_whole_and_bound(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    server.enqueue(
        answer("```python\nprint(1", reasoning="", finish_reason="length"),
        answer(" + 1)\n```\nDone.", reasoning=""),
    )
    step.run("%%step -e low -p api=messages\nSum?")
    assert "`%step continue` adds the rest" in step.printed
    step.run("%step continue")
    assert "print(1 + 1)\n" in step.printed
    assert "length limit" not in step.printed
    assert step["_step"].code == ["print(1 + 1)\n"]
    assert server.requests[1].path.endswith("/messages")
    assert server.requests[1].body["output_config"] == {"effort": "low"}


def test_a_fault_is_raised_and_names_the_way_on(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    server.enqueue(cut(answer("one two", reasoning=""), after=2), answer(" three"))
    with pytest.raises(StreamCut, match=r"`%step continue` continues from there"):
        step.run("%%step\nCount!")
    server.enqueue(error(402, "Insufficient credits"))
    step.run("%step continue")
    assert step["_step"].text.endswith(" three")
    with pytest.raises(StepError, match="is complete: there is nothing to continue"):
        step.run("%step continue")


def test_the_embedded_engine_is_asked_by_the_users_name(
    server: OpenRouterServer, here: Session
) -> None:
    server.enqueue(answer("one", reasoning="", finish_reason="length"))
    closed(send(here.conversation, "Count!", "chat"))
    run_subcommand("model local")
    talk, (options,) = prepare([Overrides()])
    assert _asked_before(talk, options).model == "local/smollm2"


# Alone


def broken(*parts: Part, **fields: Any) -> Turn:
    reply = Message(role="assistant", parts=parts, status="interrupted")
    return Turn(
        parent=None, prompt=user("Hi"), replies=(reply,), status="interrupted", **fields
    )


def whole(*parts: Part) -> list[StreamEvent]:
    """Return the events of a stream."""
    events: list[StreamEvent] = []
    for index, part in enumerate(parts):
        events += [PartStart(index=index, part=part), PartEnd(index=index, part=part)]
    return [*events, Finish(reason="stop")]


def resumed(turn: Turn, events: Iterable[StreamEvent]) -> Assembly:
    async def read() -> Assembly:
        source = ContinuedAnswer(Script(events), unfinished(turn))
        return assemble([event async for event in source.events()])

    return asyncio.run(read())


CALL = ToolCall(id="1", name="add")
ITEM = Opaque(kind="search", provider_metadata={"native": {"type": "search"}})
PICTURE = Image(url="https://example.org/a.png")


@pytest.mark.parametrize(
    ("before", "after", "kinds"),
    [
        # A function is called: the text is whole, and stands before it.
        ([Text(text="a")], [CALL], [Text, ToolCall]),
        (
            [Text(text="a")],
            [Text(text="b"), CALL, Text(text="c")],
            [Text, ToolCall, Text],
        ),
        # A call that was cut off stays, and is never answered.
        ([Text(text="a"), CALL], [Text(text="b")], [ToolCall, Text]),
        # Behind something else than thoughts, a text is another one.
        ([Text(text="a"), PICTURE], [Text(text="b")], [Text, Image, Text]),
        ([ITEM], [Text(text="b")], [Opaque, Text]),
        ([], [Text(text="b")], [Text]),
        ([Text(text=" ")], [Reasoning(text="r"), Text(text="b")], [Reasoning, Text]),
        ([Text(text="a"), Reasoning(text="r")], [Text(text="b")], [Reasoning, Text]),
    ],
)
def test_parts_are_joined_in_order(
    before: list[Part], after: list[Part], kinds: list[type[Part]]
) -> None:
    parts = resumed(broken(*before), whole(*after)).parts
    assert [type(part) for part in parts] == kinds
    texts = [part.text for part in (*before, *after) if isinstance(part, Text)]
    assert "".join(p.text for p in parts if isinstance(p, Text)) == "".join(texts)


def test_what_was_thought_is_sent_where_it_led_to_words() -> None:
    thought = Reasoning(text="r", provider_metadata={"native": {"text": "r"}})

    def unsent(before: list[Part]) -> list[bool]:
        parts = resumed(broken(*before), whole(thought, Text(text="b"))).parts
        return [
            "unsent" in part.provider_metadata
            for part in parts
            if isinstance(part, Reasoning)
        ]

    assert unsent([thought, Text(text="a")]) == [False, True]
    assert unsent([thought, Text(text="a"), thought]) == [False, True, True]
    assert unsent([thought]) == [True, False]
    assert unsent([thought, CALL]) == [True, False]
    assert unsent([thought, Text(text="\n")]) == [True, False]
    assert unsent([ITEM, thought]) == [True, True]


def test_what_a_text_has_beside_it_is_joined_too() -> None:
    one, two = (TokenLogprob(token=token, logprob=-1.0) for token in "ab")
    before = Text(text="a", logprobs=(one,), provider_metadata={"x": 1, "y": 1})
    after = Text(text="b", logprobs=(two,), provider_metadata={"y": 2})
    assert resumed(broken(before), whole(after)).parts == (
        Text(text="ab", logprobs=(one, two), provider_metadata={"x": 1, "y": 2}),
    )


def test_rounds_of_functions_stay_before_the_answer() -> None:
    asked = Message(role="assistant", parts=(CALL,))
    told = Message(role="tool", parts=(ToolResult(call_id="1", name="add"),))
    turn = broken(usage=Usage(prompt_tokens=3))
    for replies in ((asked, told), (asked, told, *turn.replies)):
        apart = unfinished(Turn(**{**fields(turn), "replies": replies}))
        assert apart.asked == (turn.prompt, asked, told)
        assert apart.rounds == (asked, told)
        assert apart.waiting().replies[:2] == (asked, told)
        said = Message(role="assistant", parts=(Text(text="b"),))
        rest = Turn(**{**fields(turn), "replies": (said,), "status": "complete"})
        assert apart.joined(rest).replies == (asked, told, said)


def fields(turn: Turn) -> dict[str, Any]:
    return {name: getattr(turn, name) for name in turn.__slots__}


def test_a_turn_without_a_reply_asks_the_same_again() -> None:
    turn = Turn(parent=None, prompt=user("Hi"), status="error")
    apart = unfinished(turn)
    assert apart.asked == (turn.prompt,)
    assert apart.overrides == Overrides()
    assert apart.waiting().status == "running"


def test_a_stop_shows_all_that_there_is() -> None:
    thought = Reasoning(text="r")
    script = Script([])
    source = ContinuedAnswer(script, unfinished(broken(thought, Text(text="a"))))
    assert source.held == Text(text="a")
    assert assemble(source.cut()).parts == (thought, Text(text="a"))
    assert source.cut() == []


def test_what_is_no_part_passes() -> None:
    notice = Notice(text="wait")

    async def read() -> list[StreamEvent]:
        script = Script([notice])
        source = ContinuedAnswer(script, unfinished(broken(Text(text="a"))))
        await source.ready()
        assert script.is_ready
        return [event async for event in source.events()]

    assert asyncio.run(read()) == [notice]
