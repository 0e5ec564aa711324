"""Parts and messages."""

from __future__ import annotations

import dataclasses

import pytest

from stepmagic.transcript import (
    File,
    Image,
    Message,
    Opaque,
    Reasoning,
    Text,
    ToolCall,
    user,
)


def test_media_takes_data_or_a_url() -> None:
    with pytest.raises(ValueError, match="Image takes data or url, exactly one"):
        Image()
    with pytest.raises(ValueError, match="exactly one"):
        Image(data=b"", url="https://example.org", media_type="image/png")
    with pytest.raises(ValueError, match="File with data needs its media_type"):
        File(data=b"%PDF")


def test_location_is_the_url_or_holds_the_bytes() -> None:
    assert Image(url="https://example.org/a.png").location.endswith("a.png")
    held = Image(data=b"\x89PNG", media_type="image/png")
    assert held.location == "data:image/png;base64,iVBORw=="


def test_url_holds_no_bytes() -> None:
    assert Image(url="https://example.org/a.png").base64 == ""


def test_bytes_are_not_shown() -> None:
    assert "secret" not in repr(Image(data=b"secret", media_type="image/png"))


def test_message_text_leaves_everything_else_out() -> None:
    message = Message(
        role="assistant",
        parts=(
            Reasoning(text="hm"),
            Text(text="a"),
            ToolCall(id="1", name="f"),
            Opaque(kind="later"),
            Text(text="b"),
        ),
    )
    assert message.text == "ab"


def test_typed_text_leaves_out_what_was_attached() -> None:
    message = user(
        Text(text="1\t2", name="df", about="table"),
        "What is ",
        Image(url="https://example.org/a.png", name="img"),
        Text(text="", name=""),
        "it?",
    )
    assert message.typed == "What is it?"
    assert message.text == "1\t2What is it?"


def test_message_reasoning_joins_the_readable_blocks() -> None:
    message = Message(
        role="assistant",
        parts=(Reasoning(text="one"), Reasoning(), Text(text="a"), Reasoning(text="2")),
    )
    assert message.reasoning == "one\n\n2"


def test_user_message_takes_texts_and_parts() -> None:
    image = Image(url="https://example.org/a.png")
    message = user("look", image)
    assert message == Message(role="user", parts=(Text(text="look"), image))


def test_equal_content_is_an_equal_part() -> None:
    assert Text(text="a") == Text(text="a", provider_metadata={})


def test_parts_do_not_change() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Text(text="a").text = "b"  # type: ignore[misc]  # frozen: this is the test
