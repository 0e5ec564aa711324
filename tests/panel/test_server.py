"""The server of the panels of a conversation: messages, errors, what is saved."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from openrouter_server import OpenRouterServer, answer, stall
from panel_pages import Page
from shell_fixtures import ShellUnderTest
from wires import Wire


def test_a_failure_to_send_is_reported_and_the_panel_continues(
    page: Page, server: OpenRouterServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> Iterator[dict[str, Any]]:
        raise ValueError(7)

    with monkeypatch.context() as patch:
        patch.setattr(page.server.state, "parts", broken)
        page.server.state.changed()
        page.wait(lambda: "fault" in page.state)
    assert page.state["fault"] == "A part could not be shown: ValueError: 7"
    server.enqueue(answer("It lives."))
    page.ask("ask", text="Still there?")
    (turn,) = page.wait_for_answers(1)
    assert "It lives." in turn["answer"]


def test_a_request_that_fails_is_reported_only_to_the_page(
    page: Page, step: ShellUnderTest, server: OpenRouterServer
) -> None:
    response = page.ask("ask", text="  ")
    assert response["kind"] == "failed"
    assert response["message"].startswith("nothing is asked.")
    assert "no variable" in page.ask("ask", text="?", names=["nothing"])["message"]
    step["key"] = server.key
    assert "key" in page.ask("ask", text="?", names=["key"])["message"]
    assert "older than" in page.ask("dance")["message"]
    assert "does not have this turn" in page.ask("regenerate", turn="none")["message"]
    assert "interrupt the kernel" in page.ask("stop", target="none")["message"]
    # An error of our own: this page sends fewer buffers than names.
    response = page.ask("ask", text="?", uploads=["a.txt"])
    assert response["message"].startswith("ValueError")
    assert server.requests == []


def test_a_page_that_is_opened_later_receives_everything(
    page: Page, server: OpenRouterServer
) -> None:
    server.enqueue(answer("One."), stall(answer("Two three.", reasoning=""), after=3))
    page.ask("ask", text="First?")
    page.wait_for_answers(1)
    page.ask("ask", text="And?")
    page.wait(lambda: any("Two" in json.dumps(each) for each in page.patches))
    later = Page(page.server)
    Wire.sent.clear()
    page._read = 0
    later.ask("ready")
    later.wait(lambda: len(later.shown) == 2)
    later.wait(lambda: any(each["patch"].get("complete") for each in later.patches))
    assert "One." in later.shown[0]["answer"]
    later.ask("stop", target=later.state["stoppable"][0])


def test_what_is_saved_follows_the_conversation(
    page: Page, server: OpenRouterServer, step: ShellUnderTest
) -> None:
    published: Any = step.shell.display_pub
    outputs = published.outputs
    first = outputs[0]
    assert set(first["data"]) == {"text/html", "text/plain"}
    assert "Nothing was asked yet." in first["data"]["text/html"]
    server.enqueue(answer("**Yes.**"))
    page.ask("ask", text="Is it?")
    page.wait(lambda: "Is it?" in outputs[-1]["data"]["text/html"])
    last = outputs[-1]
    assert last["update"]
    assert last["transient"] == first["transient"]
    assert "Is it?" in last["data"]["text/html"]
    assert "<strong>Yes.</strong>" in last["data"]["text/html"]


def test_in_other_front_ends_the_panel_has_its_own_output(
    page: Page, step: ShellUnderTest
) -> None:
    page.server.show(in_place=False)
    published: Any = step.shell.display_pub
    bundle = published.outputs[-1]["data"]
    view = bundle["application/vnd.jupyter.widget-view+json"]
    assert view["model_id"] == page.server.model.model_id
    assert "sm-for-" not in bundle["text/html"]
