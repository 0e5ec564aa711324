"""What was attached, as chips: in notebooks, terminals and the history; inert HTML."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd  # type: ignore[import-untyped]  # it ships no types
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow

from chips import HOSTILE, shown, thumbnails
from kernels import running_kernel
from openrouter_server import OpenRouterServer
from shell_fixtures import ShellUnderTest
from stepmagic import Conversation
from stepmagic.attachments.notebook.host import Host
from stepmagic.conversation.dialogue import Dialogue
from stepmagic.display.formatters import register_formatters
from stepmagic.display.html.attachments import (
    SentAttachments,
    attachments,
    part_html,
    sent_html,
)
from stepmagic.display.view import show_sent
from stepmagic.errors import AttachmentError
from stepmagic.session import session
from stepmagic.transcript import (
    File,
    Image,
    Message,
    Part,
    Text,
    ToolCall,
    Video,
    tree_from_dict,
    tree_to_dict,
    user,
)

texts = st.sampled_from(HOSTILE) | st.text(max_size=40)
names = texts.filter(bool)


def picture(form: str = "PNG", size: tuple[int, int] = (400, 300)) -> bytes:
    buffer = io.BytesIO()
    Pillow.new("RGB", size, "red").save(buffer, form)
    return buffer.getvalue()


PNG = Image(
    media_type="image/png", data=picture(), name="img", about="image, 400 × 300"
)
TABLE = Text(
    text="day\tn\n1\t2", name="df", about="pandas DataFrame, 1 row × 2 columns"
)
QUESTION = Text(text="What is it?")


def test_what_the_user_typed_is_no_attachment() -> None:
    video = Video(url="https://example.org/a.mp4")
    message = user(TABLE, PNG, QUESTION, video, Text(text="", name=""))
    assert list(attachments(message)) == [TABLE, PNG, video, Text(text="", name="")]


def test_nothing_attached_shows_nothing() -> None:
    assert not SentAttachments(message=user("Hi"))
    assert sent_html(user("Hi")) == ""
    assert repr(SentAttachments(message=user("Hi"))) == ""


def test_notices_alone_are_shown() -> None:
    sent = SentAttachments(
        message=user("Hi"), notices=("`df` was cut.", "And <b>so</b> on.")
    )
    assert sent
    assert repr(sent) == "`df` was cut.\nAnd <b>so</b> on."
    page = shown(sent._repr_html_())
    assert "details" not in dict(page.elements)
    assert "`df` was cut.\nAnd <b>so</b> on." in page.text


def test_chips_name_size_and_tokens_in_a_fold() -> None:
    sent = SentAttachments(message=user(TABLE, PNG, QUESTION))
    page = shown(sent._repr_html_())
    assert page.elements[0][0] == "details"
    assert "open" not in page.elements[0][1]
    summary = page.text.split("\n")[0]
    assert summary == "Sent df 1 row × 2 columns · img 400 × 300 · about 178 tokens"
    assert repr(sent) == f"{summary}."


def test_fold_holds_the_text_as_it_is_sent_and_a_thumbnail() -> None:
    page = shown(sent_html(user(TABLE, PNG)))
    assert "day\tn\n1\t2" in page.text
    assert "df · pandas DataFrame, 1 row × 2 columns · about 7 tokens" in page.text
    assert "img · image, 400 × 300 · about 171 tokens" in page.text
    assert thumbnails(page) == [("img", (160, 120))]


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_thumbnail_is_small_and_of_the_right_kind(form: str) -> None:
    image = Image(media_type=f"image/{form.lower()}", data=picture(form, (3000, 2000)))
    html = part_html(image)
    ((alt, size),) = thumbnails(shown(html))
    assert (alt, max(size)) == ("image", 160)
    assert len(html) < 20_000


def test_picture_that_is_none_is_said_to_be_so() -> None:
    broken = Image(media_type="image/png", data=b"\x89PNG broken", name="<b>bad</b>")
    page = shown(part_html(broken))
    assert "<b>bad</b>" in page.text
    assert "img" not in dict(page.elements)


def test_what_lies_elsewhere_is_never_fetched() -> None:
    url = "https://tracker.example/a.png"
    page = shown(sent_html(user(Image(url=url), Video(url=url), File(url=url))))
    assert {tag for tag, _ in page.elements}.isdisjoint({"img", "a"})


def test_media_say_what_they_are() -> None:
    file = File(media_type="application/pdf", data=b"%PDF" * 600, name="a.pdf")
    assert "a.pdf · " in shown(part_html(file)).text
    assert "about 3 tokens" in shown(part_html(file)).text


def test_a_part_that_no_user_sends_has_its_tokens() -> None:
    assert shown(part_html(ToolCall(id="1", name="f"))).text == "about 2 tokens\n"


def test_same_name_is_listed_once() -> None:
    frames = [Image(media_type="image/png", data=picture(), name="clip")] * 3
    assert (
        repr(SentAttachments(message=user(*frames))) == "Sent clip · about 513 tokens."
    )


def test_long_text_and_long_names_are_cut() -> None:
    text = Text(text="a" * 20_000, name="df.query('" + "x" * 100 + "')")
    page = shown(sent_html(user(text)))
    assert "... (12,000 more characters)" in page.text
    assert "x" * 51 not in page.text.split("\n")[0]
    assert "..." in repr(SentAttachments(message=user(text)))


@given(names, texts, texts, texts)
def test_nothing_in_a_chip_acts(name: str, about: str, text: str, notice: str) -> None:
    message = user(
        Text(text=text, name=name, about=about),
        Image(media_type="image/png", data=picture(size=(8, 8)), name=name),
        File(media_type="a/b", data=b"x", name=name, about=about),
        Video(url="https://example.org/a.mp4", name=name),
        text,
    )
    shown(sent_html(message, [notice]))
    said = repr(SentAttachments(message=message, notices=(notice,)))
    assert not set("\x1b\u202e\u2028\ud800\x00") & set(said)


@pytest.mark.parametrize("name", HOSTILE)
def test_line_in_a_terminal_stays_a_line(name: str) -> None:
    assert "\n" not in repr(SentAttachments(message=user(Text(text="a", name=name))))


# Where it is shown


def test_a_plain_script_and_a_pipe_see_nothing(
    bare_shell: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pipe wants the answer alone."""
    show_sent(Host(), user(TABLE), ())
    show_sent(Host(bare_shell), user(TABLE), ("cut",))
    assert capsys.readouterr().out == ""


