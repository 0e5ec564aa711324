"""Turns, usage, and the tree that turns grow in."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepmagic.transcript import Message, Reasoning, Text, Turn, TurnTree, Usage, user
from transcript_strategies import usages


def turn(id_: str, parent: str | None = None) -> Turn:
    return Turn(id=id_, parent=parent, prompt=user(id_), started_at=0)


def grown(*ids: str) -> TurnTree:
    tree = TurnTree()
    for id_ in ids:
        tree.add(turn(id_, tree.head))
    return tree


def test_usages_add_up() -> None:
    whole = Usage(prompt_tokens=1, completion_tokens=2, cost_usd=0.5) + Usage(
        prompt_tokens=10, reasoning_tokens=3, cached_tokens=4, cost_usd=0.25
    )
    assert whole == Usage(
        prompt_tokens=11,
        completion_tokens=2,
        reasoning_tokens=3,
        cached_tokens=4,
        cost_usd=0.75,
        context_tokens=10,
    )


@pytest.mark.parametrize(
    ("costs", "whole"),
    [((None, None), None), ((0.5, None), 0.5), ((None, 0.5), 0.5), ((0.0, None), 0.0)],
)
def test_cost_of_one_side_stands_alone(
    costs: tuple[float | None, float | None], whole: float | None
) -> None:
    first, second = costs
    assert (Usage(cost_usd=first) + Usage(cost_usd=second)).cost_usd == whole


@given(usages, usages)
def test_usages_add_up_in_either_order(first: Usage, second: Usage) -> None:
    one, other = first + second, second + first
    # The context is that of the later request.
    assert replace(one, context_tokens=0) == replace(other, context_tokens=0)
    assert one.context_tokens == (second.held_tokens or first.held_tokens)


def test_turn_reads_its_replies() -> None:
    replies = (
        Message(role="assistant", parts=(Reasoning(text="hm"), Text(text="a"))),
        Message(role="assistant", parts=(Text(text="b"),)),
    )
    whole = Turn(parent=None, prompt=user("q"), replies=replies)
    assert whole.text == "a\n\nb"
    assert whole.messages == (user("q"), *replies)
    assert not whole.is_empty


def test_turn_is_empty_without_a_part() -> None:
    silent = Message(role="assistant", parts=())
    assert Turn(parent=None, prompt=user("q")).is_empty
    assert Turn(parent=None, prompt=user("q"), replies=(silent,)).is_empty


def test_turns_have_ids_of_their_own() -> None:
    assert Turn(parent=None, prompt=user("q")).id != Turn(parent=None, prompt=user()).id


def test_added_turn_becomes_the_head() -> None:
    tree = grown("a", "b")
    assert tree.head == "b"
    assert [step.id for step in tree.path()] == ["a", "b"]


def test_turn_needs_its_parent_in_the_tree() -> None:
    with pytest.raises(ValueError, match="the parent 'z' of turn 'a' is not there"):
        TurnTree().add(turn("a", "z"))


def test_turn_is_added_once() -> None:
    with pytest.raises(ValueError, match="turn 'a' is in the tree already"):
        grown("a").add(turn("a"))


def test_refused_turn_leaves_the_tree_as_it_was() -> None:
    tree = grown("a")
    with pytest.raises(ValueError, match="not there"):
        tree.add(turn("b", "z"))
    assert tree == grown("a")


def test_turn_is_replaced_where_it_stands() -> None:
    tree = grown("a", "b")
    newer = Turn(id="a", parent=None, prompt=user("newer"))
    tree.replace(newer)
    assert tree.path()[0] is newer
    assert tree.head == "b"
    with pytest.raises(KeyError):
        tree.replace(turn("z"))


def test_head_moves_back_and_the_rest_stays() -> None:
    tree = grown("a", "b")
    tree.move("a")
    tree.add(turn("c", "a"))
    assert [step.id for step in tree.path()] == ["a", "c"]
    assert [step.id for step in tree.path("b")] == ["a", "b"]
    assert [step.id for step in tree.children("a")] == ["b", "c"]


def test_branches_have_heads_of_their_own() -> None:
    tree = grown("a", "b")
    tree.move("a", "other")
    assert tree.heads == {"main": "b", "other": "a"}
    assert tree.head == "b"
    tree.move(None)
    assert tree.heads == {"main": None, "other": "a"}
    assert tree.path() == []


def test_branch_may_have_an_empty_name() -> None:
    tree = grown("a")
    tree.move(None, "")
    assert tree.heads == {"main": "a", "": None}


def test_head_must_be_in_the_tree() -> None:
    with pytest.raises(KeyError):
        grown("a").move("z")
    with pytest.raises(KeyError):
        grown("a").path("z")


@given(st.lists(st.integers(min_value=-1, max_value=9), max_size=10))
def test_every_path_begins_without_a_parent(parents: list[int]) -> None:
    """Each turn goes under an earlier one, or under none."""
    tree = TurnTree()
    for number, earlier in enumerate(parents):
        under = str(earlier % number) if earlier >= 0 and number else None
        tree.add(turn(str(number), under))
    for head in tree.turns:
        path = tree.path(head)
        assert [step.parent for step in path] == [None, *(step.id for step in path)][
            :-1
        ]
        assert path[-1].id == head
