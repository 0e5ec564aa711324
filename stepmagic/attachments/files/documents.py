"""PDF as a file part or, for models that take none, as the text of its pages.

Pages are counted where that does not take a PDF reader.
"""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import PurePath

from stepmagic.attachments.attachment import Attached
from stepmagic.attachments.files.source import Source
from stepmagic.attachments.files.text import fence
from stepmagic.errors import AttachmentError
from stepmagic.transcript import File, Text
from stepmagic.transcript.usage import format_bytes, format_count

MOST_BYTES = 24_000_000
"""In base64 this fills the 32 MB that Anthropic takes (Anthropic docs, PDF support)."""

_WITHIN = 1024

# ISO 32000-1, 7.7.3.2: the root of the page tree counts all pages.
_PAGE_TREE = re.compile(rb"<<[^<>]*/Type\s*/Pages\b[^<>]*>>")
_COUNT = re.compile(rb"/Count\s+(\d{1,6})\b")
# ISO 32000-1, Annex F.3.3: /N is the number of pages, /L the length of the file.
_LINEARIZED = re.compile(rb"<<[^<>]*/Linearized\b[^<>]*>>")
_ENCRYPTED = re.compile(rb"/Encrypt\s+\d+\s+\d+\s+R\b")


def attach_pdf(source: Source, chosen: tuple[int, ...] = ()) -> Attached:
    """Return a PDF as a file part.

    Args:
        source: The stored file.
        chosen: Numbers of the pages that are sent, from 1; empty sends all.

    Raises:
        AttachmentError: It is not a PDF, too large, or has no such pages.
    """
    advice = "Attach some of its pages, or its URL."
    data = source.read(MOST_BYTES, advice=advice)
    if b"%PDF-" not in data[:_WITHIN]:
        message = f"`{source.name}` is not a PDF: it has no `%PDF-` header."
        raise AttachmentError(message)
    differences: tuple[str, ...] = ()
    if chosen:
        data, count = _extract(data, source.name, chosen)
        numbers = ", ".join(map(str, chosen))
        differences = (f"`{source.name}`: pages {numbers} of {count:,} are sent.",)
    pages, size = count_pages(data), format_bytes(len(data))
    notices: tuple[str, ...] = ()
    if _ENCRYPTED.search(data):
        notices = (f"`{source.name}` is encrypted: the model may not get to read it.",)
    return Attached(
        name=source.name,
        kind="PDF",
        parts=(File(media_type="application/pdf", data=data, name=_file_name(source)),),
        size=f"{format_count(pages, 'page')}, {size}" if pages else size,
        differences=differences,
        notices=notices,
    )


def _extract(data: bytes, name: str, chosen: tuple[int, ...]) -> tuple[bytes, int]:
    """Return some pages of a PDF as one, and how many there are.

    Raises:
        AttachmentError: pypdf is not installed, it cannot read the file, or there are
            no such pages.
    """
    try:
        import pypdf  # noqa: PLC0415 - an optional library
    except ImportError as exc:
        message = (
            "`-p pages` of a PDF needs pypdf, which is not installed: "
            "`pip install pypdf`."
        )
        raise AttachmentError(message) from exc
    try:
        reader = pypdf.PdfReader(io.BytesIO(data))
        count = len(reader.pages)
        if max(chosen) <= count:
            writer = pypdf.PdfWriter()
            for number in chosen:
                writer.add_page(reader.pages[number - 1])
            buffer = io.BytesIO()
            writer.write(buffer)
            return buffer.getvalue(), count
    except Exception as exc:  # pypdf raises errors of many types
        message = f"`{name}` could not be read as a PDF: {exc}."
        raise AttachmentError(message) from exc
    has = format_count(count, "page")
    message = f"`{name}` has {has}; it has no page {max(chosen)}."
    raise AttachmentError(message)


def as_text(attached: Attached, reason: str, chosen: tuple[int, ...] = ()) -> Attached:
    """Return an attached PDF as the text of its pages.

    Args:
        attached: What contains the file.
        reason: Why the file cannot be sent.
        chosen: The numbers of its pages in the user's document; empty counts from 1.

    Raises:
        AttachmentError: pypdf is not installed or cannot read the file, the file is
            somewhere else or not a PDF, or none of its pages has text.
    """
    parts: list[Text] = []
    differences: list[str] = []
    for part in attached.parts:
        if isinstance(part, Text):
            parts.append(part)
        elif isinstance(part, File):
            text, without = _text_of(part, attached.name, reason, chosen)
            parts.append(Text(text=fence(text), name=attached.name))
            differences.append(
                f"{reason}, so only the text of `{attached.name}` is sent: pictures, "
                "drawn formulas and the layout of tables and columns are left out."
            )
            if without:
                pages = "page" if len(without) == 1 else "pages"
                listed = ", ".join(map(str, without))
                differences.append(
                    f"`{attached.name}`: {pages} {listed} without text left out."
                )
    return replace(
        attached,
        kind="text of a PDF",
        parts=tuple(parts),
        differences=(*attached.differences, *differences),
    )


def _text_of(
    part: File, name: str, reason: str, chosen: tuple[int, ...]
) -> tuple[str, list[int]]:
    """Return the text of a PDF with its pages marked, and which pages have none."""
    if part.data is None or part.media_type != "application/pdf":
        message = (
            f"{reason}, and only PDF files that are here can be sent as text instead: "
            f"`{name}` is not one. Download or convert it, and attach that."
        )
        raise AttachmentError(message)
    try:
        import pypdf  # noqa: PLC0415 - an optional library
    except ImportError as exc:
        message = (
            f"{reason}, and to send the text of `{name}` instead needs pypdf, which is "
            "not installed: `pip install pypdf`."
        )
        raise AttachmentError(message) from exc
    try:
        reader = pypdf.PdfReader(io.BytesIO(part.data))
        texts = [page.extract_text().strip() for page in reader.pages]
    except Exception as exc:  # pypdf raises errors of many types
        message = f"{reason}, and `{name}` could not be read as a PDF: {exc}."
        raise AttachmentError(message) from exc
    numbers = chosen or tuple(range(1, len(texts) + 1))
    pages = list(zip(numbers, texts, strict=True))
    if not any(texts):
        message = (
            f"{reason}, and no page of `{name}` has text to send instead: they may be "
            "scanned. Attach pictures of the pages."
        )
        raise AttachmentError(message)
    marked = (f"[page {number}]\n{text}" for number, text in pages if text)
    return "\n\n".join(marked), [number for number, text in pages if not text]


def _file_name(source: Source) -> str:
    """Return a name that ends with .pdf, without the folder."""
    names = (PurePath(source.name).name, source.path.name)
    pdf_names = (name for name in names if name.casefold().endswith(".pdf"))
    return next(pdf_names, f"{names[0]}.pdf")


def count_pages(data: bytes) -> int | None:
    """Return the number of pages; None where it is packed or was changed later."""
    if found := _LINEARIZED.search(data, 0, _WITHIN):
        length, pages = _number(found[0], b"L"), _number(found[0], b"N")
        return pages if length == len(data) else None
    # A later change is appended with another %%EOF, and leaves old counts behind.
    if data.count(b"%%EOF") != 1:
        return None
    counts = [
        int(count)
        for tree in _PAGE_TREE.findall(data)
        for count in _COUNT.findall(tree)
    ]
    return max(counts, default=None)


def _number(dictionary: bytes, key: bytes) -> int | None:
    found = re.search(rb"/" + key + rb"\s+(\d+)\b", dictionary)
    return int(found[1]) if found else None
