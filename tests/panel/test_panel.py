"""The object that a user creates to show a panel."""

from __future__ import annotations

from kernels import running_kernel
from openrouter_server import OpenRouterServer, answer
from shell_fixtures import ShellUnderTest
from stepmagic import Conversation
from stepmagic.panel import Panel


def test_a_panel_is_of_the_current_conversation_or_of_one_by_name() -> None:
    assert Panel().conversation == Conversation("main")
    assert repr(Panel("other")) == "<Panel of other>"
    assert Panel("other").conversation == Conversation("other")
    assert Panel(plots := Conversation()).conversation is plots


def test_without_a_kernel_there_is_no_panel(step: ShellUnderTest) -> None:
    step.run("%step panel")
    assert "needs a notebook" in step.printed


def test_an_executed_notebook_has_the_turns_as_readable_text(
    server: OpenRouterServer,
) -> None:
    settings = {"OPENROUTER_API_KEY": server.key, "STEPMAGIC_BASE_URL": server.url}
    with running_kernel(**settings, STEPMAGIC_LIVE="off") as kernel:
        kernel.check("%load_ext stepmagic")
        kernel.check("from stepmagic import Panel")
        saved = []
        for question in ("One?", "Two?"):
            server.enqueue(answer("**Yes.**"))
            kernel.run(f"%%step\n{question}")
            (bundle,) = kernel.run("Panel()").shown
            saved.append(bundle)
    texts = [bundle["text/plain"] for bundle in saved]
    assert texts == ["main: 1 turn", "main: 2 turns"]
    assert set(saved[1]) == {"text/html", "text/plain"}
    for words in ("One?", "Two?", "<strong>Yes.</strong>"):
        assert words in saved[1]["text/html"]
