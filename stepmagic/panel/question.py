"""A question from the panel: the message it becomes, and how its turn is followed.

It is built like that of a cell, with the same attachments, placeholders and refusals;
but it is never drawn in an output, and no thread that runs cells waits for its answer.
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
_STOPPED = "Stopped before any text was received."


@dataclass(slots=True)
class Question:
    """A question asked in the panel, from the click to the end of its answer."""

    id: str
    """Chosen by the page, which finds its question by it."""
    text: str
    stream: TurnStream
    status: str = ""
    """What it is waiting for."""
    fault: str = ""
    """The error, if there is no answer; otherwise empty."""
    is_over: bool = False

    @property
    def turn_id(self) -> str | None:
        """The id of its turn; None before it has one."""
        return self.stream.turn_id

    @property
    def is_turn(self) -> bool:
        """Whether it is shown among the turns."""
        turn = self.stream.turn
        return turn is not None and not (self.is_over and turn.is_void)

    @property
    def is_answered(self) -> bool:
        """Whether it is over, with an answer or a part of one."""
        return self.is_over and not self.fault

    def to_view(self) -> dict[str, Any]:
        """Return the question as a page draws it before its turn exists."""
        return {
            "id": self.id,
            "text": self.text,
            "status": self.status,
            "fault": self.fault,
        }

    def follow(self, changed: Callable[[], None], host: Host) -> None:
        """Read the turn's events to the end, in another thread.

        Args:
            changed: The callback for when the question has changed.
            host: Where ``_step`` becomes the reply.
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
                    self.status = event.text
                    changed()
            self.stream.result()
        except StepError as error:
            fault = str(error)
        except CancelledError:
            fault = _STOPPED
        except Exception as error:  # noqa: BLE001 - the reader sees our own errors too
            fault = f"{type(error).__name__}: {error}"
        turn = self.stream.turn
        # A turn with text shows by itself how it ended.
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
    """Return the message for what was entered in the composer.

    Args:
        content: ``text``; ``names``, as on a cell's first line; ``uploads``, the names
            of files; ``error``, as a cell's option.
        buffers: The bytes of the uploads.
        host: The notebook with the variables.
        options: The options of the turn.

    Raises:
        StepError: It cannot be sent; the message says why.
    """
    text, mentioned = _mentions(str(content.get("text", "")), host.namespace)
    names = (*map(str, content.get("names", ())), *mentioned)
    with _stored(content.get("uploads", ()), buffers) as uploads:
        draft = Draft(
            text=text.strip("\n"),
            words=tuple(dict.fromkeys(names)),
            values=tuple(uploads),
            error=bool(content.get("error")),
        )
        return build_prompt(draft, options, host)


def edited(prompt: Message, text: str) -> Message:
    """Return a user message with another text and the same attachments."""
    parts = [
        part
        for part in prompt.parts
        if not isinstance(part, Text) or part.name is not None
    ]
    if not text.strip() and not parts:
        message = "the question is empty. Write one."
        raise AttachmentError(message)
    typed = [Text(text=text)] if text.strip() else []
    return Message(role="user", parts=(*parts, *typed))


def _mentions(text: str, namespace: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Return a text with each ``@name`` as code, and the names."""
    found = [name for name in _MENTION.findall(text) if name in namespace]

    def written(match: re.Match[str]) -> str:
        return f"`{match[1]}`" if match[1] in found else match[0]

    return _MENTION.sub(written, text), found


@contextmanager
def _stored(
    names: Sequence[str], buffers: Sequence[Any]
) -> Iterator[list[tuple[str, Path]]]:
    """Write uploads to temporary files, which are deleted after the block."""
    with tempfile.TemporaryDirectory(prefix="stepmagic-") as folder:
        uploads = []
        for number, (name, data) in enumerate(zip(names, buffers, strict=True)):
            # The name is from a page: only its last component may be used in a path.
            last = PurePosixPath(str(name).replace("\\", "/").replace("\0", "")).name
            path = Path(folder) / str(number) / (last[-100:] or "upload")
            path.parent.mkdir()
            path.write_bytes(data)
            uploads.append((last or "upload", path))
        yield uploads
