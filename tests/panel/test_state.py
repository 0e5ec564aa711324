"""What the pages of a panel have to know, and when they receive it."""

from __future__ import annotations

import pytest

from openrouter_server import OpenRouterServer, answer
from panel_pages import Page, opened_page, publisher
from shell_fixtures import ShellUnderTest
from stepmagic.panel.state import Speech
from stepmagic.session import session
from stepmagic.transcript import Message, Text, Turn, user
from wires import Wire, said


def test_cells_and_the_panel_are_one_conversation(
    page: Page, server: OpenRouterServer, step: ShellUnderTest
) -> None:
    server.enqueue(answer("First."), answer("Second."))
    step.shell.display_pub = publisher()
    step.run("%%step\nOne?")
    page.wait_for_answers(1)
    page.ask("ask", text="Two?")
    page.wait_for_answers(2)
    assert [turn.text for turn in session().conversation.turns] == ["First.", "Second."]
    said = [m["content"] for m in server.requests[-1].body["messages"][1:]]
    assert said == ["One?", "First.", "Two?"]


def test_a_panel_opened_during_an_answer_shows_it_when_it_is_complete(
    step: ShellUnderTest, server: OpenRouterServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversation = session().conversation
    server.enqueue(answer("One two three four five.", reasoning="", pace_s=0.2))
    options = session().options(conversation)
    next(conversation.send(user("Count."), options))
    with opened_page(step, monkeypatch) as page:
        page.wait(lambda: page.shown)
        assert "An answer is being written" in page.shown[0]["answer"]
        (turn,) = page.wait_for_answers(1)
        assert "five." in turn["answer"]
        assert page.patches == []


def test_many_turns_are_sent_in_several_messages_the_last_first(page: Page) -> None:
    tree = session().conversation.tree
    for number in range(120):
        reply = Message(role="assistant", parts=(Text(text=f"Reply {number}."),))
        tree.add(
            Turn(
                id=str(number),
                parent=tree.head,
                prompt=user(f"Question {number}?"),
                replies=(reply,),
                status="complete",
            )
        )
    page.ask("ready")
    page.wait(lambda: len(page.shown) == 120)
    held = [
        [turn["id"] for turn in part["turns"]]
        for message in said(Wire.sent)
        for part in message["parts"]
        if part["kind"] == "turns"
    ]
    assert [len(ids) for ids in held] == [20] * 6
    assert held[0][-1] == "119"


def test_speech_is_complete_sentences_without_markup_or_code() -> None:
    speech = Speech()
    text = "# Title\n\n**One** is `so`. Two"
    assert speech.more(text) == "Title One is so ."
    text += " too: $x$\n\n```python\nx = 1. "
    assert speech.more(text) == "Two too: x Code python."
    text += "\n```\n- last"
    assert speech.more(text) == ""
    assert speech.more(text, is_complete=True) == "last"
