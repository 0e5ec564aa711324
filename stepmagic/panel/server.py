"""Serves the pages of one conversation: takes their requests, sends them what is new.

A page sends ``kind``, an ``id`` and what the request needs (see ``actions``). It gets
messages with ``seq``, counted from 0, and ``parts``, each with its ``kind``:

    done, failed   the response to the request ``id``, with an optional ``message``
    order          ids of the turns up to the head, each with those of its siblings
    turns          turns, as ``views.turn_view`` returns them
    patch          what changed in the answer of a running turn (see ``patches``)
    speech         text for screen readers
    waiting        questions without a turn, with their status or fault
    stoppable      ids of the running turns that the panel asked
    settings       as ``views.settings_view`` returns them
    variables      what can be attached, as ``variables.list_variables`` returns it
    fault          why a message could not be made

A message that is ``complete`` repeats everything. There is one widget model, so that
all pages agree; a page that misses a message requests everything.
"""

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
from stepmagic.panel.actions import PageRequest, respond
from stepmagic.panel.state import PanelState
from stepmagic.panel.variables import list_variables
from stepmagic.settings import Owner, kernel

_STATIC = Path(__file__).parent / "static"


class PanelModel(anywidget.AnyWidget):
    """The kernel's end of a panel; its contents are exchanged by messages."""

    _esm = page_module(_STATIC / "panel.js")
    _css = page_style(_STATIC / "panel.css")

    place = traitlets.Unicode().tag(sync=True)
    """The id of the transcripts that the page replaces by the panel."""

    def to_bundle(self) -> dict[str, Any]:
        """Return the bundle that shows the panel in its own output."""
        return {
            WIDGET_VIEW: {
                "version_major": 2,
                "version_minor": 0,
                "model_id": self.model_id,
            }
        }


_SEND_INTERVAL_S = 0.05
"""Between two messages."""

_POLL_INTERVAL_S = 0.5
"""While something runs that changes by itself, such as the time spent on reasoning."""


