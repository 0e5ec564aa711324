"""Formats by their first bytes, and texts that resemble them."""

from __future__ import annotations

import pytest

from stepmagic.transcript.signatures import HEAD_BYTES, detect, media_type

SAMPLES = [
    (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "image", "PNG", "image/png"),
    (b"\xff\xd8\xff\xe0\0\x10JFIF", "image", "JPEG", "image/jpeg"),
    (b"GIF87a\1\0", "image", "GIF", "image/gif"),
    (b"GIF89a\1\0", "image", "GIF", "image/gif"),
    (b"RIFF\x10\0\0\0WEBPVP8 ", "image", "WEBP", "image/webp"),
    (b"II*\0\x08", "image", "TIFF", "image/tiff"),
    (b"MM\0*\0", "image", "TIFF", "image/tiff"),
    (b"BM" + bytes(12) + b"\x28\0\0\0", "image", "BMP", "image/bmp"),
    (b"\0\0\0\x1cftypavif", "image", "AVIF", "image/avif"),
    (b"\0\0\0\x18ftypheic", "image", "HEIF", "image/heif"),
    (b"\0\0\0\x18ftypmp42", "video", "MP4", "video/mp4"),
    (b"\0\0\0\x18ftypisom", "video", "MP4", "video/mp4"),
    (b"\0\0\0\x14ftypqt  ", "video", "MOV", "video/mov"),
    (b"\0\0\0\x08wide", "video", "MOV", "video/mov"),
    (b"\x1a\x45\xdf\xa3\x01\x42\x82\x84webm", "video", "WebM", "video/webm"),
    (b"\x1a\x45\xdf\xa3\x42\x82matroska", "video", "Matroska", "video/x-matroska"),
    (b"OggS\0\x02\x80theora", "video", "Ogg", "video/ogg"),
    (b"RIFF\x10\0\0\0AVI LIST", "video", "AVI", "video/x-msvideo"),
    (b"OggS\0\x02\x01vorbis", "audio", "sound (Ogg)", "audio/ogg"),
    (b"RIFF\x10\0\0\0WAVEfmt ", "audio", "sound (WAV)", "audio/wav"),
    (b"\0\0\0\x20ftypM4A ", "audio", "sound (M4A)", ""),
    (b"%PDF-1.7", "document", "PDF", "application/pdf"),
    (b"PAR1\x15\x04", "table", "Parquet", "application/vnd.apache.parquet"),
    (b"ARROW1\0\0", "table", "Arrow", "application/vnd.apache.arrow.file"),
    (b"SQLite format 3\0", "table", "an SQLite database", ""),
    (b"PK\x03\x04", "archive", "a ZIP archive, as .xlsx, .docx and .npz are", ""),
    (b"\x80\x04\x95", "data", "a pickled Python object", ""),
]


@pytest.mark.parametrize(("head", "family", "name", "kind"), SAMPLES)
def test_format_is_known_by_its_first_bytes(
    head: bytes, family: str, name: str, kind: str
) -> None:
    for rest in (b"", bytes(200)):
        found = detect(head + rest)
        assert found is not None
        assert (found.family, found.name, found.media_type) == (family, name, kind)
        assert media_type(head, found.family) == kind
    assert media_type(head, "program") is None


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"a,b\n1,2\n",
        b"BMW, 3 series, automatic",
        b"the wide, wide world",
        b"see ftyp, moov and mdat",
        b"far moov",
        b"12345678WEBPVP8",
        b"12345678AVI LIST",
        b"\xef\xbb\xbfa,b",
    ],
)
def test_text_is_no_format(text: bytes) -> None:
    assert detect(text) is None


def test_only_the_head_counts() -> None:
    late = b"\x1a\x45\xdf\xa3".ljust(HEAD_BYTES, b"\0") + b"webm"
    found = detect(late)
    assert found is not None
    assert found.name == "Matroska"
