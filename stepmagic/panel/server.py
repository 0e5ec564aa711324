"""Serves the pages of one conversation: takes their messages and sends what is new."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from stepmagic.attachments.notebook.host import Host
from stepmagic.conversation.dialogue import Dialogue
from stepmagic.display.notebook.assets import page_module, page_style
from stepmagic.display.notebook.live import WIDGET_VIEW
from stepmagic.errors import StepError
from stepmagic.panel.actions import Asked, act
from stepmagic.panel.state import Stage
from stepmagic.panel.variables import list_things
from stepmagic.panel.views import transcript_html
from stepmagic.transcript.events import StreamEvent

_HERE = Path(__file__).parent / "static"
_SCRIPTS = (
    *("elements.js", "store.js", "answers.js", "turns.js", "composer.js"),
    *("places.js", "panel.js"),
)


class PanelModel(anywidget.AnyWidget):
    """The kernel's end of a panel; everything goes by messages."""

    _esm = page_module(*(_HERE / name for name in _SCRIPTS))
    _css = page_style(_HERE / "panel.css")

    place = traitlets.Unicode().tag(sync=True)
    """What the transcripts are called in whose place it stands; empty for none."""

    def to_bundle(self) -> dict[str, Any]:
        """Return what shows the panel in an output of its own."""
        return {
            WIDGET_VIEW: {
                "version_major": 2,
                "version_minor": 0,
                "model_id": self.model_id,
            }
        }


EVERY_S = 0.05
"""Between two messages."""

_IDLE_S = 0.5
"""Between two looks at what changes by itself, such as how long a model is thinking."""


