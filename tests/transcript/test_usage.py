"""Tokens and money in numbers and words."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paths import SHARED
from stepmagic.transcript import (
    File,
    Image,
    Message,
    Opaque,
    Part,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    Usage,
    Video,
    user,
)
from stepmagic.transcript.usage import (
    estimate_messages,
    estimate_part,
    estimate_tokens,
    format_bytes,
    format_cost,
    format_count,
    total,
)
from transcript_strategies import messages, parts


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("a word", 2),
        ("12345", 2),
        ("a.b", 2),
        ("日本語", 2),
        ("caf\u00e9", 1),
        ("\x1b[", 2),
        ("\ud800", 1),
    ],
)
def test_words_groups_of_digits_and_signs_are_tokens(text: str, tokens: int) -> None:
    assert estimate_tokens(text) == tokens


@pytest.mark.parametrize(
    ("part", "tokens"),
    [
        (Text(text=" word" * 10), 10),
        (Reasoning(text=" word" * 10), 10),
        (ToolCall(id="1", name="aaaa", arguments="bbbb"), 2),
        (ToolResult(call_id="1", name="f", parts=(Text(text="a" * 8),)), 2),
        (Image(url="https://example.org/a.png"), 400),
        (Image(url="https://example.org/a.png", detail="low"), 400),
        (Image(url="https://example.org/a.png", detail="high"), 1600),
        (Image(url="https://example.org/a.png", detail="auto"), 1600),
        (Video(data=b"0" * 2500, media_type="video/mp4"), 3),
        (File(url="https://example.org/a.pdf"), 0),
        (Opaque(kind="later", provider_metadata={"a": 1}), 6),
    ],
)
def test_every_kind_of_part_is_estimated(part: Part, tokens: int) -> None:
    assert estimate_part(part) == tokens


def test_counts_of_a_tokenizer_are_met_within_15_percent_of_each_kind() -> None:
    file = SHARED / "tokens.jsonl"
    if not file.exists():
        pytest.skip(f"there is no {file}: estimates are held against no tokenizer")
    counted = estimated = 0
    for line in file.read_text("utf-8").splitlines():
        sample = json.loads(line)
        count = sample["tokens"]["deepseek-v3"]
        estimate = estimate_tokens(sample["text"])
        assert estimate == pytest.approx(count, rel=0.15), sample["kind"]
        counted += count
        estimated += estimate
    assert estimated == pytest.approx(counted, rel=0.05)


@given(st.text(max_size=200), st.integers(min_value=2, max_value=20))
def test_estimate_grows_in_proportion_to_the_text(text: str, times: int) -> None:
    once = estimate_tokens(f"{text}\n")
    repeated = estimate_tokens(f"{text}\n" * times)
    assert abs(repeated - once * times) <= 2 * times


@given(parts)
def test_estimate_is_never_negative(part: Part) -> None:
    assert estimate_part(part) >= 0


def test_request_is_the_sum_of_its_messages() -> None:
    asked = [user(" word" * 10), user(" other" * 10)]
    assert estimate_messages([]) == 0
    assert estimate_messages(asked) == 28
    assert estimate_messages(asked, " some" * 10) == 42


@given(st.lists(messages, max_size=3), st.text(max_size=9))
def test_longer_history_is_no_cheaper(history: list[Message], text: str) -> None:
    longer = estimate_messages([*history, user(text)])
    assert longer > estimate_messages(history)


def test_total_leaves_out_turns_without_a_count() -> None:
    taken = [Usage(prompt_tokens=1, cost_usd=0.5), None, Usage(prompt_tokens=2)]
    expected = Usage(prompt_tokens=3, cost_usd=0.5, context_tokens=2)
    assert total(taken) == expected
    assert total([]) == Usage()


@pytest.mark.parametrize(
    ("cost_usd", "words"),
    [
        (0, "$0"),
        (1.2, "$1.20"),
        (0.5, "$0.50"),
        (0.042, "$0.042"),
        (0.00042, "$0.00042"),
        (0.0000314, "$0.000031"),
        (1234.5, "$1,234.50"),
        (-0.5, "-$0.50"),
    ],
)
def test_cost_shows_the_digits_that_say_something(cost_usd: float, words: str) -> None:
    assert format_cost(cost_usd) == words


@given(st.floats(min_value=1e-9, max_value=1e9))
def test_cost_keeps_two_digits(cost_usd: float) -> None:
    shown = float(format_cost(cost_usd).replace("$", "").replace(",", ""))
    assert shown == pytest.approx(cost_usd, rel=0.06, abs=0.005 * (cost_usd >= 0.1))


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "0 tokens"), (1, "1 token"), (2, "2 tokens"), (12345, "12,345 tokens")],
)
def test_count_has_its_noun(number: int, words: str) -> None:
    assert format_count(number, "token") == words


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (1, "1 byte"),
        (2, "2 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 KB"),
        (9_940, "9.9 KB"),
        (9_960, "10 KB"),
        (84_123, "84 KB"),
        (84_999, "85 KB"),
        (999_499, "999 KB"),
        (999_600, "1.0 MB"),
        (1_250_001, "1.3 MB"),
        (214_000_000, "214 MB"),
        (2_500_000_000, "2.5 GB"),
        (7_000_000_000_000, "7,000 GB"),
    ],
)
def test_size_has_its_decimal_unit(size: int, words: str) -> None:
    assert format_bytes(size) == words
