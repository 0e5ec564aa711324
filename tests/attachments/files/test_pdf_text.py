"""PDF as the text of its pages, for models whose server takes no documents."""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pypdf
import pytest
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

from shell_fixtures import ShellUnderTest
from stepmagic.attachments.attach import attach
from stepmagic.attachments.attachment import Attached, Handling
from stepmagic.attachments.first_line import attach_word
from stepmagic.attachments.images import ImageLimits
from stepmagic.errors import AttachmentError
from stepmagic.transcript import File, Text

REASON = "local/smollm2 takes no files"
HANDLING = Handling(no_files=REASON, no_documents=REASON)


def pdf(*texts: str) -> bytes:
    """Return a PDF with a page for each text."""
    writer = pypdf.PdfWriter()
    font = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject("/Helvetica"),
        }
    )
    for text in texts:
        page = writer.add_blank_page(width=300, height=300)
        fonts = DictionaryObject({NameObject("/F1"): font})
        page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
        if text:
            content = DecodedStreamObject()
            content.set_data(f"BT /F1 12 Tf 20 200 Td ({text}) Tj ET".encode())
            page[NameObject("/Contents")] = writer._add_object(content)
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


def attached(path: Path, *texts: str, pages: tuple[int, ...] = ()) -> Attached:
    path.write_bytes(pdf(*texts))
    handling = replace(HANDLING, limits=ImageLimits(pages=pages))
    return attach(path, "paper", handling, {})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "paper.pdf"


def text_of(found: Attached) -> str:
    (part,) = found.parts
    assert isinstance(part, Text)
    return part.text


def test_text_of_each_page_is_sent_under_its_number(path: Path) -> None:
    found = attached(path, "First words", "Second words")
    assert "[page 1]\nFirst words\n\n[page 2]\nSecond words" in text_of(found)
    assert found.kind == "text of a PDF"
    (difference,) = found.differences
    assert difference == (
        f"{REASON}, so only the text of `paper` is sent: pictures, drawn formulas and "
        "the layout of tables and columns are left out."
    )


def test_pages_without_text_are_named(path: Path) -> None:
    found = attached(path, "First words", "", "Third", "")
    assert "[page 2]" not in text_of(found)
    assert found.differences[1] == "`paper`: pages 2, 4 without text left out."


def test_chosen_pages_keep_their_numbers(path: Path) -> None:
    found = attached(path, "One", "Two", "Three", pages=(3, 1))
    assert "[page 3]\nThree\n\n[page 1]\nOne" in text_of(found)
    assert "Two" not in text_of(found)
    assert "pages 3, 1 of 3 are sent" in found.differences[0]


def test_scanned_document_is_refused(path: Path) -> None:
    with pytest.raises(AttachmentError, match="Attach pictures of the pages"):
        attached(path, "", "")


def test_damaged_document_is_refused(path: Path) -> None:
    path.write_bytes(b"%PDF-1.7\nnothing")
    with pytest.raises(AttachmentError, match="could not be read as a PDF"):
        attach(path, "paper", HANDLING, {})


def test_missing_library_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pypdf", None)
    with pytest.raises(AttachmentError, match="`pip install pypdf`"):
        attached(path, "Words")


@pytest.mark.parametrize(
    "part",
    [
        File(url="https://example.org/a.pdf", media_type="application/pdf"),
        File(data=b"x", media_type="application/x-unknown"),
    ],
)
def test_what_has_no_text_here_is_refused(part: Any) -> None:
    with pytest.raises(AttachmentError, match="`paper` is not one"):
        attach(part, "paper", HANDLING, {})


def test_words_of_the_first_line_are_read_alike(path: Path) -> None:
    path.write_bytes(pdf("First words"))
    (found,) = attach_word(str(path), {}, HANDLING)
    assert "First words" in text_of(found)
    with pytest.raises(AttachmentError, match="only PDF files that are here"):
        attach_word("https://example.org/a.pdf", {}, HANDLING)


def test_other_servers_are_sent_the_document(path: Path) -> None:
    path.write_bytes(pdf("First words"))
    (part,) = attach(path, "paper", Handling(no_files=REASON), {}).parts
    assert isinstance(part, File)


def test_embedded_engine_is_sent_the_text(step: ShellUnderTest, path: Path) -> None:
    path.write_bytes(pdf("First words"))
    step["paper"] = path
    step.run("%%step --dry-run -m local paper\nWhat is it?")
    shown = step.shown[0]["text/plain"]
    assert "so only the text of `paper` is sent" in shown
    assert "First words" in shown