class Pump:
    """Calls a beat when it was woken, and now and then while something runs."""

    def __init__(self, beat: Callable[[], bool]) -> None:
        """Prepare; ``beat`` sends what is due, and tells whether something runs."""
        self._beat = beat
        self._woken = threading.Event()
        self._stopped = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, unless it has begun."""
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._run, name="stepmagic panel", daemon=True
            )
            self._thread.start()

    def wake(self) -> None:
        """Have the next beat come soon; may be called in any thread."""
        self._woken.set()

    def stop(self) -> None:
        """End the thread, after what it is sending."""
        self._stopped = True
        self._woken.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        runs = False
        while not self._stopped:
            self._woken.wait(_IDLE_S if runs else None)
            self._woken.clear()
            runs = self._beat()
            time.sleep(EVERY_S)


_TRANSCRIPT_S = 1.0
"""Between two transcripts for the saved notebook, and more for a long one."""

_LETTERS_A_S = 250_000
"""Of transcripts, so that a server that lets 1 MB a second through (Jupyter Server's
``iopub_data_rate_limit``) has room for all else."""


class Desk:
    """The kernel's side of the panels of one conversation.

    There is one model, so that all views agree. ``seq`` counts the messages: a page
    that misses one asks for everything.
    """

    def __init__(self, conversation: Dialogue, host: Host) -> None:
        """Begin to look at a conversation.

        Args:
            conversation: Whose turns are shown.
            host: Where the names are.
        """
        self.conversation = conversation
        self.host = host
        self.stage = Stage(conversation)
        self._place = uuid.uuid4().hex
        self.model = PanelModel(place=self._place)
        self._told: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        """Answers to pages, which go out with what is new."""
        self._is_new = True
        """Whether pages know nothing yet."""
        self._seq = 0
        self._transcript = ""
        self._transcript_at = 0.0
        self._pump = Pump(self._beat)
        self.model.on_msg(self._hear)
        self._ends = [
            conversation.subscribe(self._take),
            conversation.watch(self.changed),
        ]
        host.on("post_run_cell", self._cell_ended)

    def show(self, *, in_place: bool) -> None:
        """Show the panel.

        Args:
            in_place: Whether the page puts it in the place of the transcript, which
                is then what is saved; else it has an output of its own.
        """
        self._pump.start()
        # The turns themselves follow, when pages have them.
        place = self._place if in_place else ""
        bundle = self._bundle(transcript_html(self.conversation.name, (), place))
        if in_place:
            self._transcript = ""
            self.host.publish(bundle, display_id=self._place)
            self._pump.wake()
        else:
            bundle = {**self.model.to_bundle(), **bundle}
            self.host.publish(bundle, display_id=uuid.uuid4().hex)

    def begin_again(self) -> None:
        """Have the pages told everything: there is one that knows nothing."""
        self._is_new = True

    def changed(self) -> None:
        """Have the pages told what is new; may be called in any thread."""
        self.stage.change()
        self._pump.wake()

    def close(self) -> None:
        """Send no more."""
        self._pump.stop()
        for end in self._ends:
            end()
        self.host.off("post_run_cell", self._cell_ended)
        layout = self.model.layout
        self.model.close()
        layout.close()

    def _take(self, turn_id: str, event: StreamEvent) -> None:
        self.stage.feed(turn_id, event)
        self._pump.wake()

    def _hear(self, _: PanelModel, content: Mapping[str, Any], data: Any) -> None:
        """Take a message of a page; what goes wrong is told to the page alone."""
        asked = Asked(content, data or ())
        told: dict[str, Any] = {"kind": "done", "id": asked.word("id")}
        try:
            told |= act(self, asked)
        except StepError as error:
            told |= {"kind": "failed", "said": str(error)}
        except Exception as error:  # noqa: BLE001 - no output is there to show it
            told |= {"kind": "failed", "said": f"{type(error).__name__}: {error}"}
        self._told.put(told)
        self.changed()

    def _cell_ended(self, *_: Any) -> None:
        self._told.put({"kind": "things", "things": list_things(self.host)})
        self._pump.wake()

    def _beat(self) -> bool:
        """Send what is new; returns whether more is to come by itself.

        Whatever cannot be sent, the next beat tells the pages everything anew.
        """
        try:
            return self._tell_news()
        except Exception as error:  # noqa: BLE001 - without its thread a panel is dead
            self._is_new = True
            said = f"A part could not be shown: {type(error).__name__}: {error}"
            parts = [{"kind": "fault", "said": said}]
            with contextlib.suppress(Exception):
                self.model.send({"seq": self._seq, "whole": False, "parts": parts})
            self._seq += 1
            return False

    def _tell_news(self) -> bool:
        """Send what is new; returns whether more is to come by itself."""
        is_new, self._is_new = self._is_new, False
        if is_new:
            self.stage.forget()
        parts = list(self.stage.messages())
        while not self._told.empty():
            parts.append(self._told.get())
        if parts or is_new:
            self.model.send({"seq": self._seq, "whole": is_new, "parts": parts})
            self._seq += 1
        if self.stage.is_behind:
            self._pump.wake()
        return self._keep_transcript() or self.stage.runs

    def _keep_transcript(self) -> bool:
        """Put the turns where the notebook is saved; returns whether it is behind."""
        if self.stage.runs or self.stage.is_behind:
            return True
        rest_s = max(_TRANSCRIPT_S, len(self._transcript) / _LETTERS_A_S)
        if time.monotonic() - self._transcript_at < rest_s:
            return True
        self._transcript_at = time.monotonic()
        html = self.stage.transcript(self._place)
        if html != self._transcript:
            self._transcript = html
            bundle = self._bundle(html)
            self.host.publish(bundle, display_id=self._place, update=True)
        return False

    def _bundle(self, html: str) -> dict[str, Any]:
        plain = f"{self.conversation.name}: {len(self.conversation.turns)} turns"
        return {"text/html": html, "text/plain": plain}


_desks: dict[Dialogue, Desk] = {}


def desk_for(conversation: Dialogue, host: Host) -> Desk:
    """Return the desk of a conversation, which is made when it is first shown."""
    if conversation not in _desks:
        _desks[conversation] = Desk(conversation, host)
    return _desks[conversation]


def close_all() -> None:
    """Close every desk."""
    for desk in list(_desks.values()):
        desk.close()
    _desks.clear()
