"""The kind of a file, from its first bytes."""

from __future__ import annotations

import io

import pytest
from PIL import Image as pillow  # noqa: N813 - the package has an Image of its own

from attached_files import Write, pdf, png
from stepmagic.errors import AttachmentError
from stepmagic.transcript import Image


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"PK\x03\x04\x14\x00\x00\x00", "a ZIP archive, as .xlsx"),
        (b"\x1f\x8b\x08\x00\x00", "data compressed by gzip"),
        (b"\x80\x05\x95\x00\x00", "a pickled Python object"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", r"sound \(WAV\)"),
        (b"\x93NUMPY\x01\x00", "a numpy array"),
        (b"\x01\x02\x03\x00", r"binary data \(it begins with 01 02 03 00\)"),
        (b"\xff\x01\x02\x0f" * 9, r"binary data \(it begins with ff 01 02 0f"),
    ],
)
def test_binary_data_is_refused_with_a_guess(
    attach: Write, content: bytes, what: str
) -> None:
    with pytest.raises(AttachmentError, match=f"`data.bin` is {what}") as error:
        attach("data.bin", content)
    assert "What can: images, videos, PDF" in str(error.value)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "noname"])
def test_picture_is_told_by_its_bytes(attach: Write, name: str) -> None:
    attached = attach(name, png())
    (part,) = attached.parts
    assert isinstance(part, Image)
    assert part.data is not None
    assert pillow.open(io.BytesIO(part.data)).getpixel((4, 4)) == (255, 0, 0)
    assert (attached.kind, attached.all_notices) == ("image", ())
    assert "8 \N{MULTIPLICATION SIGN} 8 pixels" in attached.size


@pytest.mark.parametrize("name", ["a.png", "a.mp4", "a.pdf", "a.ipynb"])
def test_file_that_is_not_what_its_name_says_is_refused(
    attach: Write, name: str
) -> None:
    with pytest.raises(AttachmentError, match=f"`{name}` is no"):
        attach(name, "just text")


def test_pdf_is_told_by_its_bytes(attach: Write) -> None:
    assert attach("paper", pdf(1)).size.startswith("1 page, ")
