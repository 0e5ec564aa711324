"""The requests of one row."""

from __future__ import annotations

import pytest

from batches import RIGHT, Review, quiet, says
from openrouter_server import (
    OpenRouterServer,
    answer,
    error,
)
from rows import echo, question_of

pytestmark = pytest.mark.usefixtures("asks")


def test_an_answer_that_was_cut_off_says_so(server: OpenRouterServer) -> None:
    server.enqueue(answer("Half", reasoning="", finish_reason="length"))
    found = quiet(["a"], "Say {{ x }}")
    assert list(found["answer"]) == ["Half"]
    assert "max_tokens" in found["error"][0]


def test_only_a_refused_row_has_an_error(server: OpenRouterServer) -> None:
    server.enqueue(echo(), error(400, "too rude"), echo())
    found = quiet(["a", "b", "c"], "Say {{ x }}", concurrency=1)
    assert list(found["answer"].isna()) == [False, True, False]
    assert found["error"][1].startswith("RequestRefused: ")
    assert "too rude" in found["error"][1]


WRONG = {**RIGHT, "mood": "so-so"}


def test_a_value_that_does_not_fit_is_asked_for_once_more(
    server: OpenRouterServer,
) -> None:
    server.enqueue(says(WRONG), says(RIGHT))
    found = quiet(["a"], "Judge {{ x }}", schema=Review)
    assert found["mood"][0] == "good"
    one = quiet(["b"], "Say {{ x }}")["cost_usd"][0]
    assert found["cost_usd"][0] > one
    messages = server.requests[1].body["messages"]
    assert [each["role"] for each in messages] == [
        *("system", "user", "assistant", "user")
    ]
    assert "mood" in question_of(server.requests[1].body)


def test_a_value_that_never_fits_is_an_error_that_keeps_the_text(
    server: OpenRouterServer,
) -> None:
    server.enqueue(says(RIGHT), says(WRONG), says(WRONG))
    found = quiet(["a", "b"], "Judge {{ x }}", schema=Review, concurrency=1)
    assert found["mood"].isna().tolist() == [False, True]
    assert found["error"][1].startswith(
        "ValueMisfit: the answer is not of the type Review: "
    )
    assert "so-so" in found["error"][1]
    server.enqueue(answer("{" * 900, reasoning="", finish_reason="length"))
    found = quiet(["c"], "Judge {{ x }}", schema=Review)
    assert "cut off at max_tokens" in found["error"][0]
    assert len(server.requests) == 4


def test_an_error_while_asking_once_more_is_the_rows(server: OpenRouterServer) -> None:
    server.enqueue(says(WRONG), error(400, "no more"))
    found = quiet(["a"], "Judge {{ x }}", schema=Review)
    assert "no more" in found["error"][0]
