"""What a page may request: branches, settings, previews, copies."""

from __future__ import annotations

import pandas as pd  # type: ignore[import-untyped]  # it ships no types

from openrouter_server import OpenRouterServer, answer
from panel_pages import Page, texts
from shell_fixtures import ShellUnderTest
from stepmagic.session import session


def test_a_preview_shows_the_request_and_sends_nothing(
    page: Page, server: OpenRouterServer
) -> None:
    response = page.ask("preview", text="Is it?", names=[], uploads=[])
    assert "Not sent" in response["html"]
    assert "Is it?" in response["html"]
    assert server.requests == []


def test_a_question_is_edited_and_asked_again_and_both_answers_stay(
    page: Page, server: OpenRouterServer, step: ShellUnderTest
) -> None:
    step["sales"] = pd.DataFrame({"sold": [3, 4]})
    server.enqueue(answer("One."), answer("Two."), answer("Three."))
    page.ask("ask", text="First?", names=["sales"])
    (turn,) = page.wait_for_answers(1)
    page.ask("edit", turn=turn["id"], text="Second?")
    page.wait(lambda: page.shown and page.shown[0]["id"] != turn["id"])
    (edited,) = page.wait_for_answers(1)
    assert edited["question"] == "Second?"
    assert "sales" in edited["attachments"]
    assert "First?" not in texts(server)
    page.ask("regenerate", turn=edited["id"])
    page.wait(lambda: page.shown and page.shown[0]["answer"].count("Three."))
    ((_, siblings),) = page.state["order"]
    assert siblings[:2] == [turn["id"], edited["id"]]
    assert page.ask("edit", turn=turn["id"], text=" ")["kind"] == "done"
    page.wait(lambda: len(server.requests) == 4)


def test_a_page_goes_to_the_branch_of_a_sibling_and_back(
    page: Page, server: OpenRouterServer
) -> None:
    server.enqueue(*map(answer, ("One.", "More.", "Two.")))
    page.ask("ask", text="First?")
    (first,) = page.wait_for_answers(1)
    page.ask("ask", text="And?")
    page.wait_for_answers(2)
    page.ask("regenerate", turn=first["id"])
    page.wait(lambda: len(page.shown) == 1 and "Two." in page.shown[0]["answer"])
    second = page.shown[0]["id"]
    assert page.ask("switch", turn=first["id"])["kind"] == "done"
    page.wait(lambda: [t["question"] for t in page.shown] == ["First?", "And?"])
    assert session().conversation.tree.branch != "main"
    page.ask("switch", turn=second)
    page.wait(lambda: [t["id"] for t in page.shown] == [second])


def test_a_turn_that_was_undone_can_be_shown_again(
    page: Page, server: OpenRouterServer
) -> None:
    server.enqueue(*map(answer, ("One.", "Two.")))
    page.ask("ask", text="First?")
    page.wait_for_answers(1)
    page.ask("ask", text="And?")
    first = page.wait_for_answers(2)[0]
    session().conversation.undo(2)
    page.wait(lambda: page.shown == [])
    page.ask("switch", turn=first["id"])
    page.wait(lambda: len(page.shown) == 2)


def test_a_conversation_starts_afresh(page: Page, server: OpenRouterServer) -> None:
    server.enqueue(answer("One."))
    page.ask("ask", text="First?")
    page.wait_for_answers(1)
    assert "stay on a branch" in page.ask("new")["message"]
    page.wait(lambda: page.shown == [])


def test_model_effort_and_system_prompt_are_those_of_the_conversation(
    page: Page, server: OpenRouterServer
) -> None:
    assert page.state["settings"]["effort"] == "medium"
    page.ask("set", name="effort", value="low")
    page.ask("set", name="system", value="Be brief.")
    page.wait(lambda: page.state["settings"]["system"] == "Be brief.")
    assert page.state["settings"]["effort"] == "low"
    server.enqueue(answer("Yes."))
    page.ask("ask", text="Is it?")
    page.wait_for_answers(1)
    body = server.requests[-1].body
    assert body["reasoning"]["effort"] == "low"
    assert body["messages"][0]["content"] == "Be brief."
    page.ask("set", name="model", value="local")
    page.wait(lambda: page.state["settings"]["model"] == "local/smollm2")
    assert page.state["settings"]["efforts"] == []
    page.ask("set", name="model", value="some/other")
    page.wait(lambda: page.state["settings"]["model"] == "some/other")
    assert page.state["settings"]["models"][0] == "some/other"
    assert page.ask("set", name="colour", value="red")["kind"] == "failed"


def test_an_answer_is_copied_as_markdown(page: Page, server: OpenRouterServer) -> None:
    server.enqueue(answer("**Yes** <script>."))
    page.ask("ask", text="Is it?")
    (turn,) = page.wait_for_answers(1)
    assert page.ask("copy", turn=turn["id"])["text"] == "**Yes** &lt;script>.\n"
