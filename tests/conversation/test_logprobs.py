"""Log-probabilities of an answer, as a frame and as coloured text."""

from __future__ import annotations

import math
import pickle
from typing import Any

import pytest

from stepmagic.conversation.reply import Logprobs, percent
from stepmagic.transcript import TokenLogprob

LIKELY = TokenLogprob(
    token="Yes",
    logprob=-0.05,
    alternatives=(
        TokenLogprob(token="Maybe", logprob=-6.0),
        TokenLogprob(token="Yes", logprob=-0.05),
        TokenLogprob(token=" No", logprob=-3.0),
    ),
)


TOKENS = Logprobs([LIKELY, TokenLogprob(token=",\n", logprob=-1.0)])


def test_tokens_are_a_tuple_with_names() -> None:
    assert tuple(TOKENS) == (LIKELY, TOKENS[1])
    assert TOKENS.text == "Yes,\n"
    assert TOKENS.tokens == ["Yes", ",\n"]
    assert TOKENS.values == [-0.05, -1.0]
    assert TOKENS.probabilities == [math.exp(-0.05), math.exp(-1)]
    assert pickle.loads(pickle.dumps(TOKENS)) == TOKENS  # noqa: S301 - our own bytes


def test_frame_has_a_row_for_each_token() -> None:
    frame: Any = TOKENS.to_frame()
    assert list(frame.columns) == ["token", "logprob", "probability", "alternatives"]
    assert list(frame.token) == ["Yes", ",\n"]
    others = [" No", "Maybe"]
    assert [each["token"] for each in frame.alternatives[0]] == others
    none: Any = Logprobs().to_frame()
    assert list(none.columns) == list(frame.columns)


def test_values_beyond_what_a_probability_can_be_are_read_as_its_ends() -> None:
    odd = Logprobs(TokenLogprob(token="a", logprob=value) for value in (0.01, -9999.0))
    assert odd.probabilities == [1.0, 0.0]


@pytest.mark.parametrize(
    ("share", "said"),
    [(0, "0%"), (0.001, "<1%"), (0.01, "1%"), (0.834, "83%"), (0.999, "100%")],
)
def test_share_is_said_in_percent(share: float, said: str) -> None:
    assert percent(share) == said


def test_repr_is_a_table() -> None:
    assert repr(TOKENS) == (
        "probability  token  (instead)\n"
        "        95%  'Yes'  (' No' 5%, 'Maybe' <1%)\n"
        "        37%  ',\\n'"
    )
    assert "`-p top_logprobs=5` asks for them" in repr(Logprobs())
