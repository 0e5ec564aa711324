"""Documents of Word and slides of PowerPoint as Markdown."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from stepmagic.attachments import files
from stepmagic.errors import AttachmentError
from stepmagic.transcript import Text

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
A = "http://schemas.openxmlformats.org/drawingml/2006/main"
WORDS = """<w:document xmlns:w="{w}"><w:body>
<w:p><w:pPr><w:pStyle w:val="Heading2"/></w:pPr><w:r><w:t>Sales</w:t></w:r></w:p>
<w:p><w:r><w:t>They </w:t></w:r><w:del><w:r><w:delText>fell</w:delText></w:r></w:del>
<w:r><w:t>rose.</w:t></w:r></w:p>
<w:p><w:pPr><w:numPr/></w:pPr><w:r><w:t>one</w:t></w:r></w:p>
<w:tbl><w:tr><w:tc><w:p><w:r><w:t>a|b</w:t></w:r></w:p></w:tc></w:tr>
<w:tr><w:tc><w:p><w:r><w:t>1</w:t></w:r></w:p></w:tc></w:tr></w:tbl>
</w:body></w:document>"""
SLIDE = """<p xmlns:a="{a}"><a:p><a:r><a:t>Slide of {n}</a:t></a:r></a:p>
<a:tbl><a:tr><a:tc><a:p><a:r><a:t>x</a:t></a:r></a:p></a:tc></a:tr></a:tbl></p>"""


def written(path: Path, parts: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return path


def said(path: Path) -> str:
    (part,) = files.attach_path(path).parts
    assert isinstance(part, Text)
    return part.text


def test_a_document_is_its_headings_paragraphs_items_and_tables(
    tmp_path: Path,
) -> None:
    parts = {"word/document.xml": WORDS.format(w=W), "word/media/a.png": "picture"}
    path = written(tmp_path / "a.docx", parts)
    assert said(path) == (
        "## Sales\n\nThey rose.\n\n- one\n\n| a\\|b |\n| --- |\n| 1 |"
    )
    attached = files.attach_path(path)
    assert attached.kind == "Word document"
    (difference,) = attached.differences
    assert difference == (
        "The text of `a.docx` is sent as Markdown, without its layout and without its "
        "1 picture."
    )


def test_slides_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    slides = {f"ppt/slides/slide{n}.xml": SLIDE.format(a=A, n=n) for n in (10, 2)}
    assert said(written(tmp_path / "a.pptx", slides)) == (
        "## Slide 2\n\nSlide of 2\n\n| x |\n| --- |\n\n"
        "## Slide 10\n\nSlide of 10\n\n| x |\n| --- |"
    )


@pytest.mark.parametrize(
    "parts",
    [
        {"other.xml": ""},
        {"word/document.xml": "<broken"},
        {"word/document.xml": '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'},
    ],
)
def test_what_is_no_document_is_refused(tmp_path: Path, parts: dict[str, str]) -> None:
    with pytest.raises(AttachmentError, match=r"cannot be read as \.docx"):
        files.attach_path(written(tmp_path / "a.docx", parts))
