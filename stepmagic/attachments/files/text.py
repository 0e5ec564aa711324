"""Text as a fenced block in its language, and the encodings it may be in."""

from __future__ import annotations

import codecs
import re

from stepmagic.attachments.attachment import Attached
from stepmagic.attachments.files.formats import refused
from stepmagic.attachments.files.source import Source, refuse_private_key
from stepmagic.errors import AttachmentError
from stepmagic.transcript import Text
from stepmagic.transcript.usage import format_bytes, format_count

MOST_BYTES = 400_000
"""About 100,000 tokens of English or code, two fifths of StepFun's context."""

# Names of languages as Pygments and GitHub know them.
_LANGUAGES = {
    ".bat": "batch",
    ".c": "c",
    ".cfg": "ini",
    ".cpp": "cpp",
    ".css": "css",
    ".csv": "csv",
    ".go": "go",
    ".h": "c",
    ".html": "html",
    ".ini": "ini",
    ".java": "java",
    ".jl": "julia",
    ".js": "javascript",
    ".json": "json",
    ".jsonl": "json",
    ".md": "markdown",
    ".ndjson": "json",
    ".py": "python",
    ".pyi": "python",
    ".r": "r",
    ".rb": "ruby",
    ".rs": "rust",
    ".rst": "rst",
    ".scala": "scala",
    ".sh": "bash",
    ".sql": "sql",
    ".svg": "xml",
    ".tex": "latex",
    ".toml": "toml",
    ".ts": "typescript",
    ".tsv": "csv",
    ".xml": "xml",
    ".yaml": "yaml",
    ".yml": "yaml",
}

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8-sig"),
)
_CONTROL = re.compile(rb"[\x00-\x06\x0e-\x1a\x7f]")
_MOST_CONTROL = 0.02
"""Text of an old encoding has hardly any control characters; binary data has many."""

_PROBED = 4096
_LEAST_NULS = 0.6
"""Of the bytes at even or at odd places: Latin letters in UTF-16 have NUL there."""

_CHUNK = 1_000_000

_FENCES = re.compile(r"`{3,}")


def attach_text(source: Source, *, differences: tuple[str, ...] = ()) -> Attached:
    """Return a text file as one fenced block.

    Raises:
        AttachmentError: It is too long, binary, in an old encoding, or a private key.
    """
    head = source.head()
    if _is_binary(head):
        raise refused(head, source.name)
    text = decode(source.read(MOST_BYTES, advice=advice(source.name)), source.name)
    refuse_private_key(text, source.name)
    language = _LANGUAGES.get(source.suffix, "")
    lines = text.count("\n") + (not text.endswith("\n") and text != "")
    if not text:
        differences = (*differences, f"`{source.name}` is empty.")
    return Attached(
        name=source.name,
        kind=f"{language or 'text'} file",
        parts=(Text(text=fence(text, language)),),
        size=f"{format_count(lines, 'line')}, {format_bytes(source.size)}",
        differences=differences,
    )


def advice(name: str) -> str:
    """Return what to do with a text that is too long."""
    return (
        "Attach a part of it: `from pathlib import Path; "
        f"part = Path({name!r}).read_text()[:100_000]` in a cell, then `part`."
    )


def decode(data: bytes, name: str) -> str:
    """Return bytes as text, by the mark they begin with, else as UTF-8.

    Raises:
        AttachmentError: They are in another encoding.
    """
    encoding = next((known for mark, known in _MARKS if data.startswith(mark)), "utf-8")
    if encoding == "utf-8":
        encoding = _unmarked_utf16(data) or encoding
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as exc:
        raise not_decoded(name, exc) from exc


def not_decoded(name: str, exc: UnicodeDecodeError) -> AttachmentError:
    """Return the error for a file that is in another encoding."""
    message = (
        f"`{name}` is not in UTF-8 ({exc.reason} at byte {exc.start:,}). "
        f"{encoding_advice(name)}"
    )
    return AttachmentError(message)


def encoding_advice(name: str) -> str:
    """Return what to do with a file in another encoding."""
    if name.casefold().endswith((".csv", ".tsv")):
        return (
            "Read it with its own encoding, such as "
            f"`pd.read_csv({name!r}, encoding='latin-1')`, and attach the table."
        )
    return (
        f"Read it with its own encoding, such as `Path({name!r}).read_text('latin-1')`,"
        " and attach the text."
    )


def check_utf8(source: Source) -> None:
    """Refuse a file of any size that is not in UTF-8.

    Raises:
        AttachmentError: It is in another encoding.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    source.file.seek(0)
    begin = 0
    while chunk := source.file.read(_CHUNK):
        try:
            decoder.decode(chunk)
        except UnicodeDecodeError as exc:
            exc.start += begin
            raise not_decoded(source.name, exc) from exc
        begin += len(chunk)


def _unmarked_utf16(data: bytes) -> str:
    """Return which UTF-16 a text is in that begins with no mark; empty for others."""
    head = data[:_PROBED]
    pairs = len(head) // 2
    first, second = head[::2].count(0), head[1::2].count(0)
    if not pairs or len(data) % 2 or min(first, second):
        return ""
    if max(first, second) < _LEAST_NULS * pairs:
        return ""
    return "utf-16-be" if first else "utf-16-le"


def fence(text: str, language: str = "") -> str:
    """Return text as a fenced block whose fence is longer than any within."""
    marks = "`" * max((len(run) + 1 for run in _FENCES.findall(text)), default=3)
    end = "" if not text or text.endswith("\n") else "\n"
    return f"{marks}{language}\n{text}{end}{marks}"


def cut(text: str, most: int) -> str:
    """Return text without the middle of what is too long."""
    left_out = len(text) - most
    if left_out <= 0:
        return text
    half = most // 2
    return f"{text[:half]}\n[... {left_out:,} characters left out ...]\n{text[-half:]}"


def _is_binary(head: bytes) -> bool:
    if any(head.startswith(mark) for mark, _ in _MARKS):
        return False
    if b"\x00" in head:
        return not _unmarked_utf16(head)
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return len(_CONTROL.findall(head)) > _MOST_CONTROL * len(head)
    return False
