"""Bare ``%step``: where things stand."""

from __future__ import annotations

from cards import rows
from openrouter_server import OpenRouterServer, Tokens, answer
from shell_fixtures import ShellUnderTest
from stepmagic.magics.subcommands import run_subcommand
from stepmagic.settings import DEFAULT_SYSTEM, current
from stepmagic.transcript.usage import estimate_messages

PROMPT = estimate_messages([], DEFAULT_SYSTEM)
LIMIT = "`%config StepMagic.max_cost_usd`"


def test_status_of_a_new_kernel() -> None:
    assert rows("") == {
        "model": ("stepfun/step-3.7-flash",),
        "effort": ("medium",),
        "protocol": ("chat, at https://openrouter.ai/api/v1",),
        "parameters": ("none set",),
        "conversation": ("main, 0 turns",),
        "branch": ("main",),
        "context": (f"about {PROMPT} tokens of 256,000 (under 1%)",),
        "estimates": ("not yet compared with counts, margin 20%",),
        "cost": ("$0 in this conversation, $0 in this kernel",),
        "limits": (f"no cost limit ({LIMIT}), 120 s of silence, retries: 3",),
        "journal": ("begins with the first turn",),
        "cassette": ("none: `%step cassette FILE` records and replays",),
        "key": ("none: `%step key` enters one",),
    }


def test_status_after_a_turn(server: OpenRouterServer, step: ShellUnderTest) -> None:
    current().parameters = {"seed": 1, "reasoning": {"max_tokens": 2000}}
    server.enqueue(answer("Yes."))
    step.run("%%step -c plots\nIs it?")
    step.run("%step use plots")
    status = rows("")
    assert status["conversation"] == ("plots, 1 turn",)
    assert status["effort"] == ("max_tokens=2000",)
    assert status["parameters"] == ("seed=1",)
    assert status["cost"][0].startswith("$0.0")
    assert status["key"] == ("environment variable OPENROUTER_API_KEY",)
    assert server.key not in repr(run_subcommand(""))


def test_status_counts_what_was_set_aside(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    server.enqueue(answer("Yes.", usage=Tokens(prompt=1200, completion=34)))
    step.run("%%step\nIs it?")
    before = rows("")
    step.run("%step new")
    after = rows("")
    assert after["conversation"] == ("main, 0 turns of 1 on all branches",)
    assert after["cost"] == before["cost"]
    assert not after["cost"][0].startswith("$0 ")
    assert before["estimates"][0].startswith("estimated ")
    assert before["estimates"][0].endswith("too low in the last question")
    assert ", counted 1,200: " in before["estimates"][0]
    assert before["context"][0].startswith("about 1,234 tokens of 256,000")
    assert after["context"] == (f"about {PROMPT} tokens of 256,000 (under 1%)",)


def test_status_names_the_limits_and_what_an_answer_was_worth(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    current().max_cost_usd = 0.5
    current().total_timeout_s = 60
    server.enqueue(answer("Yes.", usage=Tokens(prompt=100_000, completion=10_000)))
    step.run("%%step --once\nIs it?")
    status = rows("")
    assert status["limits"] == (
        "$0.50 in this kernel, 120 s of silence, 60 s for an answer, retries: 1",
    )
    assert status["cost"] == ("$0 in this conversation, $0.032 in this kernel",)


def test_status_of_an_unknown_model() -> None:
    current().model = "who/knows"
    status = rows("")
    assert status["effort"] == ("none sent",)
    assert status["context"] == (f"about {PROMPT} tokens",)


def test_status_of_the_embedded_model() -> None:
    current().model = "local"
    status = rows("")
    assert status["model"] == ("local/smollm2",)
    assert status["protocol"] == ("chat, at the embedded engine",)


def test_bare_step_shows_a_card(step: ShellUnderTest) -> None:
    step.run("%step")
    [shown] = step.shown
    assert "stepfun/step-3.7-flash" in shown["text/html"]
    assert "stepfun/step-3.7-flash" in shown["text/plain"]
