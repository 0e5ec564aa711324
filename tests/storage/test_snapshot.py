"""A conversation as the value that is saved."""

from __future__ import annotations

import json
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # its stubs are a package apart
import pytest
from hypothesis import given
from hypothesis import strategies as st

from saved_conversations import SCHEMA, VALIDATOR, rich
from stepmagic.errors import TranscriptError
from stepmagic.server.options import Overrides
from stepmagic.storage import (
    About,
    Saved,
    saved_from_dict,
    saved_to_dict,
)
from stepmagic.transcript import (
    TurnTree,
    tree_from_dict,
)
from transcript_strategies import metadata, trees, words


@given(trees(), words, st.builds(Overrides, model=words, parameters=metadata))
def test_every_saved_form_fits_the_schema(
    tree: TurnTree, name: str, overrides: Overrides
) -> None:
    about = About(name=name, overrides=overrides, undone=tuple(tree.turns))
    form = json.loads(json.dumps(saved_to_dict(Saved(about=about, tree=tree))))
    VALIDATOR.validate(form)
    read = saved_from_dict(form)
    assert read.about == about
    assert read.tree.turns.keys() == tree.turns.keys()
    assert not any(turn.status == "running" for turn in read.tree.turns.values())


def test_the_schema_is_one_and_refuses_what_the_reader_refuses() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    form = saved_to_dict(rich())
    VALIDATOR.validate(form)
    turn, prompt = form["turns"][0], form["turns"][0]["prompt"]
    damages: tuple[dict[str, Any], ...] = (
        {"version": 2},
        {"turns": {}},
        {"heads": {"main": 1}},
        {"colour": "red"},
        {"undone": [1]},
        {"turns": [{**turn, "status": "odd"}]},
        {"turns": [{**turn, "prompt": {**prompt, "parts": [{"type": "odd"}]}}]},
        {"turns": [{**turn, "prompt": {**prompt, "parts": [{"type": "image"}]}}]},
    )
    for damage in damages:
        assert not VALIDATOR.is_valid({**form, **damage}), damage
        with pytest.raises(TranscriptError):
            saved_from_dict({**form, **damage})


def test_turns_that_ran_are_closed() -> None:
    form = saved_to_dict(rich())
    asked = {"role": "user", "parts": []}
    origin = {"protocol": "chat", "model": "m/one"}
    empty = {"role": "assistant", "parts": [], "origin": origin, "status": "running"}
    parent = form["turns"][-1]["id"]
    first = {"id": "x", "parent": parent, "prompt": asked, "replies": [empty]}
    begun = {**first, "id": "y", "parent": None, "replies": []}
    for turn in (first, begun):
        turn["started_at"] = 1.0
    form["turns"] += [first, begun]
    form["heads"] |= {"main": "x", "other": "y"}
    tree = saved_from_dict(form).tree
    assert tree.heads == {"main": parent, "other": None}
    assert tree.turns["x"].status == tree.turns["x"].replies[0].status == "interrupted"
    assert tree.turns["x"].model == "m/one"
    assert tree.turns["y"].model is None


def test_a_read_tree_is_as_strict_as_ever() -> None:
    with pytest.raises(TranscriptError, match="unknown field 'name'"):
        tree_from_dict({**saved_to_dict(rich())})
