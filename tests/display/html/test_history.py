"""A conversation as a transcript: answers, costs, and where branches leave."""

from __future__ import annotations

from stepmagic.display.html.history import history_bundle
from stepmagic.transcript import (
    Message,
    Origin,
    Reasoning,
    Text,
    Turn,
    TurnTree,
    Usage,
    user,
)


def turn(name: str, parent: str | None, beside: str | None = None) -> Turn:
    parts = (Reasoning(text="Hm, hm."), Text(text=f"**{name}**"))
    origin = Origin(protocol="chat", model="m")
    return Turn(
        id=name,
        parent=parent,
        prompt=user(f"{name}? <b>"),
        status="complete",
        effort={"low": "low", "high": "high"}.get(name),
        beside=beside,
        usage=Usage(cost_usd=0.25),
        replies=(Message(role="assistant", parts=parts, origin=origin),),
    )


def grown() -> TurnTree:
    """Return a tree: one, then two answers side by side, and one more on the second."""
    tree = TurnTree()
    tree.add(turn("one", None))
    for name in ("low", "high"):
        tree.add(turn(name, "one", beside="low"))
    tree.add(turn("last", "high"))
    tree.move("low", "main-2")
    tree.move("one", "fork")
    tree.move(None, "fresh")
    return tree


def test_text_says_where_each_branch_leaves_and_ends() -> None:
    text = history_bundle("main", grown())["text/plain"]
    assert text.startswith("Branch fresh ends here: %step use fresh\n\n1. You\n> one?")
    fork = text.index("Branch fork ends here: %step use fork")
    leaves = text.index(
        "Branch main-2 starts here, 1 turn beginning with 'low? <b>', effort"
    )
    side = text.index("2. You · answer 2 of 2 side by side · effort high")
    assert text.index("**one**") < min(fork, leaves) < max(fork, leaves) < side
    assert "(thought: 2 words)\n**one**\n($0.25)" in text
    assert text.endswith("main: 3 turns, $0.75")


def test_html_folds_the_reasoning_and_shows_no_markup_of_a_prompt() -> None:
    html = history_bundle("talk", grown())["text/html"]
    assert html.count("<details") == 3
    assert "<code>%step use main-2</code>" in html
    assert "<b>" not in html
    assert "talk, branch main: 3 turns" in html


def test_an_empty_conversation_says_so() -> None:
    tree = TurnTree()
    assert history_bundle("main", tree)["text/plain"] == "main: nothing asked yet"
    tree.add(turn("one", None))
    tree.move(None)
    tree.move("one", "main-2")
    text = history_bundle("main", tree)["text/plain"]
    assert "Branch main-2 starts here, 1 turn" in text
    assert text.endswith("main: nothing asked yet on branch main")


def test_answers_that_nothing_tells_apart_are_numbered() -> None:
    tree = TurnTree()
    for name in ("a", "b"):
        tree.add(turn(name, None, beside="a"))
    text = history_bundle("main", tree)["text/plain"]
    assert "1. You · answer 2 of 2 side by side\n" in text
