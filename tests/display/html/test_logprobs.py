"""Log-probabilities as coloured text, whose alternatives are hidden."""

from __future__ import annotations

import re
from typing import Any

import pytest

from openrouter_server import OpenRouterServer, answer
from shell_fixtures import ShellUnderTest
from stepmagic.conversation.reply import Logprobs
from stepmagic.display.html.logprobs import logprobs_bundle
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


def visible(html: str) -> str:
    """Return the text of the tokens, without what is hidden in them."""
    _, _, drawn = html.partition('<div class="sm-likely">')
    drawn = re.sub(r"<span hidden>.*?</span></span>", "", drawn.partition("</div>")[0])
    return re.sub(r"<[^>]+>", "", drawn)


def test_text_is_coloured_and_its_alternatives_hidden_in_it() -> None:
    html = logprobs_bundle(TOKENS)["text/html"]
    likely, unlikely = re.findall(r'<span tabindex="0"[^>]*>', html)
    assert "style" not in likely
    assert 'style="background-color:rgba(' in unlikely
    assert "<code>␣No</code> 5%" in html
    assert "<code>,⏎</code> 37%" in html
    assert html.index("␣No") < html.index("Maybe")
    assert visible(html) == "Yes,\n"
    assert "<script" not in html
    assert 'title="Yes 95% · ␣No 5% · Maybe &lt;1%"' in html
    assert "90% and more" in html


@pytest.mark.parametrize(
    "token", ["<img src=x onerror=alert(1)>", "\x1b[31m", "\u202e"]
)
def test_tokens_are_hostile_text(token: str) -> None:
    hostile = TokenLogprob(token=token, logprob=-1.0)
    tokens = Logprobs([
        TokenLogprob(token=token, logprob=-1.0, alternatives=(hostile, LIKELY)),
    ])  # fmt: skip
    bundle = logprobs_bundle(tokens)
    assert token not in bundle["text/html"]
    assert "<img" not in bundle["text/html"]
    assert not {"\x1b", "\u202e"} & {*bundle["text/html"], *bundle["text/plain"]}


def test_dollar_signs_of_several_tokens_make_no_formula() -> None:
    tokens = Logprobs(TokenLogprob(token=each, logprob=-1.0) for each in ("$", "x$"))
    assert logprobs_bundle(tokens)["text/html"].count("<span>$</span>") == 4


def test_empty_token_can_be_seen_and_long_answers_end() -> None:
    tokens = Logprobs([TokenLogprob(token="", logprob=-1.0)] * 4001)
    html = logprobs_bundle(tokens)["text/html"]
    assert html.count("·</span><span hidden>") == 4000
    assert "and 1 more tokens" in html


def test_answer_without_any_says_how_to_ask_for_them() -> None:
    html = logprobs_bundle(Logprobs())["text/html"]
    assert "`-p top_logprobs=5`" in html


def test_a_notebook_shows_them(server: OpenRouterServer, step: ShellUnderTest) -> None:
    server.enqueue(answer("It is March.", reasoning=""))
    step.run("%%step r << -p top_logprobs=3\nWhich?")
    step.run("display(r.logprobs)")
    bundle: dict[str, Any] = step.shown[0]
    assert visible(bundle["text/html"]) == "It is March."
    assert bundle["text/plain"].startswith("probability  token")
    assert step["r"].logprobs.text == step["r"].text
    assert all(len(each.alternatives) == 3 for each in step["r"].logprobs)
