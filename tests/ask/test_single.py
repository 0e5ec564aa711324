"""``step()`` from Python, in a shell and in a plain script."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

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

ASK = "from stepmagic import step, Conversation\n"


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


def test_a_conversation_may_be_given_or_named(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    step.run(ASK + "talk = Conversation()\nstep('Mine?', conversation=talk)")
    step.run("step('Named?', conversation='named')")
    assert [turn.prompt.text for turn in step["talk"].turns] == ["Mine?"]
    assert list(session().conversations) == ["main", "named"]
    assert session().current == "main"
    assert len(server.requests) == 2


def test_values_go_before_the_text(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    step["three"] = "and three"
    step.run(ASK + "step('Sum?', [1, 2], three)")
    content = server.requests[0].body["messages"][-1]["content"]
    first, second, asked = (part["text"] for part in content)
    assert first.startswith("`attachment 1`, list")
    assert "]\n[1, 2]\n[end " in first
    assert second.startswith("`three`, str")
    assert asked == "Sum?"


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


def test_a_plain_script_gets_the_reply_alone(server: OpenRouterServer) -> None:
    server.enqueue(answer("From a script."))
    code = ASK + "reply = step('Hi')\nassert reply.text == 'From a script.', reply"
    run = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-W", "error", "-c", code],
        env={
            "HOME": os.environ["HOME"],
            "OPENROUTER_API_KEY": server.key,
            "STEPMAGIC_BASE_URL": server.url,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def test_replies_and_conversations_have_short_reprs(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    server.enqueue(answer("Two words."))
    step.run(ASK + "r = step('Hi')")
    assert repr(step["r"]).startswith("<Reply complete, 2 words, ")
    assert str(step["r"]) == "Two words."
    assert repr(Conversation("main")).startswith("<Conversation 'main': 1 turn, ")
