"""Control characters are removed, wherever a text is cut."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from markdown_samples import ATTACKS
from page import acts
from stepmagic.errors import shorten
from stepmagic.markdown import PlainStream, plain
from stepmagic.markdown.characters import one_line


@pytest.mark.parametrize("number", ATTACKS)
def test_an_attack_does_not_get_into_plain_text(number: int) -> None:
    text = plain(ATTACKS[number])
    assert not any(acts(char) for char in text)
    text.encode("utf-8")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\tb\nc", "a\tb\nc"),
        ("a\r\nb\rc\u2028d\u2029e", "a\nb\nc\nd\ne"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07a\x1b]8;;u\x1b\\b\x9d0;t\x9cc", "abc"),
        ("\x1b]never closed\nb", "\nb"),
        ("\x1bPq#0\x1b\\a\x1b(Bb\x1bcd\x9b2Je", "abde"),
        ("a\x1b", "a"),
        ("\ud83d\ude00", "\ufffd\ufffd"),
        ("👩‍💻 ❤️ #️⃣ می‌خواهم", "👩‍💻 ❤️ #️⃣ می‌خواهم"),
        (
            "a\u200db c\u200c\u200dd \u200d e\ufe0f\ufe0f \ufe0f\u200c",
            "ab cd  e\ufe0f ",
        ),
        ("co\u00adop \u200f\u202eabc\u202c\U000e0041", "coop abc"),
    ],
)
def test_plain_text_keeps_what_can_be_read(text: str, shown: str) -> None:
    assert plain(text) == shown


ACTING = (
    "ab \n\r\t\x1b\x07\x9b\x9d\x9c[]\\;08mP(\u200c\u200d\ufe0f\u202e\u2028é👩\ud800"
)


@given(st.text(ACTING), st.lists(st.integers(0, 40)))
def test_cuts_do_not_change_plain_text(text: str, cuts: list[int]) -> None:
    stream = PlainStream()
    ends = [0, *sorted(cut for cut in cuts if cut < len(text)), len(text)]
    shown = [stream.feed(text[a:b]) for a, b in itertools.pairwise(ends)]
    assert "".join(shown) + stream.close() == plain(text)
    assert not any(acts(char) for char in plain(text))
    assert plain(plain(text)) == plain(text)


def test_a_text_is_shortened_to_a_length() -> None:
    assert shorten("abc", 3) == "abc"
    assert shorten("abcd", 3) == "abc..."


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a\n b\t c", "a b c"),
        ("abcdefghi", "abcdefgh..."),
        ("\x1b[31mred\x1b[0m", "red"),
        ("a" + " " * 100, "a..."),
    ],
)
def test_a_text_becomes_one_line(text: str, line: str) -> None:
    assert one_line(text, 8) == line
