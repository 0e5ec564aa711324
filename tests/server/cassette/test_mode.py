"""What a cassette does in each mode, and at each speed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cassettes import ask, lines
from openrouter_server import (
    OpenRouterServer,
    answer,
)
from stepmagic import step
from stepmagic.conversation.dialogue import Dialogue
from stepmagic.errors import (
    CassetteError,
)
from stepmagic.server.cassette.mode import place
from stepmagic.settings import current


def test_auto_asks_only_what_is_not_there(server: OpenRouterServer, path: Path) -> None:
    for text in ("One?", "Two?", "One?"):
        step(text, once=True)
    assert len(server.requests) == 2
    assert place() == f"{path}, auto, 2 answers"


def test_record_asks_anew_and_replay_keeps_their_order(
    server: OpenRouterServer, path: Path, alone: Any
) -> None:
    current().cassette_mode = "record"
    server.enqueue(*(answer(text) for text in ("one", "two", "three")))
    asked = [step("Roll!", once=True).text for _ in range(3)]
    alone()
    assert [step("Roll!", once=True).text for _ in range(3)] == asked
    assert asked == ["one", "two", "three"]
    assert len(lines(path)) == 1 + 2 + 3


def test_off_neither_replays_nor_records(server: OpenRouterServer, path: Path) -> None:
    current().cassette_mode = "off"
    for _ in range(2):
        step("One?", once=True)
    assert len(server.requests) == 2
    assert not path.exists()


@pytest.mark.parametrize("mode", ["auto", "record", "replay"])
def test_a_file_that_is_no_cassette_is_refused_before_anything_is_asked(
    server: OpenRouterServer, path: Path, mode: str
) -> None:
    path.write_text("a,b\n1,2\n")
    current().cassette_mode = mode
    talk = Dialogue()
    with pytest.raises(CassetteError, match="is not a cassette"):
        ask(talk, "One?")
    assert (server.requests, talk.tree.turns) == ([], {})
    assert path.read_text() == "a,b\n1,2\n"
    assert "is not a cassette" in place()


@pytest.mark.parametrize("speed", ["auto", "original", "instant"])
def test_an_answer_is_replayed_at_any_speed(
    server: OpenRouterServer, path: Path, alone: Any, speed: str
) -> None:
    server.enqueue(answer("one two three four", pace_s=0.02))
    step("Count!", once=True)
    alone()
    current().cassette_speed = speed
    assert step("Count!", once=True).text == "one two three four"
    assert path.exists()
