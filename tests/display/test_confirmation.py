"""A question before a call, in a real kernel: asked, answered, and what is printed."""

from __future__ import annotations

from typing import Any

from kernels import KernelUnderTest, Ran, running_kernel
from openrouter_server import Call, OpenRouterServer, answer

WAIT_S = 60

FUNCTIONS = """
from stepmagic import tool

@tool(confirm=True)
def order(fruit: str) -> str:
    print("ordering", fruit)
    return "ordered"
"""


def reply_to_question(kernel: KernelUnderTest, words: str) -> str:
    """Answer what the cell asks; returns the question."""
    asked: Any = kernel.client.get_stdin_msg(timeout=WAIT_S)
    kernel.client.input(words)
    return str(asked["content"]["prompt"])


def test_a_call_is_asked_about_and_prints_into_its_cell(
    server: OpenRouterServer,
) -> None:
    calls = [Call(name="order", arguments='{"fruit": "pear"}')]
    settings = {"OPENROUTER_API_KEY": server.key, "STEPMAGIC_BASE_URL": server.url}
    with running_kernel(**settings) as kernel:
        kernel.check("%load_ext stepmagic")
        kernel.check(FUNCTIONS)
        told: list[Ran] = []
        for words in ("yes", "no"):
            server.enqueue(answer(tool_calls=calls), answer("Done."))
            request = kernel.send("%%step --tools order\nOrder pears.")
            question = reply_to_question(kernel, words)
            assert (
                question
                == 'The model wants to call order(fruit="pear"). Allow it? [y/N] '
            )
            told.append(kernel.finish(request))
        assert [ran.status for ran in told] == ["ok", "ok"]
        assert [ran.printed for ran in told] == ["ordering pear\n", ""]
    allowed, denied = (
        message["content"]
        for request in (server.requests[1], server.requests[3])
        for message in request.body["messages"][-1:]
    )
    assert allowed == "ordered"
    assert denied == "Error: the user did not allow this call."
