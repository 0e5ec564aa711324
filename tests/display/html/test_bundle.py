"""Answers as MIME bundles of HTML, Markdown and text."""

from __future__ import annotations

from typing import Any

import pytest

from notebook_views import Clock, Recorder, published, thought, told
from page import Page
from stepmagic.display.answer import Answer
from stepmagic.display.html.bundle import reply_bundle, turn_bundle
from stepmagic.display.notebook.frames import Frame
from stepmagic.display.notebook.view import NotebookView
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
    Turn,
    Usage,
    Video,
    user,
)
from stepmagic.transcript.events import (
    Finish,
    UsageReport,
)

__all__ = ["published"]


MODEL = "stepfun/step-3.7-flash"


def shown(*parts: Part, **fields: Any) -> str:
    """Return the HTML of an answer without a footer, checked for what acts."""
    bundle = reply_bundle(Answer(parts=parts, **fields), footer=False)
    page = Page(bundle["text/html"])
    assert page.faults == []
    return bundle["text/html"]


def test_two_runs_give_the_same_html(published: Recorder) -> None:
    """What differs, time and cost, is left out where no one is watching."""
    events = [*thought("Hm."), *told("Hi.", index=1)]
    for cost_usd, step_s in ((0.1, 0.5), (0.2, 3.0)):
        with NotebookView(live=False, model=MODEL, clock=Clock(step_s=step_s)) as view:
            for event in events:
                view.show(event)
            view.show(UsageReport(usage=Usage(prompt_tokens=1, cost_usd=cost_usd)))
            view.show(Finish(reason="stop"))
    assert published.bundles[0] == published.bundles[1]


def test_parts_beside_text_are_drawn_or_described() -> None:
    html = shown(
        ToolCall(id="1", name="f", arguments="not {json $5"),
        ToolResult(
            call_id="1",
            name="f",
            is_error=True,
            parts=(Text(text="<b>"), Image(media_type="image/tiff", data=b"123")),
        ),
        Video(media_type="video/mp4", data=b"1234"),
        File(url="https://example.org/a b>.pdf"),
        Opaque(kind="web_search_call"),
        Reasoning(provider_metadata={"encrypted": "x"}),
    )
    assert "not {json <span>$</span>5" in html
    assert (
        "<code>f(not {json <span>$</span>5)</code> · failed: &lt;b&gt; [image]" in html
    )
    assert "<pre>&lt;b&gt;</pre>" in html
    assert "[image: image/tiff, 3 bytes]" in html
    assert "[video: video/mp4, 4 bytes]" in html
    assert "https://example.org/a%20b%3E.pdf" in html
    assert html.count("<details") == 1


PNG = b"\x89PNG\r\n\x1a\n" + bytes(9)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF87a", "image/gif"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
    ],
)
def test_a_picture_is_shown_as_what_its_bytes_are(data: bytes, kind: str) -> None:
    html = shown(Image(media_type="image/svg+xml", data=data))
    assert f'src="data:{kind};base64,' in html


@pytest.mark.parametrize(
    "image",
    [
        Image(media_type="image/png", data=b"<svg onload=alert(1)>"),
        Image(media_type="image/png", data=b"RIFF\0\0\0\0WAVE"),
        Image(media_type="image/png", data=PNG + bytes(10_000_000)),
        Image(url="https://example.org/p.png?q=1"),
        Image(url="javascript:alert(1)"),
        Image(url="data:image/png;base64,AAAA"),
        Image(url="\ud800"),
    ],
    ids=lambda image: str(image.url or image.data)[:20],
)
def test_what_is_no_picture_is_not_shown_as_one(image: Image) -> None:
    bundle = reply_bundle(Answer(parts=(image,)), footer=False)
    assert Page(bundle["text/html"]).faults == []
    assert "<img" not in bundle["text/html"]
    assert "image" in bundle["text/plain"]
    assert "![" not in bundle["text/markdown"]


def test_texts_that_follow_each_other_are_one() -> None:
    html = shown(Text(text="one **bo"), Text(text="ld** word"))
    assert "one <strong>bold</strong> word" in html
    html = shown(Reasoning(text="a"), Reasoning(), Reasoning(text="b"), Text(text="c"))
    assert "Thought · 2 words" in html


def test_a_finished_turn_is_drawn_as_it_was_shown(published: Recorder) -> None:
    usage = Usage(prompt_tokens=5, completion_tokens=7, cost_usd=0.5)
    parts = (Reasoning(text="Hm."), Text(text="Hi *you*."))
    turn = Turn(
        parent=None,
        prompt=user("Hello"),
        replies=(Message(role="assistant", parts=parts),),
        status="complete",
        finish_reason="stop",
        usage=usage,
        model=MODEL,
        effort="low",
    )
    with NotebookView(live=False) as view:
        for event in [*thought("Hm."), *told("Hi *you*.", index=1)]:
            view.show(event)
        view.show(Finish(reason="stop"))
    assert turn_bundle(turn, footer=False) == published.last
    text = Page(turn_bundle(turn)["text/html"]).text
    assert f"{MODEL} · effort low · 5 tokens in, 7 out · $0.50" in text


def test_hostile_names_and_notices_are_text() -> None:
    answer = Answer(model="<script>", parts=(), reason="other", native_reason="<img>")
    line = "![x](https://evil.example/p.png)<b>\x1b[31m"
    frame = Frame(pieces=(), line=line, parts=()).to_bundle()
    assert Page(frame["text/html"]).faults == []
    assert "\x1b" not in frame["text/plain"]
    final = reply_bundle(answer, footer=True)
    assert Page(final["text/html"]).faults == []
    assert "<img" not in final["text/markdown"]
