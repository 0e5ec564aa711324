"""The saved form: what is written is read back the same; what is damaged is refused."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stepmagic.errors import TranscriptError
from stepmagic.transcript import (
    VERSION,
    File,
    Image,
    Message,
    Origin,
    Part,
    Reasoning,
    Text,
    TokenLogprob,
    ToolCall,
    ToolResult,
    Turn,
    TurnTree,
    Usage,
    part_from_dict,
    part_to_dict,
    tree_from_dict,
    tree_to_dict,
    turn_from_dict,
    turn_to_dict,
    user,
)
from transcript_strategies import json_values, parts, trees, turns

# Trees are large to draw; nothing about them is slow to read.
large = settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])


def through_json(form: Any) -> Any:
    return json.loads(json.dumps(form))


@given(parts)
def test_part_is_read_as_it_was_written(part: Part) -> None:
    assert part_from_dict(through_json(part_to_dict(part))) == part


@large
@given(turns())
def test_turn_is_read_as_it_was_written(turn: Turn) -> None:
    assert turn_from_dict(through_json(turn_to_dict(turn))) == turn


@large
@given(trees())
def test_tree_is_read_as_it_was_written(tree: TurnTree) -> None:
    assert tree_from_dict(through_json(tree_to_dict(tree))) == tree


def test_fields_at_their_defaults_are_left_out() -> None:
    assert part_to_dict(Text(text="hi")) == {"type": "text", "text": "hi"}
    assert part_to_dict(Reasoning()) == {"type": "reasoning"}


def test_what_was_attached_is_written() -> None:
    assert part_to_dict(Text(text="1", name="n", about="int, 1 letter")) == {
        "type": "text",
        "text": "1",
        "name": "n",
        "about": "int, 1 letter",
    }


def test_part_of_an_older_form_was_typed() -> None:
    """Before anything could be attached, texts had neither a name nor what they are."""
    assert part_from_dict({"type": "text", "text": "hi"}) == Text(text="hi")
    image = {"type": "image", "url": "https://example.org/a.png"}
    assert part_from_dict(image) == Image(url="https://example.org/a.png")


def test_bytes_are_written_in_base64() -> None:
    image = Image(data=b"\x89PNG", media_type="image/png", detail="low")
    assert part_to_dict(image) == {
        "type": "image",
        "media_type": "image/png",
        "data": "iVBORw==",
        "detail": "low",
    }


def test_unpaired_surrogates_survive() -> None:
    part = Text(text="half \ud83d of an emoji")
    assert part_from_dict(through_json(part_to_dict(part))) == part


def test_older_order_of_turns_is_kept() -> None:
    tree = grown()
    assert list(tree_from_dict(tree_to_dict(tree)).turns) == ["a", "b", "c"]


def test_whole_seconds_are_read_as_a_float() -> None:
    form = {**turn_to_dict(grown().turns["a"]), "started_at": 7}
    assert repr(turn_from_dict(form).started_at) == "7.0"


def grown() -> TurnTree:
    """Return a tree with something in every kind of field."""
    tree = TurnTree()
    tree.add(Turn(id="a", parent=None, prompt=user("one"), started_at=1.5))
    reply = Message(
        role="assistant",
        parts=(
            Reasoning(text="hm", provider_metadata={"native": [{"signature": "s"}]}),
            Text(
                text="two",
                logprobs=(TokenLogprob(token="two", logprob=-0.1, utf8=(116, 119)),),
            ),
            ToolCall(id="call", name="look"),
        ),
        origin=Origin(protocol="chat", model="m", provider="StepFun"),
    )
    result = ToolResult(
        call_id="call", name="look", parts=(Image(url="https://example.org/a.png"),)
    )
    tree.add(
        Turn(
            id="b",
            parent="a",
            prompt=user(File(data=b"%PDF", media_type="application/pdf")),
            replies=(reply, Message(role="tool", parts=(result,))),
            usage=Usage(prompt_tokens=3, cost_usd=0.1),
            started_at=2.5,
        )
    )
    tree.move("a", "other")
    tree.branch = "other"
    tree.add(Turn(id="c", parent="a", prompt=user("three"), started_at=3.5))
    return tree


def places(form: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path to every value inside a form."""
    inner = form.items() if isinstance(form, dict) else enumerate(form)
    for key, value in inner:
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from places(value, (*path, key))


