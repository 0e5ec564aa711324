"""Text as it comes, for pipes, files and terminals that know no escapes."""

from __future__ import annotations

from typing import TextIO

from stepmagic.transcript import Reasoning, Text


class PlainPrinter:
    """Prints the source of an answer; in a terminal headings tell what is reasoning."""

    def __init__(self, stream: TextIO) -> None:
        """Begin at the beginning of a line."""
        self._stream = stream
        self._held: list[str] = []
        self._starts_line = True
        self._thought = False

    def begin(self, kind: type[Text | Reasoning]) -> None:
        """Say what comes next, where it could be taken for something else."""
        if kind is Reasoning:
            self._write("Thinking:\n")
        elif self._thought:
            self._write("\nAnswer:\n")
        self._thought = kind is Reasoning

    def text(self, text: str) -> None:
        """Take the next piece."""
        self._write(text)

    def end(self, thought_s: float) -> None:  # noqa: ARG002 - see Printer
        """End the line."""
        if not self._starts_line:
            self._write("\n")

    def aside(self, line: str) -> None:
        """Take a line that is no part of the answer."""
        self._thought = False
        self._write(line + "\n")

    def flush(self, waiting: str = "", *, last: bool = False) -> None:  # noqa: ARG002 - see Printer
        """Print what is held."""
        if self._held:
            put(self._stream, "".join(self._held))
            self._held.clear()

    def _write(self, text: str) -> None:
        if text:
            self._held.append(text)
            self._starts_line = text.endswith("\n")


def put(stream: TextIO, text: str) -> None:
    """Write text at once; what the encoding of the stream lacks becomes ``?``."""
    encoding = stream.encoding or "utf-8"
    stream.write(text.encode(encoding, "replace").decode(encoding))
    stream.flush()
