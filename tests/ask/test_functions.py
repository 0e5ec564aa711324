"""The functions that ask from code."""

from __future__ import annotations

import os
import subprocess
import sys

from asked_questions import ASK
from openrouter_server import OpenRouterServer, answer
from shell_fixtures import ShellUnderTest
from stepmagic.session import session


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