def altered(
    form: Any, path: tuple[Any, ...], change: Callable[[Any, Any], None]
) -> Any:
    """Return a copy of a form with the value at a path changed."""
    copied = copy.deepcopy(form)
    inner = copied
    for key in path[:-1]:
        inner = inner[key]
    change(inner, path[-1])
    return copied


FORM: Any = through_json(tree_to_dict(grown()))
PLACES = list(places(FORM))


@given(st.sampled_from(PLACES), json_values)
def test_any_other_value_anywhere_is_read_or_refused(
    path: tuple[Any, ...], value: Any
) -> None:
    damaged = altered(FORM, path, lambda inner, key: inner.__setitem__(key, value))
    try:
        tree = tree_from_dict(damaged)
    except TranscriptError:
        return
    assert tree_from_dict(through_json(tree_to_dict(tree))) == tree


@given(st.sampled_from(PLACES))
def test_anything_missing_anywhere_is_read_or_refused(path: tuple[Any, ...]) -> None:
    damaged = altered(FORM, path, lambda inner, key: inner.__delitem__(key))
    try:
        tree = tree_from_dict(damaged)
    except TranscriptError:
        return
    assert tree_from_dict(through_json(tree_to_dict(tree))) == tree


@given(json_values)
def test_any_json_is_read_or_refused(form: Any) -> None:
    for read in (part_from_dict, turn_from_dict, tree_from_dict):
        with pytest.raises(TranscriptError):
            read(form)


TEXT = {"type": "text", "text": "hi"}
PROMPT = {"role": "user", "parts": [TEXT]}
TURN = {"id": "a", "parent": None, "prompt": PROMPT, "started_at": 1}


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ([], "part should be an object"),
        ({}, "part.type should be one of text, reasoning, image"),
        ({"type": ["text"]}, "part.type should be one of"),
        ({"type": "hologram"}, "not 'hologram'"),
        ({"type": "text"}, "part.text is missing"),
        ({"type": "text", "text": 123}, "part.text should be a text, not 123"),
        ({"type": "text", "text": None}, "part.text should be a text, not None"),
        ({**TEXT, "size": 3}, "part has an unknown field 'size'"),
        ({**TEXT, "provider_metadata": []}, "metadata should be an object"),
        ({**TEXT, "logprobs": {}}, "part.logprobs should be a list"),
        ({**TEXT, "logprobs": [3]}, r"part.logprobs\[0\] should be an object"),
        (
            {**TEXT, "logprobs": [{"token": "a", "logprob": True}]},
            r"part.logprobs\[0\].logprob should be a number, not True",
        ),
        (
            {**TEXT, "logprobs": [{"token": "a", "logprob": 10**400}]},
            "logprob should be a number",
        ),
        (
            {**TEXT, "logprobs": [{"token": "a", "logprob": 0, "utf8": [1.5]}]},
            r"utf8\[0\] should be a whole number, not 1.5",
        ),
        ({"type": "image"}, "part: Image takes data or url"),
        ({"type": "image", "data": "YQ=="}, "part: Image with data needs"),
        ({"type": "file", "media_type": "a/b", "data": "?"}, "bytes in base64"),
        ({"type": "file", "media_type": "a/b", "data": "ä"}, "bytes in base64"),
        ({"type": "image", "url": "x", "detail": "best"}, "one of low, high, auto"),
        (
            {"type": "tool_result", "call_id": "", "name": "", "is_error": 1},
            "is_error should be true or false, not 1",
        ),
        (
            {
                "type": "tool_result",
                "call_id": "",
                "name": "",
                "parts": [{"type": "tool_call", "id": "", "name": ""}],
            },
            r"part.parts\[0\].type should be one of text, image, video, file",
        ),
    ],
)
def test_damaged_part_is_refused_with_its_place(form: Any, says: str) -> None:
    with pytest.raises(TranscriptError, match=says):
        part_from_dict(form)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"prompt": {"role": "user", "parts": "abc"}}, "turn.prompt.parts should be"),
        ({"prompt": {"role": "system", "parts": []}}, "one of user, assistant, tool"),
        ({"prompt": None}, "turn.prompt should be an object, not None"),
        ({"status": "done"}, "turn.status should be one of running"),
        ({"usage": {"prompt_tokens": 1.5}}, "prompt_tokens should be a whole number"),
        ({"cell": {"id": "x"}}, "turn.cell.execution is missing"),
        ({"started_at": "now"}, "turn.started_at should be a number"),
    ],
)
def test_damaged_turn_is_refused_with_its_place(change: Any, says: str) -> None:
    with pytest.raises(TranscriptError, match=says):
        turn_from_dict({**TURN, **change})


