"""PDF files."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path

import pypdf
import pytest

from attached_files import Write, pdf
from openrouter_server import STEPFUN
from openrouter_server.strictness import body_faults
from stepmagic.attachments import files
from stepmagic.attachments.files import documents
from stepmagic.errors import AttachmentError
from stepmagic.transcript import File, Protocol, user
from stepmagic.wire import PROTOCOLS, Request, codec


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_pdf_is_sent_as_it_is_and_read_back(attach: Write, protocol: Protocol) -> None:
    attached = attach("paper.pdf", pdf(3))
    (part,) = attached.parts
    assert isinstance(part, File)
    assert (part.media_type, part.name) == ("application/pdf", "paper.pdf")
    assert len(pypdf.PdfReader(io.BytesIO(part.data or b"")).pages) == 3
    assert attached.size.startswith("3 pages, ")
    assert attached.kind == "PDF"
    request = Request(model=STEPFUN, messages=(user(part, "Summarise"),))
    body = codec(protocol).encode(request)
    assert body_faults(protocol, body) == []
    sent = base64.b64encode(part.data or b"").decode()
    assert sent in json.dumps(body)


@pytest.mark.parametrize(
    ("path", "name", "sent"),
    [
        ("paper.pdf", "docs/paper.PDF", "paper.PDF"),
        ("paper.pdf", "variable", "paper.pdf"),
        ("blob", "variable", "variable.pdf"),
    ],
)
def test_pdf_is_sent_under_a_name_that_says_so(
    tmp_path: Path, path: str, name: str, sent: str
) -> None:
    (tmp_path / path).write_bytes(pdf(1))
    (part,) = files.attach_path(tmp_path / path, name).parts
    assert isinstance(part, File)
    assert part.name == sent


def test_encrypted_pdf_has_a_notice(attach: Write) -> None:
    (notice,) = attach("paper.pdf", pdf(1, packed=True)).notices
    assert "is encrypted" in notice


def test_pages_are_not_counted_where_that_would_guess(attach: Write) -> None:
    changed = pdf(3) + b"\n%changed later\n%%EOF\n"
    assert documents.count_pages(changed) is None
    assert documents.count_pages(b"%PDF-1.7 packed %%EOF") is None
    assert attach("paper.pdf", changed).size == f"{len(changed)} bytes"


@pytest.mark.parametrize(("length", "pages"), [(82, 7), (83, None), ("", None)])
def test_pages_of_a_linearized_pdf_stand_in_front(
    length: int | str, pages: int | None
) -> None:
    head = b"%%PDF-1.4\n1 0 obj\n<< /Linearized 1 /L %a /N 7 /O 9 >>\nendobj\n"
    data = (head % length).ljust(82, b" ")
    assert documents.count_pages(data) == pages


def test_large_pdf_is_refused(attach: Write, tmp_path: Path) -> None:
    attach("paper.pdf", pdf(1))
    with (tmp_path / "paper.pdf").open("r+b") as file:
        file.truncate(30_000_000)
    with pytest.raises(AttachmentError, match="is 30 MB; at most 24 MB"):
        files.attach_path(tmp_path / "paper.pdf")
