"""Text files and their encodings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attached_files import Write, said
from stepmagic.attachments.files import text
from stepmagic.errors import AttachmentError


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("a.py", "python"),
        ("a.SQL", "sql"),
        ("a.md", "markdown"),
        ("a.json", "json"),
        ("a.r", "r"),
        ("a.txt", ""),
        ("Makefile", ""),
    ],
)
def test_text_is_one_block_in_its_language(
    attach: Write, name: str, language: str
) -> None:
    attached = attach(name, "one\ntwo")
    assert said(attached) == f"```{language}\none\ntwo\n```"
    assert attached.kind == f"{language or 'text'} file"
    assert (attached.name, attached.size) == (name, "2 lines, 7 bytes")
    assert attached.all_notices == ()


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
def test_encoding_is_told_by_its_mark(attach: Write, encoding: str) -> None:
    mark = "\N{ZERO WIDTH NO-BREAK SPACE}" if encoding[-3:] in ("-le", "-be") else ""
    content = "na\u00efve \u2014 \U0001f600\r\n"
    attached = attach("a.txt", (mark + content).encode(encoding))
    assert said(attached) == f"```\n{content}```"


def test_old_encoding_is_refused_with_the_way_round(attach: Write) -> None:
    with pytest.raises(AttachmentError, match="not in UTF-8") as error:
        attach("a.txt", "Gr\u00fc\u00dfe aus K\u00f6ln\n".encode("latin-1"))
    assert "at byte 2" in str(error.value)
    assert "read_text('latin-1')" in str(error.value)


def test_letter_across_the_end_of_the_head_is_text(attach: Write) -> None:
    content = "a" * 4095 + "\u00e9\u20ac" * 10
    assert content in said(attach("a.txt", content))


def test_long_text_is_refused_with_the_way_round(attach: Write) -> None:
    attach("a.log", "x" * 400_000)
    with pytest.raises(AttachmentError, match="`a.log` is 401 KB; at most 400 KB") as e:  # noqa: RUF043 - a dot is a dot here
        attach("a.log", "x" * 400_600)
    assert "[:100_000]" in str(e.value)


def test_empty_text_is_sent_with_a_notice(attach: Write) -> None:
    attached = attach("__init__.py", "")
    assert said(attached) == "```python\n```"
    assert attached.size == "0 lines, 0 bytes"
    assert attached.differences == ("`__init__.py` is empty.",)


@given(st.text(alphabet="`a\n\r ", max_size=40))
def test_fence_is_longer_than_any_within(content: str) -> None:
    block = text.fence(content, "python")
    marks = block.partition("python")[0]
    assert set(marks) == {"`"}
    assert marks not in content
    assert block.startswith(f"{marks}python\n{content}")
    assert block.endswith(marks)


@pytest.mark.parametrize("name", ["a.txt", "server.pem", "notes.md"])
def test_private_key_is_refused(attach: Write, name: str) -> None:
    with pytest.raises(AttachmentError, match=f"`{name}` contains a private key"):
        attach(name, "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIE\n")


def test_certificate_is_text(attach: Write) -> None:
    assert "BEGIN CERT" in said(attach("ca.pem", "-----BEGIN CERTIFICATE-----\n"))
