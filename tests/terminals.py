"""A terminal for tests: an emulator that keeps what scrolled off its screen."""

from __future__ import annotations

import fcntl
import io
import os
import re
import struct
import termios
from collections.abc import Callable

import pyte

from page import acts

# What may be written besides text: colours and the like, cursor up, erase below, wrap.
_OWN = re.compile(r"\x1b\[(?:[\d;]*m|\d+A|J|\?7[lh])|\r")
_COLOUR = re.compile(r"\x1b\[(?:[\d;]*;)?(?:[34]|9|10)\d(?:;[\d;]*)?m")


class _Screen(pyte.HistoryScreen):
    """A screen that answers what a program asks its terminal."""

    def __init__(
        self, columns: int, lines: int, reply: Callable[[str], object]
    ) -> None:
        self._reply = reply
        super().__init__(columns, lines, history=100_000)

    def write_process_input(self, data: str) -> None:
        """Send an answer, such as where the cursor stands."""
        self._reply(data)


class Emulator:
    """A screen of some size, with the lines above it."""

    def __init__(
        self,
        columns: int = 80,
        lines: int = 24,
        reply: Callable[[str], object] = len,
    ) -> None:
        """Begin with an empty screen, the cursor at its top.

        Args:
            columns: Of the screen.
            lines: Of the screen.
            reply: Takes what the terminal answers when it is asked something; by
                default nobody listens.
        """
        self.screen = _Screen(columns, lines, reply)
        self._stream = pyte.Stream(self.screen)

    def feed(self, text: str) -> None:
        """Show what a program wrote to its terminal, as the line discipline does."""
        self._stream.feed(re.sub(r"(?<!\r)\n", "\r\n", text))

    @property
    def scrolled_off(self) -> list[str]:
        """The lines above the screen, oldest first."""
        columns = range(self.screen.columns)
        rows = self.screen.history.top
        return ["".join(row[place].data for place in columns).rstrip() for row in rows]

    @property
    def lines(self) -> list[str]:
        """All lines down to the cursor, from the first that was ever written."""
        seen = [line.rstrip() for line in self.screen.display]
        return self.scrolled_off + seen[: self.screen.cursor.y + 1]

    @property
    def text(self) -> str:
        """All lines as text."""
        return "\n".join(self.lines)


class Terminal(io.StringIO):
    """A stream that is a terminal of some size; keeps the bytes and their picture."""

    def __init__(self, columns: int = 80, lines: int = 24) -> None:
        """Begin with an empty screen."""
        super().__init__()
        self.emulator = Emulator(columns, lines)
        self._end, self._tty = os.openpty()
        self.resize(columns, lines)

    def resize(self, columns: int, lines: int) -> None:
        """Say that the screen has another size."""
        fcntl.ioctl(
            self._tty, termios.TIOCSWINSZ, struct.pack("4H", lines, columns, 0, 0)
        )

    def isatty(self) -> bool:
        """Return that it is one."""
        return True

    def fileno(self) -> int:
        """Return what can be asked for the size."""
        return self._tty

    def write(self, text: str) -> int:
        """Show text."""
        self.emulator.feed(text)
        return super().write(text)

    def close(self) -> None:
        """Close the pseudo-terminal too."""
        if not self.closed:
            os.close(self._end)
            os.close(self._tty)
        super().close()

    @property
    def lines(self) -> list[str]:
        """What can be read, scrolled up or not."""
        return self.emulator.lines

    @property
    def has_colour(self) -> bool:
        """Whether any text got a colour."""
        return bool(_COLOUR.search(self.getvalue()))


def faults(written: str) -> list[str]:
    """Return what acts in the output of a program, other than what it may write."""
    return [char for char in _OWN.sub("", written) if acts(char)]
