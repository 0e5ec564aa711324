"""Questions from the panel: attachments, waiting, stopping, errors."""

from __future__ import annotations

import json

import pandas as pd  # type: ignore[import-untyped]  # it ships no types
import pytest

from image_samples import drawing, encoded
from openrouter_server import OpenRouterServer, answer, error, stall
from panel_pages import Page, texts
from shell_fixtures import ShellUnderTest
from stepmagic.session import session


def test_a_question_is_answered_in_the_panel_and_kept(
    page: Page, server: OpenRouterServer, step: ShellUnderTest
) -> None:
    server.enqueue(answer("**Yes.** It is so.\n\n- one", pace_s=0.02))
    assert page.ask("ask", text="Is it?")["kind"] == "done"
    (turn,) = page.wait_for_answers(1)
    assert turn["question"] == "Is it?"
    assert "<strong>Yes.</strong>" in turn["answer"]
    assert page.patches
    assert " ".join(page.speech) == "Yes. It is so. one"
    assert page.state["waiting"] == []
    assert "of 256,000 tokens" in page.state["settings"]["gauge"]
    # The turn is closed before its thread has bound the name.
    page.wait(lambda: "_step" in step.shell.user_ns)
    assert step["_step"].text.startswith("**Yes.**")
    assert session().last is step["_step"]


def test_a_second_question_waits_and_says_so(
    page: Page, server: OpenRouterServer
) -> None:
    server.enqueue(stall(answer("Long.", reasoning=""), after=2), answer("Short."))
    page.ask("ask", text="One?")
    page.wait(lambda: page.state.get("stoppable"))
    (first,) = page.state["stoppable"]
    second = page.send("ask", text="Two?")
    page.wait(lambda: page.state["waiting"] and page.state["waiting"][0]["status"])
    (waiting,) = page.state["waiting"]
    assert (waiting["id"], waiting["text"]) == (second, "Two?")
    assert waiting["status"] == "waiting for the turn before this one"
    for kind in ("regenerate", "edit", "switch", "new"):
        response = page.ask(kind, turn=first, text="Other?")
        assert response["message"] == (
            "an answer is being written. Wait until it is complete, or stop it."
        )
    page.ask("stop", target=first)
    page.wait(lambda: page.shown and page.shown[-1]["question"] == "Two?")
    page.wait(lambda: page.shown[-1]["status"] == "complete")
    page.wait(lambda: page.state["stoppable"] == [])
    assert page.state["waiting"] == []


def test_what_was_stopped_keeps_its_text(page: Page, server: OpenRouterServer) -> None:
    server.enqueue(stall(answer("One two three four.", reasoning=""), after=4))
    page.ask("ask", text="Count.")
    page.wait(lambda: any("One" in json.dumps(each) for each in page.patches))
    page.ask("stop", target=page.state["stoppable"][0])
    (turn,) = page.wait_for_answers(1)
    assert turn["status"] == "interrupted"
    assert "Stopped by you" in turn["answer"]


def test_a_question_that_is_stopped_before_any_text_can_be_put_back(
    page: Page, server: OpenRouterServer
) -> None:
    server.enqueue(answer("Never.", delay_s=30))
    id_ = page.send("ask", text="Hm?")
    page.wait(lambda: page.state.get("stoppable"))
    page.ask("stop", target=page.state["stoppable"][0])
    page.wait(lambda: page.state["waiting"] and page.state["waiting"][0]["fault"])
    (failed,) = page.state["waiting"]
    assert failed["text"] == "Hm?"
    assert failed["fault"] == "Stopped before any text was received."
    assert page.shown == []
    page.ask("dismiss", target=id_)
    page.wait(lambda: page.state["waiting"] == [])


def test_an_error_of_the_server_is_shown_with_the_question(
    page: Page, server: OpenRouterServer
) -> None:
    server.enqueue(error(402, "no credit"), answer("Now."))
    page.ask("ask", text="Hm?")
    page.wait(lambda: page.state["waiting"] and page.state["waiting"][0]["fault"])
    assert "no credit" in page.state["waiting"][0]["fault"]
    page.ask("ask", text="And now?")
    page.wait_for_answers(1)


def test_names_pictures_and_files_are_sent_as_a_cell_sends_them(
    page: Page, server: OpenRouterServer, step: ShellUnderTest
) -> None:
    step["sales"] = pd.DataFrame({"month": ["May", "June"], "sold": [3, 4]})
    step["rate"] = 7
    server.enqueue(answer("Seen."))
    picture = encoded(drawing(40, 30), "PNG")
    response = page.ask(
        "ask",
        (picture, b"a,b\n1,2\n", b"text"),
        text="Compare @sales, {{ rate }} and me@sales.example.",
        names=["rate"],
        uploads=["../pasted image.png", "table.csv", ""],
    )
    assert response["kind"] == "done", response
    (turn,) = page.wait_for_answers(1)
    said = texts(server)
    assert "Compare `sales`, 7 and me@sales.example." in said
    for words in ("June", "table.csv", "upload"):
        assert words in said
    kinds = [p["type"] for p in server.requests[-1].body["messages"][-1]["content"]]
    assert kinds.count("image_url") == 1
    for words in ("sales", "pasted image.png", "table.csv", "2 rows"):
        assert words in turn["attachments"]


def test_the_last_error_can_be_attached(
    page: Page, server: OpenRouterServer, step: ShellUnderTest
) -> None:
    with pytest.raises(ZeroDivisionError):
        step.run("1/0")
    server.enqueue(answer("Seen."))
    page.ask("ask", text="Why?", error=True)
    page.wait_for_answers(1)
    assert "ZeroDivisionError" in texts(server)
