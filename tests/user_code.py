"""A user's program as type checkers see it: ``test_typing.py`` has it checked, not run.

Each ``assert_type`` names the type that both checkers have to find.
"""

from __future__ import annotations

import enum
from collections.abc import AsyncGenerator, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypedDict, assert_type

import stepmagic
from stepmagic import (
    Code,
    ConfirmTool,
    Conversation,
    File,
    Finish,
    Image,
    Interrupted,
    Json,
    Logprobs,
    Message,
    Notice,
    Opaque,
    Panel,
    Part,
    PartDelta,
    PartEnd,
    PartStart,
    Preview,
    Reasoning,
    Records,
    Replies,
    Reply,
    ReplyDict,
    Retry,
    StepError,
    StreamEvent,
    Text,
    TokenLogprob,
    ToolCall,
    ToolEnd,
    ToolResult,
    ToolStart,
    Turn,
    Usage,
    UsageReport,
    Video,
    abatch,
    astep,
    batch,
    preview,
    step,
    tool,
    user,
)
from stepmagic.errors import ServerError, ValueMisfit


@dataclass
class Sale:
    """A record."""

    month: str
    sold: int


class Review(TypedDict):
    """A record as a dict."""

    text: str
    stars: int


class Mood(enum.Enum):
    """One of two."""

    KIND = "kind"
    UNKIND = "unkind"


class Frame:
    """What has columns, as a DataFrame has."""

    columns: Sequence[str] = ("review",)


@tool
def search(words: str) -> list[str]:
    return [words]


@tool(confirm=True)
def delete(path: str) -> bool:
    return bool(path)


def add(a: int, b: int) -> int:
    return a + b


def tools() -> None:
    assert_type(search("a"), list[str])
    assert_type(delete("a"), bool)
    assert_type(tool(add, name="plus")(1, 2), int)
    step("Search!", tools=[search, delete, add])


def one_answer() -> None:
    reply = step("Why?", [1, 2], effort="low", max_tokens=300, temperature=0.5)
    assert_type(reply, Reply)
    assert_type(reply.text, str)
    assert_type(reply.reasoning, str)
    assert_type(reply.code, list[Code])
    assert_type(reply.code[0].language, str)
    assert_type(reply.tables, list[object])
    assert_type(reply.value, object)
    assert_type(reply.json(), Json)
    assert_type(reply.parts, tuple[Part, ...])
    assert_type(reply.logprobs, Logprobs)
    assert_type(reply.logprobs[0], TokenLogprob)
    assert_type(reply.usage, Usage)
    assert_type(reply.usage.prompt_tokens, int)
    assert_type(reply.cost_usd, float | None)
    assert_type(reply.duration_s, float | None)
    assert_type(reply.model, str)
    assert_type(reply.provider, str | None)
    assert_type(reply.id, str | None)
    assert_type(reply.turn, Turn)
    assert_type(reply.to_dict(), ReplyDict)
    assert_type(reply.to_dict()["completion_tokens"], int)
    if reply.status == "complete" and reply.finish_reason == "stop":
        repr(reply)


def typed_answers() -> None:
    assert_type(step("?", schema=Sale), Reply[Sale])
    assert_type(step("?", schema=Sale).value.sold, int)
    assert_type(step("?", schema=Review).value["stars"], int)
    assert_type(step("?", schema=Mood).value, Mood)
    assert_type(step("?", schema=int).value, int)
    assert_type(step("?", schema=dict[str, int]).value, dict[str, int])
    sales = step("?", schema=list[Sale]).value
    assert_type(sales, Records[Sale])
    assert_type([sale.sold for sale in sales], list[int])
    assert_type(sales.to_frame(), object)
    # What type checkers do not take for a type is an object, to be looked at.
    for value in (
        step("?", schema=int | None).value,
        step("?", schema=Literal["yes", "no"]).value,
        step("?", schema={"type": "object"}).value,
    ):
        assert_type(value, object)
        if isinstance(value, int):
            repr(value + 1)


