"""A question from the panel: the message it becomes, and how it is followed.

It goes the way of a cell, through the same words, placeholders and refusals; only it is
never drawn in an output, and waits in no thread that runs cells.
"""

from __future__ import annotations

import re
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from stepmagic.attachments.notebook.host import Host
from stepmagic.conversation.draft import Draft
from stepmagic.conversation.prompt import Prompt, build_prompt
from stepmagic.conversation.reply import Reply
from stepmagic.conversation.stream import TurnStream
from stepmagic.errors import AttachmentError, StepError
from stepmagic.server.options import Options
from stepmagic.session import session
from stepmagic.transcript import Message, Text
from stepmagic.transcript.events import Notice

_MENTION = re.compile(r"(?<![\w`@.])@([^\W\d]\w*)")
_STOPPED = "Stopped before any text came."


@dataclass(slots=True)
class Question:
    """One that was asked in the panel, from the click to the end of its answer."""

    id: str
    """The page's own, so that it finds what it waits for."""
    text: str
    stream: TurnStream
    line: str = ""
    """Why it waits, in words."""
    fault: str = ""
    """Why there is no answer at all."""
    is_over: bool = False

    @property
    def turn_id(self) -> str | None:
        """The id of its turn; None before it has one."""
        return self.stream.turn_id

    @property
    def is_turn(self) -> bool:
        """Whether it stands among the turns."""
        turn = self.stream.turn
        return turn is not None and not (self.is_over and turn.is_void)

    @property
    def is_done(self) -> bool:
        """Whether there is an answer, or a part of one, and no more will come."""
        return self.is_over and not self.fault

    def to_form(self) -> dict[str, Any]:
        """Return what a page draws where there is no turn."""
        return {
            "id": self.id,
            "text": self.text,
            "line": self.line,
            "fault": self.fault,
        }

    def follow(self, changed: Callable[[], None], host: Host) -> None:
        """Read the turn's events to the end, in a thread of its own.

        Args:
            changed: Called when there is something new to say of the question.
            host: Whose ``_step`` the answer becomes.
        """
        thread = threading.Thread(
            target=self._follow,
            args=(changed, host),
            name="stepmagic question",
            daemon=True,
        )
        thread.start()

    def _follow(self, changed: Callable[[], None], host: Host) -> None:
        fault = ""
        try:
            for event in self.stream:
                if isinstance(event, Notice):
                    self.line = event.text
                    changed()
            self.stream.result()
        except StepError as error:
            fault = str(error)
        except CancelledError:
            fault = _STOPPED
        except Exception as error:  # noqa: BLE001 - a fault of ours is the reader's too
            fault = f"{type(error).__name__}: {error}"
        turn = self.stream.turn
        # What has text shows itself how it ended.
        self.fault = fault if turn is None or turn.is_void else ""
        if turn is not None:
            session().last = reply = Reply(turn)
            host.push({"_step": reply})
        self.is_over = True
        changed()


def compose(
    content: Mapping[str, Any],
    buffers: Sequence[Any],
    host: Host,
    options: Options,
) -> Prompt:
    """Return the message of what stands in the composer.

    Args:
        content: ``text``; ``words``, as on a cell's first line; ``uploads``, names of
            files; ``error``, as a cell's option.
        buffers: The bytes of the uploads.
        host: Where the names are.
        options: What it is asked with.

    Raises:
        StepError: It cannot be sent; the message says why.
    """
    text, mentioned = _mentions(str(content.get("text", "")), host.namespace)
    words = (*map(str, content.get("words", ())), *mentioned)
    with _stored(content.get("uploads", ()), buffers) as uploads:
        draft = Draft(
            text=text.strip("\n"),
            words=tuple(dict.fromkeys(words)),
            values=tuple(uploads),
            error=bool(content.get("error")),
        )
        return build_prompt(draft, options, host)


def edited(prompt: Message, text: str) -> Message:
    """Return a user message with another text, and all that was attached."""
    parts = [
        part
        for part in prompt.parts
        if not isinstance(part, Text) or part.name is not None
    ]
    if not text.strip() and not parts:
        message = "nothing is asked. Write the question."
        raise AttachmentError(message)
    typed = [Text(text=text)] if text.strip() else []
    return Message(role="user", parts=(*parts, *typed))


def _mentions(text: str, namespace: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Return a text with ``@name`` written as code, and the names."""
    found = [name for name in _MENTION.findall(text) if name in namespace]

    def written(match: re.Match[str]) -> str:
        return f"`{match[1]}`" if match[1] in found else match[0]

    return _MENTION.sub(written, text), found


@contextmanager
def _stored(
    names: Sequence[str], buffers: Sequence[Any]
) -> Iterator[list[tuple[str, Path]]]:
    """Write uploads where they are read as files are, for as long as the block."""
    with tempfile.TemporaryDirectory(prefix="stepmagic-") as folder:
        uploads = []
        for number, (name, data) in enumerate(zip(names, buffers, strict=True)):
            # The name comes from a page; only its last part may name a file here.
            last = PurePosixPath(str(name).replace("\\", "/").replace("\0", "")).name
            path = Path(folder) / str(number) / (last[-100:] or "upload")
            path.parent.mkdir()
            path.write_bytes(data)
            uploads.append((last or "upload", path))
        yield uploads
