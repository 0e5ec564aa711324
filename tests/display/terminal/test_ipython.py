"""A real IPython in a real pseudo-terminal, against the test server."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator

from openrouter_server import OpenRouterServer, answer
from terminals import Emulator

_TIMEOUT_S = 60

# Opening the terminal makes it the one whose Ctrl-C interrupts the process.
_START = (
    "import os, sys; os.open(os.ttyname(0), os.O_RDWR);"
    "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
)
_IPYTHON = ("-m", "IPython", "--no-banner", "--no-confirm-exit", "--ext=stepmagic")

MARKDOWN = """\
# Sales

The outlier is **March**.

| Month | Revenue |
|:------|--------:|
| January | 120,000 |
| March | 97,100 |

```python
total = sum(revenue)
```

1. Look at the orders.
2. Ask \x1b]0;owned\x07again.
"""
DRAWN = [
    *("Sales", "", "The outlier is March.", "", "Month   │ Revenue"),
    *("────────┼────────", "January │ 120,000", "March   │  97,100", ""),
    *("── python " + "─" * 70, "total = sum(revenue)", "─" * 80, ""),
    *("1. Look at the orders.", "2. Ask again.", ""),
]
WORDS = [f"word{number}" for number in range(400)]


class IPython:
    """A shell in a pseudo-terminal, seen through an emulator."""

    def __init__(self, fd: int, columns: int, lines: int) -> None:
        """Take the user's end of the pseudo-terminal."""
        self._fd = fd
        self.emulator = Emulator(columns, lines, self._send)

    @property
    def lines(self) -> list[str]:
        """All lines down to the cursor, from the first that was ever written."""
        return self.emulator.lines

    def ask(self, prompt: str) -> None:
        """Type a cell."""
        for line in ("%%step", prompt, ""):
            self._send(f"{line}\r")
            self.wait(lambda lines: lines[-1].strip() == "...:")
        self._send("\r")

    def leave(self) -> None:
        """Type ``exit``."""
        self._send("exit\r")

    def press_ctrl_c(self) -> None:
        """Let the terminal interrupt what runs."""
        self._send("\x03")

    def wait(self, is_shown: Callable[[list[str]], bool]) -> list[str]:
        """Read what is written until the lines are as they should be."""
        deadline = time.monotonic() + _TIMEOUT_S
        while not is_shown(self.lines):
            ready, _, _ = select.select([self._fd], [], [], 1)
            assert time.monotonic() < deadline, "\n".join(self.lines)
            if ready:
                text = os.read(self._fd, 65_536).decode("utf-8", "replace")
                self.emulator.feed(text)
        return self.lines

    def wait_for_prompt(self, number: int) -> list[str]:
        """Read until a prompt waits; return what the cell before it left."""
        here = f"In [{number}]:"
        lines = self.wait(lambda lines: lines[-1].strip() == here)
        prompts = [n for n, line in enumerate(lines) if line.startswith("In [")]
        left = lines[prompts[-2] + 1 : -1]
        return [line for line in left if not line.lstrip().startswith("...:")]

    def _send(self, text: str) -> None:
        os.write(self._fd, text.encode())


@contextlib.contextmanager
def running(
    server: OpenRouterServer, columns: int = 80, lines: int = 24
) -> Iterator[IPython]:
    """Start IPython with the extension in a terminal of some size."""
    env = {k: v for k, v in os.environ.items() if k != "PYTEST_CURRENT_TEST"}
    env |= {"TERM": "xterm-256color", "OPENROUTER_API_KEY": server.key}
    env["STEPMAGIC_BASE_URL"] = server.url
    user, tty = pty.openpty()
    fcntl.ioctl(tty, termios.TIOCSWINSZ, struct.pack("4H", lines, columns, 0, 0))
    # The command is written in this file.
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", _START, *_IPYTHON],
        env=env,
        stdin=tty,
        stdout=tty,
        stderr=tty,
        start_new_session=True,
    )
    os.close(tty)
    shell = IPython(user, columns, lines)
    try:
        shell.wait(lambda lines: lines[-1].strip() == "In [1]:")
        yield shell
        shell.leave()
        process.wait(_TIMEOUT_S)
    finally:
        process.kill()
        process.wait()
        os.close(user)


def test_answers_are_drawn_and_interrupts_leave_a_prompt(
    server: OpenRouterServer,
) -> None:
    server.enqueue(
        answer(MARKDOWN, reasoning="Let me see.", pace_s=0.01),
        answer(" ".join(WORDS), reasoning="", pace_s=0.02),
        answer("Fine.", reasoning=""),
    )
    with running(server) as shell:
        shell.ask("Hi")
        shown = shell.wait_for_prompt(2)
        assert shown[:4] == [
            *("Thinking ...", "  Let me see.", "Thought · 3 words", "")
        ]
        assert shown[4 : 4 + len(DRAWN)] == DRAWN
        assert shown[-2].endswith(" · finished")

        shell.ask("Count!")
        shell.wait(lambda lines: any("word30" in line for line in lines))
        shell.press_ctrl_c()
        text = " ".join(shell.wait_for_prompt(3))
        words = re.findall(r"word\d+", text)
        assert len(words) > 30
        assert words == WORDS[: len(words)]
        assert f"Interrupted: stopped after {len(words)} words. They are kept" in text
        assert "^C" not in text
        assert not shell.emulator.screen.cursor.hidden

        shell.ask("Go on.")
        assert shell.wait_for_prompt(4)[0] == "Fine."


def test_forty_columns_show_all_of_a_wide_table_and_long_code(
    server: OpenRouterServer,
) -> None:
    cells = [f"cell{number:02}" for number in range(14)]
    code = "".join(f"name{number:02} = " for number in range(20)) + "1"
    source = (
        f"|{'|'.join(cells)}|\n|{'---|' * 14}\n|{'|'.join(cells).upper()}|\n\n"
        f"```python\n{code}\n```\n\nThe end.\n"
    )
    server.enqueue(answer(source, reasoning="", pace_s=0.005))
    with running(server, columns=40, lines=10) as shell:
        shell.ask("Hi")
        shown = "".join(shell.wait_for_prompt(2))
    for cell in cells:
        assert shown.count(f"{cell}: {cell.upper()}") == 1
    assert code.replace(" ", "") in shown.replace(" ", "")
    assert shown.count("The end.") == 1