def side_by_side(models: str | list[str]) -> None:
    replies = step("?", effort=["low", "high"])
    assert_type(replies, Replies)
    assert_type(replies[0], Reply)
    assert_type(replies.text, tuple[str, ...])
    assert_type(replies.cost_usd, float | None)
    assert_type(step("?", model=["a", "b"], schema=Sale), Replies[Sale])
    assert_type(step("?", model=["a", "b"], effort=["low"], schema=int).value[0], int)
    assert_type(step("?", model=models), Reply | Replies)


def length(reply: Reply) -> int:
    return len(reply.text)


def sold(reply: Reply[Sale]) -> int:
    return length(reply) + reply.value.sold


def errors() -> None:
    try:
        repr(sold(step("?", schema=Sale)))
    except ValueMisfit as error:
        assert_type(error.problem, str)
    except ServerError as error:
        assert_type(error.retry_after_s, float | None)
    except (StepError, Interrupted) as error:
        repr(error)


def conversations(path: Path) -> None:
    talk = Conversation("plots", system="Be brief.", model="a/b", effort="low")
    assert_type(talk.ask("?"), Reply)
    assert_type(talk.ask("?", schema=Sale).value, Sale)
    assert_type(talk.ask("?", schema=list[Sale]).value, Records[Sale])
    assert_type(talk.ask("?", effort=["low", "high"], schema=Sale), Replies[Sale])
    assert_type(talk.name, str | None)
    assert_type(talk.turns, list[Turn])
    assert_type(talk.turns[0].text, str)
    assert_type(talk.messages, tuple[Message, ...])
    assert_type(talk.system, str)
    assert_type(talk.model, str)
    assert_type(talk.effort, str | None)
    assert_type(talk.cost_usd, float)
    talk.system = talk.model = talk.effort = None
    assert_type(talk.undo(2), list[Turn])
    assert_type(talk.redo(), Turn | None)
    assert_type(talk.branches, tuple[str, ...])
    assert_type(talk.use("other"), bool)
    assert_type(talk.fork(), Conversation)
    talk.new()
    talk.save(path)
    assert_type(Conversation.load(path, name="plots"), Conversation)
    again = Conversation.from_openai([{"role": "user", "content": "Hi"}])
    assert_type(again.to_openai(), list[dict[str, Json]])
    step("?", conversation=again)
    step("?", conversation="plots", once=True)
    assert_type(Panel(again).conversation, Conversation)


def events(talk: Conversation) -> None:
    stream = talk.stream("?", effort="low")
    assert_type(stream, Generator[StreamEvent, None, None])
    for event in stream:
        match event:
            case PartDelta(text=text):
                assert_type(text, str)
            case PartStart(part=part) | PartEnd(part=part):
                repr(kind(part))
            case UsageReport(usage=usage):
                assert_type(usage.cost_usd, float | None)
            case Finish(error=error):
                assert_type(error, StepError | None)
            case Retry(wait_s=wait_s) | ToolEnd(time_s=wait_s):
                assert_type(wait_s, float)
            case Notice(text=text):
                repr(text)
            case ToolStart(call=call) | ConfirmTool(call=call):
                assert_type(call, ToolCall)


def kind(part: Part) -> str:
    match part:
        case Text() | Reasoning():
            return part.text
        case Image() | Video() | File():
            return part.media_type
        case ToolCall() | ToolResult():
            return part.name
        case Opaque():
            return part.kind


async def asynchronously(talk: Conversation) -> None:
    assert_type(await astep("?"), Reply)
    assert_type((await astep("?", schema=Sale)).value, Sale)
    assert_type(await talk.aask("?", schema=list[Sale]), Reply[Records[Sale]])
    stream = talk.astream(user("Is it?"))
    assert_type(stream, AsyncGenerator[StreamEvent, None])
    async for event in stream:
        repr(event)
    assert_type(await abatch(Frame(), "{{ review }}?"), Frame)


def tables() -> None:
    assert_type(batch(Frame(), "Kind? {{ review }}", schema=Mood), Frame)
    assert_type(batch(["a", "b"], "Kind? {{ review }}"), object)
    shown = preview([{"a": 1}])
    assert_type(shown, Preview)
    assert_type(shown.tokens, int)
    assert_type(shown.text, str)


assert_type(stepmagic.__version__, str)
