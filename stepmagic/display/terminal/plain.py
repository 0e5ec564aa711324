"""Text without escape sequences, for pipes, files and simple terminals."""

from __future__ import annotations

from typing import TextIO

from stepmagic.transcript import Reasoning, Text


class PlainPrinter:
    """Prints the source of an answer; in a terminal, reasoning has a heading."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._buffer: list[str] = []
        self._starts_line = True
        self._after_reasoning = False

    def begin(self, kind: type[Text | Reasoning]) -> None:
        """Print a heading if the text could be mistaken for another kind."""
        if kind is Reasoning:
            self._write("Thinking:\n")
        elif self._after_reasoning:
            self._write("\nAnswer:\n")
        self._after_reasoning = kind is Reasoning

    def text(self, text: str) -> None:
        """Take the next chunk."""
        self._write(text)

    def end(self, thought_s: float) -> None:  # noqa: ARG002 - see Printer
        """End the line."""
        if not self._starts_line:
            self._write("\n")

    def aside(self, line: str) -> None:
        """Take a line that is not part of the answer."""
        self._after_reasoning = False
        self._write(line + "\n")

    def flush(self, waiting: str = "", *, last: bool = False) -> None:  # noqa: ARG002 - see Printer
        """Print the buffer."""
        if self._buffer:
            put(self._stream, "".join(self._buffer))
            self._buffer.clear()

    def _write(self, text: str) -> None:
        if text:
            self._buffer.append(text)
            self._starts_line = text.endswith("\n")


def put(stream: TextIO, text: str) -> None:
    """Write and flush text; characters missing in the encoding become ``?``."""
    encoding = stream.encoding or "utf-8"
    stream.write(text.encode(encoding, "replace").decode(encoding))
    stream.flush()
