"""What a turn answered, as the user holds it."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from stepmagic.conversation.reply import Code, Reply
from stepmagic.errors import StepError
from stepmagic.transcript import (
    Message,
    Origin,
    Part,
    Reasoning,
    Text,
    TokenLogprob,
    ToolCall,
    Turn,
    Usage,
    user,
)


def answer(*parts: Part | str, **details: Any) -> Reply:
    """Return the reply of a turn with one assistant message."""
    made = tuple(Text(text=part) if isinstance(part, str) else part for part in parts)
    message = Message(
        role="assistant",
        parts=made,
        origin=Origin(protocol="chat", model="a/b", provider="StepFun"),
    )
    details = {"status": "complete", "model": "a/b-0127", **details}
    return Reply(Turn(parent=None, prompt=user("q"), replies=(message,), **details))


def test_reply_reads_its_turn() -> None:
    usage = Usage(prompt_tokens=3, cost_usd=0.1)
    reply = answer(
        Reasoning(text="hm"),
        "yes",
        finish_reason="stop",
        generation_id="gen-1",
        usage=usage,
    )
    assert reply.text == str(reply) == "yes"
    assert reply.reasoning == "hm"
    assert reply.parts == (Reasoning(text="hm"), Text(text="yes"))
    assert reply.usage is usage
    assert (reply.model, reply.provider, reply.id) == ("a/b-0127", "StepFun", "gen-1")
    assert (reply.finish_reason, reply.status) == ("stop", "complete")


def test_turn_without_an_answer_is_read_as_empty() -> None:
    reply = Reply(Turn(parent=None, prompt=user("q"), status="error"))
    assert (reply.text, reply.reasoning, reply.parts) == ("", "", ())
    assert (reply.model, reply.provider, reply.id) == ("", None, None)
    assert (reply.code, reply.logprobs, reply.usage) == ([], (), Usage())
    assert reply.finish_reason is None


def test_replies_of_several_rounds_are_read_as_one() -> None:
    rounds = (
        Message(
            role="assistant",
            parts=(Reasoning(text="one"), ToolCall(id="1", name="f")),
            origin=Origin(protocol="chat", model="a/b", provider="First"),
        ),
        Message(role="tool", parts=()),
        Message(
            role="assistant",
            parts=(Reasoning(text="two"), Text(text="yes")),
            origin=Origin(protocol="chat", model="a/b", provider="Last"),
        ),
    )
    reply = Reply(Turn(parent=None, prompt=user("q"), replies=rounds))
    assert reply.reasoning == "one\n\ntwo"
    assert (reply.text, len(reply.parts), reply.provider) == ("yes", 4, "Last")


def test_code_blocks_know_their_language() -> None:
    text = "Try\n\n```python\nprint(1)\n```\n\nor\n\n~~~\nplain\n~~~\n"
    code = answer(text).code
    assert code == ["print(1)\n", "plain\n"]
    assert [block.language for block in code] == ["python", ""]


def test_code_is_text() -> None:
    code = Code("1", "python")
    assert isinstance(code, str)
    assert (code + "2", f"{code}", repr(code)) == ("12", "1", "'1'")
    copied = pickle.loads(pickle.dumps(code))  # noqa: S301 - our own bytes
    assert (copied, copied.language) == (code, "python")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": [1, null]}', {"a": [1, None]}),
        (" 7\n", 7),
        ('Here:\n\n```json\n{"a": 1}\n```\n', {"a": 1}),
        ("```\n[1]\n```", [1]),
    ],
)
def test_json_is_the_whole_text_or_its_only_block(text: str, value: Any) -> None:
    assert answer(text).json() == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "I cannot say.",
        "```json\n1\n```\n\n```json\n2\n```",
        "```json\n{\n```",
        "[" * 100_000,
    ],
)
def test_answer_that_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(StepError, match="the answer is not JSON") as caught:
        answer(text).json()
    assert "`-p response_format=json_object` asks for it" in str(caught.value)
    assert len(str(caught.value)) < 200


def test_only_a_long_answer_is_shortened_in_the_message() -> None:
    with pytest.raises(StepError, match=r"not JSON: 'No\.'\. "):
        answer("No.").json()
    with pytest.raises(StepError, match=r"not JSON: 'a{60}\.\.\.'\. "):
        answer("a" * 61).json()


def test_logprobs_are_those_of_the_text() -> None:
    one, two = (TokenLogprob(token=token, logprob=-1) for token in "ab")
    reply = answer(
        Text(text="a", logprobs=(one,)),
        Reasoning(text="hm"),
        Text(text="b", logprobs=(two,)),
    )
    assert reply.logprobs == (one, two)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("yes", "<Reply complete, 1 word, a/b-0127>"),
        ("yes, it is", "<Reply complete, 3 words, a/b-0127>"),
    ],
)
def test_repr_is_short(text: str, shown: str) -> None:
    assert repr(answer(text)) == shown
