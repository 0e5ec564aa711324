"""A panel's page without a browser: its requests, and the messages that it receives."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import comm
import pytest
from IPython.core.displaypub import CapturingDisplayPublisher

from openrouter_server import OpenRouterServer
from shell_fixtures import ShellUnderTest
from stepmagic.attachments.notebook.host import Host
from stepmagic.panel.server import Panels, PanelServer, server_for
from stepmagic.session import session
from stepmagic.settings import kernel
from wires import Wire, said

LIMIT_S = 60


def publisher() -> Any:
    """Return what keeps what is displayed, in place of an output."""
    # IPython's is untyped.
    made: Any = CapturingDisplayPublisher
    return made()


class Page:
    """A page without a browser: sends requests, and keeps what it receives."""

    def __init__(self, panel_server: PanelServer) -> None:
        self.server = panel_server
        self.responses: dict[str, dict[str, Any]] = {}
        self.turns: dict[str, dict[str, Any]] = {}
        self.patches: list[dict[str, Any]] = []
        self.speech: list[str] = []
        self.state: dict[str, Any] = {}
        self._read = 0
        self._asked = 0

    def send(self, kind: str, buffers: tuple[bytes, ...] = (), **fields: Any) -> str:
        """Send a request; returns its id."""
        self._asked += 1
        id_ = f"m{self._asked}"
        content = {"kind": kind, "id": id_, **fields}
        data = {"method": "custom", "content": content}
        self.server.model.comm.handle_msg(
            {"content": {"data": data}, "buffers": [memoryview(b) for b in buffers]}
        )
        return id_

    def ask(self, kind: str, buffers: tuple[bytes, ...] = (), **fields: Any) -> Any:
        """Send a request, and return the response."""
        id_ = self.send(kind, buffers, **fields)
        self.wait(lambda: id_ in self.responses)
        return self.responses[id_]

    def wait(self, condition: Callable[[], Any]) -> None:
        """Read messages until a condition is true."""
        deadline = time.monotonic() + LIMIT_S
        while True:
            self._take()
            if condition():
                return
            assert time.monotonic() < deadline, self.state
            time.sleep(0.01)

    def wait_for_answers(self, count: int) -> list[dict[str, Any]]:
        """Wait until so many turns are shown and over; return them in order."""
        self.wait(
            lambda: (
                len(self.shown) == count
                and all(turn["status"] != "running" for turn in self.shown)
            )
        )
        return self.shown

    @property
    def shown(self) -> list[dict[str, Any]]:
        """The turns up to the head, as far as the page has them."""
        order = self.state.get("order", [])
        return [self.turns[id_] for id_, _ in order if id_ in self.turns]

    def _take(self) -> None:
        messages = said(Wire.sent)
        while self._read < len(messages):
            message = json.loads(json.dumps(messages[self._read]))
            self._read += 1
            if message["complete"]:
                self.turns, self.state = {}, {}
            for part in message["parts"]:
                self._take_part(part)

    def _take_part(self, part: dict[str, Any]) -> None:
        match part["kind"]:
            case "turns":
                self.turns |= {turn["id"]: turn for turn in part["turns"]}
            case "patch":
                self.patches.append(part)
            case "speech":
                self.speech.append(part["text"])
            case "done" | "failed":
                self.responses[part["id"]] = part
            case "fault":
                self.state["fault"] = part["message"]
            case kind:
                self.state[kind] = part[kind]


@contextmanager
def opened_page(
    step: ShellUnderTest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Page]:
    """Open a panel of the current conversation, and a page of it."""
    Wire.sent.clear()
    # Without a kernel, ipywidgets has no comms.
    monkeypatch.setattr(comm, "create_comm", Wire)
    step.shell.display_pub = publisher()
    panel_server = server_for(session().conversation, Host(step.shell))
    panel_server.show(in_place=True)
    page = Page(panel_server)
    page.ask("ready")
    yield page
    kernel.get(Panels).close()


def texts(server: OpenRouterServer, place: int = -1) -> str:
    """Return the texts of the last user message of a request."""
    content = server.requests[place].body["messages"][-1]["content"]
    if isinstance(content, str):
        return content
    return "\n".join(part["text"] for part in content if part["type"] == "text")
