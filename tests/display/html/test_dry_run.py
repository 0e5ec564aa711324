"""A dry run as it shows: every message, its thumbnails, tokens and price; inert."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd  # type: ignore[import-untyped]  # it ships no types
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow

from chips import HOSTILE, shown, thumbnails
from openrouter_server import OpenRouterServer, answer
from page import Page
from shell_fixtures import ShellUnderTest
from stepmagic.conversation.dry_run import DryRun
from stepmagic.display.html.dry_run import request_bundle
from stepmagic.session import session
from stepmagic.transcript import (
    Image,
    Message,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    user,
)

texts = st.sampled_from(HOSTILE) | st.text(max_size=30)


def dry(*messages: Message, **more: Any) -> DryRun:
    """Return a request of some messages, not sent."""
    fields: dict[str, Any] = {
        "url": "https://example.org/v1/chat/completions",
        "system": "Be brief.",
        "notices": (),
        "body": {"messages": [message.text for message in messages]},
        "tokens": 1234,
        "cost_usd": 0.00025,
        "context_tokens": 256_000,
        **more,
    }
    return DryRun(messages=messages, **fields)


def page_of(request: DryRun) -> Page:
    return shown(request_bundle(request)["text/html"])


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            {},
            "about 1,234 (± 20%) of 256,000 tokens in, $0.00025 at the list price",
        ),
        ({"cost_usd": None}, "about 1,234 (± 20%) of 256,000 tokens in"),
        (
            {"context_tokens": None},
            "about 1,234 (± 20%) tokens in, $0.00025 at the list price",
        ),
        (
            {"context_tokens": None, "cost_usd": 0},
            "about 1,234 (± 20%) tokens in, $0 at the li",
        ),
    ],
)
def test_first_line_says_what_it_would_take(more: dict[str, Any], said: str) -> None:
    bundle = request_bundle(dry(user("Hi"), **more))
    assert bundle["text/plain"].startswith(f"Not sent: {said}")
    page = page_of(dry(user("Hi"), **more))
    assert page.text.startswith(f"Not sent · {said}")


def test_every_message_shows_in_order_under_its_role() -> None:
    request = dry(
        user(Text(text="1\t2", name="df", about="table"), "First?"),
        Message(
            role="assistant",
            parts=(
                Reasoning(text="Hm."),
                Text(text="**One.**"),
                ToolCall(id="1", name="f"),
            ),
        ),
        Message(
            role="tool",
            parts=(ToolResult(call_id="1", name="f", parts=(Text(text="found"),)),),
        ),
        user("Second?"),
    )
    text = page_of(request).text
    places = [
        text.index(word)
        for word in ("system", "Be brief.", "user", "df · table", "1\t2", "First?")
    ]
    places += [text.index(word) for word in ("assistant", "Hm.", "One.", "tool")]
    places += [text.index(word) for word in ("found", "Second?", "POST https://ex")]
    assert places == sorted(places)
    assert "**One.**" not in text.partition("POST")[0]


def test_no_system_prompt_shows_none() -> None:
    assert "system" not in page_of(dry(user("Hi"), system="")).text


def test_notices_show_in_both_forms() -> None:
    request = dry(user("Hi"), notices=("`df` was <cut>.", "And\x1b[31m so."))
    assert "`df` was <cut>." in page_of(request).text
    lines = request_bundle(request)["text/plain"].splitlines()
    assert lines[1:4] == ["`df` was <cut>.", "And so.", f"POST {request.url}"]


@given(texts, texts)
def test_nothing_of_a_request_acts(text: str, name: str) -> None:
    request = dry(
        user(Text(text=text, name=name), Image(url="https://a.org/b", name=name), text),
        Message(role="assistant", parts=(Text(text=text),)),
        system=text,
        notices=(text,),
        url=f"https://example.org/{name}",
    )
    page_of(request)
    plain = request_bundle(request)["text/plain"]
    assert not set("\x1b\u202e\u2028\ud800\x00") & set(plain)


@pytest.fixture
def talked(server: OpenRouterServer, step: ShellUnderTest) -> ShellUnderTest:
    """Return a shell with one turn behind it, and things to attach."""
    server.enqueue(answer("**An answer.**"))
    step["df"] = pd.DataFrame({"email": ["a@b.org"]})
    step["img"] = Pillow.new("RGB", (40, 30), "red")
    step.run("%%step img\nFirst?")
    return step


@pytest.mark.parametrize("api", ["chat", "responses", "messages"])
def test_dry_run_sends_nothing_and_changes_nothing(
    server: OpenRouterServer, talked: ShellUnderTest, api: str
) -> None:
    turns = list(session().conversation.turns)
    talked.run(f"%%step df img --dry-run -p api={api}\nSecond {{{{ df.shape[0] }}}}?")
    assert len(server.requests) == 1
    assert session().conversation.turns == turns
    (bundle,) = talked.shown
    page = shown(bundle["text/html"])
    for word in (
        "First?",
        "An answer.",
        "Second 1?",
        "looks like",
        "of 256,000 tokens",
    ):
        assert word in page.text, word
    assert [size for _, size in thumbnails(page)] == [(40, 30)] * 2
    assert server.key not in str(bundle)
    body = json.loads(bundle["text/plain"].partition("\nPOST ")[2].partition("\n")[2])
    assert body["model"]


def test_dry_run_of_a_new_conversation_has_no_history(talked: ShellUnderTest) -> None:
    talked.run("%%step -n --dry-run\nSecond?")
    assert "First?" not in talked.shown[0]["text/html"]
    assert len(session().conversation.turns) == 1
