"""Formatters by the name of a type: they exist, and show no reply twice."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import pytest

from stepmagic.attachments.notebook.host import Host
from stepmagic.conversation.reply import Replies, Reply
from stepmagic.display.formatters import register_formatters
from stepmagic.transcript import Message, Text, Turn, user


class Formatter:
    """A formatter that keeps what is registered with it."""

    def __init__(self) -> None:
        self.registered: dict[tuple[str, str], Callable[[Any], object]] = {}

    def for_type_by_name(
        self, module: str, name: str, show: Callable[[Any], object]
    ) -> None:
        """Keep a formatter."""
        self.registered[module, name] = show


class DisplayFormatter:
    """The two formatters of IPython's ``DisplayFormatter`` that are used."""

    def __init__(self) -> None:
        self.mimebundle_formatter = Formatter()
        self.ipython_display_formatter = Formatter()


def turn(text: str) -> Turn:
    reply = Message(role="assistant", parts=(Text(text=text),))
    return Turn(parent=None, prompt=user("Hi"), replies=(reply,), status="complete")


def test_each_name_is_that_of_a_type() -> None:
    formatter = DisplayFormatter()
    register_formatters(formatter, Host())
    names = {
        **formatter.mimebundle_formatter.registered,
        **formatter.ipython_display_formatter.registered,
    }
    assert len(names) == 5
    for module, name in names:
        found = getattr(importlib.import_module(module), name)
        assert isinstance(found, type)
        assert found.__module__ == module


def test_replies_that_were_not_streamed_are_displayed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    formatter = DisplayFormatter()
    register_formatters(formatter, Host())
    show = formatter.ipython_display_formatter.registered
    show["stepmagic.conversation.reply", "Reply"](Reply(turn("One *word*.")))
    replies = Replies([Reply(turn("Two.")), Reply(turn("Three."))])
    show["stepmagic.conversation.reply", "Replies"](replies)
    printed = capsys.readouterr().out
    assert [word in printed for word in ("One", "Two", "Three")] == [True] * 3