def test_turn_keeps_its_id_or_is_refused() -> None:
    form = {name: held for name, held in TURN.items() if name != "id"}
    with pytest.raises(TranscriptError, match=r"turn\.id is missing"):
        turn_from_dict(form)


WHOLE = {"version": VERSION, "turns": [TURN], "heads": {"main": "a"}, "branch": "main"}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"version": VERSION + 1}, "Install a newer stepmagic"),
        ({"version": "1"}, "not a saved conversation"),
        ({"version": None}, "not a saved conversation"),
        ({"version": True}, "version should be a whole number"),
        ({"turns": None}, "turns should be a list, not None"),
        ({"turns": [TURN, TURN]}, r"turns\[1\]: turn 'a' is in the tree already"),
        ({"turns": [{**TURN, "parent": "z"}]}, "parent 'z' of turn 'a' is not there"),
        ({"turns": [{**TURN, "parent": "a"}]}, "parent 'a' of turn 'a' is not there"),
        (
            {
                "turns": [
                    {**TURN, "parent": "b"},
                    {**TURN, "id": "b", "parent": "a"},
                ]
            },
            "parent 'b' of turn 'a' is not there",
        ),
        ({"heads": []}, "heads should be an object"),
        ({"heads": {"main": "z"}}, r"heads\['main'\] should be the id of a turn"),
        ({"heads": {"main": 5}}, r"heads\['main'\] should be a text, not 5"),
        ({"branch": "other"}, "branch should be the name of a head, not 'other'"),
        ({"branch": []}, r"branch should be a text, not \[\]"),
        ({"secret": 1}, "it has an unknown field 'secret'"),
    ],
)
def test_damaged_tree_is_refused_with_its_place(change: Any, says: str) -> None:
    with pytest.raises(TranscriptError, match=says):
        tree_from_dict({**WHOLE, **change})


@pytest.mark.parametrize("form", [None, [], "{}", 5])
def test_what_is_no_object_is_no_conversation(form: Any) -> None:
    with pytest.raises(TranscriptError, match="not a saved conversation"):
        tree_from_dict(form)


def test_deep_nesting_is_refused() -> None:
    logprob: dict[str, Any] = {"token": "a", "logprob": 0}
    for _ in range(20_000):
        logprob = {"token": "a", "logprob": 0, "alternatives": [logprob]}
    with pytest.raises(TranscriptError, match="part is nested too deeply"):
        part_from_dict({**TEXT, "logprobs": [logprob]})


def test_long_value_is_shortened_in_the_message() -> None:
    with pytest.raises(TranscriptError) as caught:
        part_from_dict({"type": "text", "text": ["a" * 10_000] * 100})
    assert len(str(caught.value)) < 300