def test_a_terminal_sees_a_line(
    bare_shell: Any,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    show_sent(Host(bare_shell), user("Hi"), ())
    assert capsys.readouterr().out == ""
    show_sent(Host(bare_shell), user(TABLE, "Hi"), ("cut",))
    assert capsys.readouterr().out == (
        "Sent df 1 row × 2 columns · about 7 tokens.\ncut\n"
    )


_SCRIPT = """
import sys
from stepmagic import step
step("Hi", "attached words")
"""


def test_a_script_prints_nothing_of_it(
    server: OpenRouterServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", server.key)
    monkeypatch.setenv("STEPMAGIC_BASE_URL", server.url)
    ran = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", _SCRIPT], capture_output=True, text=True, check=True
    )
    assert ran.stdout == ran.stderr == ""
    assert "attached words" in str(server.requests[-1].body)


def test_a_kernel_shows_it_before_the_answer(
    server: OpenRouterServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", server.key)
    monkeypatch.setenv("STEPMAGIC_BASE_URL", server.url)
    with running_kernel() as kernel:
        kernel.check("%load_ext stepmagic\nwords = 'many words'")
        first, *rest = kernel.check("%%step words\nHi").shown
        assert "many words" in shown(first["text/html"]).text
        assert first["text/plain"].startswith("Sent words 10 characters")
        assert rest
        assert "many words" not in str(rest)
        kernel.check(f"words = 'the key is {server.key}'")
        ran = kernel.run("%%step words\nHi")
        assert ran.status == "error"
        assert server.key not in str(ran.messages)
    assert len(server.requests) == 1


def test_key_is_refused_before_anything_shows(
    server: OpenRouterServer, step: ShellUnderTest, tmp_path: Path
) -> None:
    """In a text, a name, an address or a file: it stays in no output."""
    held = tmp_path / f"{server.key}.txt"
    held.write_text("named")
    pdf = File(media_type="application/pdf", data=f"%PDF {server.key}".encode())
    step["key"], step["pdf"] = server.key, pdf
    step["inside"] = pd.DataFrame({"a": [server.key]})
    for word in (
        *("key", "pdf", "inside", f"'{held}'"),
        f"https://example.org/a.png?key={server.key}",
    ):
        with pytest.raises(AttachmentError, match="contains the API key"):
            step.run(f"%%step {word}\nWhat?")
        assert step.shown == []
    with pytest.raises(AttachmentError, match="contains the API key"):
        step.run("%%step\n{{ key }}")
    assert server.requests == []
    assert session().conversation.turns == []


# History


def history(talk: Conversation | Dialogue, shell: Any) -> dict[str, str]:
    register_formatters(shell.display_formatter, Host(shell))
    bundle: dict[str, str] = shell.display_formatter.format(talk)[0]
    return bundle


def test_history_shows_what_was_sent_also_when_it_was_saved(
    step: ShellUnderTest,
) -> None:
    step["df"] = pd.DataFrame({"<b>": [1, 2]})
    step["img"] = Pillow.new("RGB", (40, 30), "red")
    step.run("%%step df img\nWhat <i>is</i> {{ df.columns[0] }}?")
    talk = session().conversation
    again = Conversation("again")
    dialogue = session().open("again")
    dialogue.tree = tree_from_dict(tree_to_dict(talk.tree))
    for each in (talk, again):
        bundle = history(each, step.shell)
        page = shown(bundle["text/html"])
        assert "Sent df 2 rows × 1 column · img 40 × 30 pixels" in page.text
        assert "What <i>is</i> <b>?" in page.text
        assert len(thumbnails(page)) == 1
        assert "> What <i>is</i> <b>?\nSent df 2 rows" in bundle["text/plain"]


def test_history_without_attachments_has_no_chips(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    assert server.requests == []
    step.run("%%step\nHi")
    bundle = history(session().conversation, step.shell)
    assert "Sent" not in shown(bundle["text/html"]).text
    assert "Sent" not in bundle["text/plain"]


def test_message_of_any_part_shows() -> None:
    parts: tuple[Part, ...] = (TABLE, PNG, QUESTION)
    assert sent_html(Message(role="user", parts=parts)) == sent_html(user(*parts))
