"""Text files that are compressed, read from their beginning up to a limit."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import importlib
import io
import lzma
from collections.abc import Iterator
from typing import IO, Any, TextIO

from stepmagic.attachments.files.source import Source
from stepmagic.errors import AttachmentError

_DAMAGED = (OSError, EOFError, lzma.LZMAError, ValueError)


@contextlib.contextmanager
def opened(source: Source) -> Iterator[TextIO]:
    """Open a file as text in UTF-8, decompressed, for as long as the block runs.

    Raises:
        AttachmentError: It is damaged, or compressed by what is not installed.
    """
    source.file.seek(0)
    with contextlib.ExitStack() as stack:
        binary: Any = source.file
        if source.compression:
            binary = stack.enter_context(_decompressed(source))
        lines = io.TextIOWrapper(binary, encoding="utf-8-sig", newline="")
        try:
            yield lines
        except UnicodeDecodeError:
            raise
        except _DAMAGED as exc:
            if not source.compression or type(exc).__name__ == "IrregularError":
                raise
            message = f"`{source.name}` cannot be decompressed: {exc}."
            raise AttachmentError(message) from exc
        finally:
            lines.detach()


def _decompressed(source: Source) -> Any:
    match source.compression:
        case ".gz":
            return gzip.GzipFile(fileobj=source.file)
        case ".bz2":
            return bz2.BZ2File(source.file)
        case ".xz":
            return lzma.LZMAFile(source.file)
        case _:
            return _zstandard(source)


def _zstandard(source: Source) -> IO[bytes]:
    """Return a file that Zstandard compressed: Python reads it from 3.14 on."""
    for library in ("compression.zstd", "backports.zstd", "zstandard", "pyarrow"):
        try:
            module: Any = importlib.import_module(library)
        except ImportError:
            continue
        if library == "zstandard":
            decompressor = module.ZstdDecompressor()
            return io.BufferedReader(decompressor.stream_reader(source.file))
        if library == "pyarrow":
            held = module.CompressedInputStream(module.PythonFile(source.file), "zstd")
            return io.BufferedReader(_Raw(held))
        opened_file: IO[bytes] = module.ZstdFile(source.file)
        return opened_file
    message = (
        f"`{source.name}` is compressed by Zstandard, which nothing installed reads: "
        "pip install zstandard, or decompress it."
    )
    raise AttachmentError(message)


class _Raw(io.RawIOBase):
    """A stream of pyarrow as Python's buffers read one."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def readable(self) -> bool:
        """Whether it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer, and return the number of bytes."""
        data: bytes = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)
