"""How full the context is; what is far over it is refused before it is sent."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from openrouter_server import OpenRouterServer, Tokens, answer
from shell_fixtures import ShellUnderTest
from stepmagic.conversation.context import (
    Calibration,
    Forecast,
    calibration,
    check_context,
    context_used,
    forecast,
)
from stepmagic.errors import ContextTooLong
from stepmagic.server.catalogue import Catalogue
from stepmagic.server.options import Options, Overrides, resolve
from stepmagic.session import session
from stepmagic.settings import current
from stepmagic.transcript import (
    File,
    Image,
    Part,
    Text,
    ToolCall,
    Turn,
    Usage,
    Video,
    user,
)

MOST = 1000
WORDS = "word " * 5000
"""About 6,250 tokens."""


def options(most: int | None = MOST, **line: Any) -> Options:
    """Return options of a model with a small context."""
    found = resolve(
        current(), Catalogue(current().base_url), Overrides(), Overrides(**line)
    )
    assert found.entry is not None
    entry = dataclasses.replace(found.entry, context_tokens=most)
    return dataclasses.replace(found, entry=entry, system="")


def refusal(*parts: Part, history: str = "") -> str:
    before = [turn(history)] if history else []
    with pytest.raises(ContextTooLong) as caught:
        check_context(options(), before, user(*parts))
    return str(caught.value)


def test_what_fits_by_estimate_is_sent() -> None:
    check_context(options(), (), user("word " * 700))
    check_context(options(), [turn("word " * 300)], user("word " * 300))


def test_what_is_a_little_over_is_left_to_the_server() -> None:
    """An estimate may be too high, and to be refused there costs nothing."""
    notice = check_context(options(), (), user(" a" * 1240))
    assert notice.startswith(
        "The conversation takes about 1,244 of the 1,000 tokens that "
        "stepfun/step-3.7-flash takes. That is over the limit, but within the margin "
        "of 20% of the estimate: it is sent, and the server may refuse it. To make room"
    )
    refused = refusal(Text(text=" a" * 1260))
    assert "about 1,264 tokens, at least 1,011 with a margin of 20%, and" in refused


def test_unknown_context_is_no_limit() -> None:
    check_context(options(None), (), user(WORDS))
    bare = dataclasses.replace(options(), entry=None)
    check_context(bare, (), user(WORDS))


def test_system_prompt_counts() -> None:
    with pytest.raises(ContextTooLong):
        check_context(dataclasses.replace(options(), system=WORDS), (), user("Hi"))


def test_message_says_how_much_and_what_is_largest() -> None:
    parts = [Text(text=WORDS, name="df"), Text(text=" a" * 2), Text(text=" a" * 100)]
    assert refusal(*parts) == (
        "about 5,107 tokens, at least 4,085 with a margin of 20%, and "
        "stepfun/step-3.7-flash takes 1,000; nothing was sent. The largest: `df` "
        "(about 5,001), your text (about 100), your text (about 2). "
        "Send less of a text, or a preview: `preview(df, tokens=1000)`."
    )


def test_three_parts_are_listed_at_most() -> None:
    parts = [Text(text=WORDS, name=f"part{n}") for n in range(5)]
    assert refusal(*parts).count("(about") == 3


def test_each_kind_has_a_way_to_be_made_smaller() -> None:
    said = refusal(
        Video(media_type="video/mp4", data=bytes(10_000_000), name="clip"),
        Image(media_type="image/png", data=b"x"),
        File(media_type="application/pdf", data=bytes(5_000_000), name="a.pdf"),
    )
    for words in (
        "`clip` (about 10,000), `a.pdf` (about 5,000), the image (about 400)",
        "`-p frames=8`",
        "`-p detail=low`",
        "some pages of a document",
    ):
        assert words in said
    assert "preview(" not in said


def test_kind_that_no_user_sends_has_no_way() -> None:
    said = refusal(ToolCall(id="1", name="f", arguments=WORDS))
    assert said.endswith("The largest: `f` (about 5,001).")


def test_long_conversation_is_said_to_be_the_largest() -> None:
    said = refusal(Text(text="Hi"), history=WORDS)
    assert "The largest: the conversation so far (about 5,005), your text (ab" in said
    assert said.endswith("`-n` starts without history.")


def test_short_conversation_is_not() -> None:
    said = refusal(Text(text=WORDS), history="Hi")
    assert "conversation so far" not in said
    assert "`-n` starts without" in said


@pytest.mark.parametrize("api", ["chat", "responses", "messages"])
def test_conversation_goes_on_after_a_refusal(
    server: OpenRouterServer, step: ShellUnderTest, api: str
) -> None:
    step["long"] = "words " * 400_000
    with pytest.raises(ContextTooLong, match=r"The largest: `long` \(about"):
        step.run(f"%%step long -p api={api}\nWhat?")
    assert server.requests == []
    assert session().conversation.turns == []
    step.run(f"%%step -p api={api}\nHi")
    with pytest.raises(ContextTooLong, match="`-n` starts without"):
        step.run(f"%%step long -p api={api}\nWhat?")
    with pytest.raises(ContextTooLong, match="your text"):
        step.run(f"%%step --once\n{'words ' * 400_000}")
    step.run(f"%%step -p api={api}\nAnd now?")
    assert len(session().conversation.turns) == 2
    assert "long" not in str(server.requests[-1].body)


# How full it is


def turn(prompt: str, *, counted: int = 0) -> Turn:
    usage = Usage(prompt_tokens=counted - 1, completion_tokens=1) if counted else None
    return Turn(parent=None, prompt=user(prompt), usage=usage, status="complete")


def test_what_the_server_counted_is_not_estimated() -> None:
    """A message takes 4 tokens and one for 4 letters."""
    counted, newer = turn(" a" * 100, counted=500), turn(" a" * 10)
    assert context_used([], " a" * 10) == 14
    assert context_used([newer], " a" * 10, user("a")) == 14 + 14 + 5
    assert context_used([turn("a"), counted], " a" * 10, user("a")) == 505
    assert context_used([counted, newer], "", user("a")) == 500 + 14 + 5


def test_of_several_requests_the_last_says_how_full_it_is() -> None:
    usage = Usage(prompt_tokens=10, completion_tokens=5)
    last = Usage(prompt_tokens=20, completion_tokens=5)
    assert usage.held_tokens == 15
    assert (usage + last).held_tokens == (usage + last + Usage()).held_tokens == 25


def test_near_the_limit_the_choices_are_named_once() -> None:
    short, long = user("Hi"), user(" a" * 380)
    early, late = turn("A", counted=300), turn("B", counted=790)
    assert check_context(options(), [], short) == ""
    assert check_context(options(None), [late], short) == ""
    assert check_context(options(), [early], short) == ""
    assert "takes about 804 of the 1,000 tokens" in check_context(
        options(), [], user(" a" * 800)
    )
    notice = check_context(options(), [early, late], long)
    assert notice.startswith("The conversation takes about 1,174 of the 1,000 tokens")
    for way in ("`-n`", "`%step undo`", "`-m`", "`-p max_tokens=...`"):
        assert way in notice
    assert check_context(options(), [turn("B", counted=810), late], short) == ""


def test_each_question_within_the_margin_is_reported() -> None:
    turns = [turn("A", counted=1010), turn("B", counted=1050)]
    for before in ([], turns[:1], turns):
        question = user("Hi" if before else " a" * 1040)
        notice = check_context(options(), before, question)
        assert "within the margin of 20% of the estimate" in notice


def test_what_the_server_counted_is_what_must_fit() -> None:
    """One count serves the refusal and the notice; the text itself is short."""
    late = turn("B", counted=1190)
    with pytest.raises(ContextTooLong, match="about 1,595 tokens, at least 1,276 "):
        check_context(options(), [late], user(" a" * 401))


def test_the_notice_stands_beside_the_answer(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    server.enqueue(answer("One.", usage=Tokens(prompt=210_000, completion=1_000)))
    for number in range(3):
        step.run(f"%%step\nQuestion {number}?")
        assert ("To make room: `-n`" in step.printed) is (number == 1)
    assert "Question 0?" in str(server.requests[-1].body)


# Calibration


def samples(*ratios: float, model: str = "a/model", known: int = 0) -> Calibration:
    """Return the calibration after questions of 1,000 estimated tokens each."""
    made = Calibration()
    for ratio in ratios:
        expected = Forecast(model=model, counted=known, estimated=1000)
        made.record(expected, known + round(1000 * ratio))
    return made


def test_counts_calibrate_from_the_third_question_on() -> None:
    assert samples(1.2, 1.2).factor("a/model") == 1.0
    assert samples(1.2, 1.2, 1.2).factor("a/model") == 1.2


def test_what_was_counted_before_does_not_dilute_a_ratio() -> None:
    assert samples(1.2, 1.2, 1.2, known=50_000).factor("a/model") == 1.2


def test_each_model_has_its_calibration() -> None:
    made = samples(1.2, 1.2, 1.2)
    assert made.factor("another/model") == 1.0
    assert made.describe("another/model") == ""


def test_an_outlier_does_not_move_the_factor() -> None:
    assert samples(1.1, 1.1, 40, 1.1, 1.1).factor("a/model") == 1.1


@pytest.mark.parametrize(("ratio", "factor"), [(9, 2.0), (0.01, 0.5)])
def test_factor_is_bounded(ratio: float, factor: float) -> None:
    assert samples(*[ratio] * 5).factor("a/model") == factor


def test_short_questions_and_missing_counts_do_not_calibrate() -> None:
    made = Calibration()
    for _ in range(5):
        made.record(Forecast(model="m", estimated=99), 300)
        made.record(Forecast(model="m", estimated=1000), 0)
        made.record(Forecast(model="m", counted=5000, estimated=1000), 4000)
    assert made.factor("m") == 1.0


def test_latest_counts_replace_the_oldest() -> None:
    assert samples(*[0.8] * 30, *[1.2] * 21).factor("a/model") == 1.2


@pytest.mark.parametrize(
    ("ratios", "words"),
    [
        ((1.0,), "estimated 1,000, counted 1,000: under 1% off in the last question"),
        ((0.8,), "estimated 1,000, counted 800: 25% too high in the last question"),
        (
            (9, 2, 2, 2, 2, 2),
            "estimated 5,000, counted 10,000: 50% too low over the last 5 questions",
        ),
    ],
)
def test_quality_of_the_latest_estimates_is_described(
    ratios: tuple[float, ...], words: str
) -> None:
    assert samples(*ratios).describe("a/model") == words


def test_factor_applies_to_what_is_estimated_and_not_to_counts() -> None:
    for _ in range(3):
        expected = Forecast(model=options().model, estimated=1000)
        calibration().record(expected, 1500)
    before, question = [turn("A", counted=500)], user(" a" * 96)
    found = forecast(options(), before, question)
    assert (found.counted, found.estimated, found.tokens) == (500, 100, 650)
    assert context_used(before, "", question, factor=1.5) == 650
    with pytest.raises(ContextTooLong, match="about 1,306 tokens, at least 1,044"):
        check_context(options(), (), user(" a" * 867))


@pytest.mark.parametrize("api", ["chat", "responses", "messages"])
def test_each_reply_calibrates(
    server: OpenRouterServer, step: ShellUnderTest, api: str
) -> None:
    for _ in range(3):
        server.enqueue(answer("Yes.", usage=Tokens(prompt=1200, completion=1)))
        step.run(f"%%step --once -p api={api}\n{' a' * 1000}")
    assert 1.0 < calibration().factor(options().model) < 1.2
    assert "over the last 3 questions" in calibration().describe(options().model)


def test_definitions_of_functions_do_not_calibrate(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    step.run('def add(a: int) -> int:\n    "Add."\n    return a')
    server.enqueue(answer("Yes.", usage=Tokens(prompt=1200, completion=1)))
    step.run("%%step --once --tools add\nHi")
    assert calibration().describe(options().model) == ""