class Sender:
    """A thread that sends when it is woken, and now and then while something runs.

    Args:
        send: Sends what is due; returns whether something is running.
    """

    def __init__(self, send: Callable[[], bool]) -> None:
        self._send = send
        self._woken = threading.Event()
        self._is_stopped = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread, unless it was started before."""
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._run, name="stepmagic panel", daemon=True
            )
            self._thread.start()

    def wake(self) -> None:
        """Wake the thread so that it sends soon; may be called in any thread."""
        self._woken.set()

    def stop(self) -> None:
        """End the thread, after what it is sending."""
        self._is_stopped = True
        self._woken.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        is_running = False
        while not self._is_stopped:
            self._woken.wait(_POLL_INTERVAL_S if is_running else None)
            self._woken.clear()
            is_running = self._send()
            time.sleep(_SEND_INTERVAL_S)


_TRANSCRIPT_INTERVAL_S = 1.0
"""Between two transcripts for the saved notebook, and more for a long one."""

_TRANSCRIPT_CHARACTERS_A_SECOND = 250_000
"""Bytes a second, well below the 1 MB of Jupyter Server's
``iopub_data_rate_limit``, so that other messages pass as well."""


class PanelServer:
    """The kernel's side of the panels of one conversation.

    Args:
        conversation: Whose turns are shown.
        host: The notebook whose variables can be attached.
    """

    def __init__(self, conversation: Dialogue, host: Host) -> None:
        self._sender = Sender(self._send)
        self.state = PanelState(conversation, host, self._sender.wake)
        self._host = host
        self._place = uuid.uuid4().hex
        self.model = PanelModel(place=self._place)
        self._responses: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        """They are sent with whatever else is new."""
        self._seq = 0
        self._transcript = ""
        self._transcript_at = 0.0
        self.model.on_msg(self._receive)
        self._unsubscribe = [
            conversation.subscribe(self.state.receive),
            conversation.watch(self.state.changed),
        ]
        host.on("post_run_cell", self._cell_ended)

    def show(self, *, in_place: bool) -> None:
        """Show the panel.

        Args:
            in_place: Whether the page puts the panel where the transcript is, which is
                then what the notebook saves; else the panel has its own output.
        """
        self._sender.start()
        # The turns themselves follow, once the pages have them.
        if in_place:
            self._transcript = ""
            bundle = self.state.transcript(self._place, with_turns=False)
            self._host.publish(bundle, display_id=self._place)
            self._sender.wake()
        else:
            transcript = self.state.transcript(with_turns=False)
            bundle = {**self.model.to_bundle(), **transcript}
            self._host.publish(bundle, display_id=uuid.uuid4().hex)

    def close(self) -> None:
        """Stop sending, and close the widget."""
        self._sender.stop()
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        self._host.off("post_run_cell", self._cell_ended)
        layout = self.model.layout
        self.model.close()
        layout.close()

    def _receive(self, _: PanelModel, content: Mapping[str, Any], data: Any) -> None:
        """Respond to a request of a page; errors are reported only to the page."""
        request = PageRequest(content, data or ())
        response: dict[str, Any] = {"kind": "done", "id": request.text("id")}
        try:
            response |= respond(self.state, request)
        except StepError as error:
            response |= {"kind": "failed", "message": str(error)}
        except Exception as error:  # noqa: BLE001 - no output is there to show it
            message = f"{type(error).__name__}: {error}"
            response |= {"kind": "failed", "message": message}
        self._responses.put(response)
        self.state.changed()

    def _cell_ended(self, *_: Any) -> None:
        variables = list_variables(self._host)
        self._responses.put({"kind": "variables", "variables": variables})
        self._sender.wake()

    def _send(self) -> bool:
        """Send what is new; returns whether more will follow by itself.

        After a failure, the next message repeats everything.
        """
        try:
            return self._send_update()
        except Exception as error:  # noqa: BLE001 - without its thread, a panel is dead
            self.state.repeat()
            message = f"A part could not be shown: {type(error).__name__}: {error}"
            parts = [{"kind": "fault", "message": message}]
            with contextlib.suppress(Exception):
                self._send_message(parts, is_complete=False)
            return False

    def _send_update(self) -> bool:
        is_complete, parts = self.state.update()
        while not self._responses.empty():
            parts.append(self._responses.get())
        if parts or is_complete:
            self._send_message(parts, is_complete=is_complete)
        if self.state.is_behind:
            self._sender.wake()
        return self._update_transcript() or self.state.is_running

    def _send_message(self, parts: list[dict[str, Any]], *, is_complete: bool) -> None:
        seq, self._seq = self._seq, self._seq + 1
        self.model.send({"seq": seq, "complete": is_complete, "parts": parts})

    def _update_transcript(self) -> bool:
        """Bring the saved transcript up to date; returns whether it is behind."""
        if self.state.is_running or self.state.is_behind:
            return True
        pause_s = max(
            _TRANSCRIPT_INTERVAL_S,
            len(self._transcript) / _TRANSCRIPT_CHARACTERS_A_SECOND,
        )
        if time.monotonic() - self._transcript_at < pause_s:
            return True
        self._transcript_at = time.monotonic()
        bundle = self.state.transcript(self._place)
        if bundle["text/html"] != self._transcript:
            self._transcript = bundle["text/html"]
            self._host.publish(bundle, display_id=self._place, update=True)
        return False


class Panels(Owner):
    """The panels of this kernel: one server for each conversation that is shown."""

    def __init__(self) -> None:
        self._servers: dict[Dialogue, PanelServer] = {}

    def get(self, conversation: Dialogue, host: Host) -> PanelServer:
        """Return the server of a conversation, made when it is first shown."""
        if conversation not in self._servers:
            self._servers[conversation] = PanelServer(conversation, host)
        return self._servers[conversation]

    def close(self) -> None:
        """Close every server."""
        while self._servers:
            self._servers.popitem()[1].close()


def server_for(conversation: Dialogue, host: Host) -> PanelServer:
    """Return the kernel's server of a conversation."""
    return kernel.get(Panels).get(conversation, host)
