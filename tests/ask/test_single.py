"""``step()`` from Python, in a shell and in a plain script."""

from __future__ import annotations

import pytest

from asked_questions import ASK
from openrouter_server import OpenRouterServer, answer, cut
from shell_fixtures import ShellUnderTest
from stepmagic import Conversation
from stepmagic.errors import (
    AttachmentError,
    SettingError,
    StreamCut,
    UnsupportedOption,
)
from stepmagic.session import session


def test_it_returns_the_reply_and_keeps_it(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    server.enqueue(answer("Yes.", reasoning="Hm."))
    step.run(ASK + "r = step('Is it?', effort='low', max_tokens=300)")
    reply = step["r"]
    assert (reply.text, reply.reasoning, reply.status) == ("Yes.", "Hm.", "complete")
    assert reply.usage.cost_usd is not None
    assert step["_step"].turn is reply.turn
    assert server.requests[0].body["max_tokens"] == 300


def test_a_loop_is_one_conversation(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    step.run(ASK + "for n in range(3):\n    step(f'Number {n}?')")
    assert "Number 0?" in str(server.requests[2].body)
    assert len(session().conversation.turns) == 3


def test_what_cannot_be_sent_is_refused(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    with pytest.raises(AttachmentError, match="attachment 1"):
        step.run(ASK + "step('What?', object())")
    with pytest.raises(UnsupportedOption, match=r"does not reason|does not accept"):
        step.run("step('What?', model='local/smollm2', effort='high')")
    assert not server.requests


def test_a_list_of_no_effort_is_refused(step: ShellUnderTest) -> None:
    with pytest.raises(SettingError, match="an empty list"):
        step.run(ASK + "step('What?', effort=[])")


def test_a_broken_answer_raises_and_what_came_is_the_last_reply(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    words = answer("one two three four five six", reasoning="")
    server.enqueue(cut(words, after=5))
    with pytest.raises(StreamCut):
        step.run(ASK + "r = step('Count!')")
    assert step["_step"].status == "error"
    assert step["_step"].text.startswith("one")


def test_replies_and_conversations_have_short_reprs(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    server.enqueue(answer("Two words."))
    step.run(ASK + "r = step('Hi')")
    assert repr(step["r"]).startswith("<Reply complete, 2 words, ")
    assert str(step["r"]) == "Two words."
    assert repr(Conversation("main")).startswith("<Conversation 'main': 1 turn, ")
