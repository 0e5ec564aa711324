"""The choice of a view: a notebook, a terminal or a script, live or not."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import start_new_kernel

from paths import ROOT
from stepmagic.attachments.notebook.host import Host
from stepmagic.display.notebook.view import NotebookView
from stepmagic.display.terminal.view import TerminalView
from stepmagic.display.view import SilentView, is_live, view_for
from stepmagic.transcript.events import (
    Finish,
)

MIMES = ["text/html", "text/markdown", "text/plain"]


class Shell:
    """What a shell shows of its kernel: the request that runs the cell."""

    def __init__(self, content: dict[str, Any]) -> None:
        """Keep the content of the request."""
        self.kernel = self
        self._content = content

    def get_parent(self) -> dict[str, Any]:
        """Return the request."""
        return {"header": {}, "content": self._content}


def test_live_follows_the_mode_and_who_looks_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    front_end = Host(Shell({"allow_stdin": True}))
    assert not is_live("auto", front_end)
    assert is_live("on", front_end)
    assert not is_live("off", front_end)
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    assert is_live("auto", front_end)
    assert is_live("auto", Host(Shell({})))
    assert not is_live("auto", Host(Shell({"allow_stdin": False})))
    assert not is_live("auto", Host())


def test_a_kernel_a_terminal_and_a_script_get_views_of_their_own() -> None:
    assert isinstance(view_for(Host(Shell({}))), NotebookView)
    assert isinstance(view_for(Host(object())), TerminalView)
    with view_for(Host()) as unseen:
        unseen.show(Finish(reason="stop"))
        unseen.tick()
    assert isinstance(unseen, SilentView)


IN_KERNEL = """
from stepmagic.attachments.notebook.host import Host
from stepmagic.display.view import is_live, view_for
from stepmagic.transcript.events import Finish, PartDelta, PartEnd, PartStart
from stepmagic.transcript import Text

host = Host.find()
print(is_live("auto", host), host.request["content"]["allow_stdin"])
now = iter(range(1000))
with view_for(host, live="on", model="m", clock=lambda: next(now)) as view:
    view.show(PartStart(index=0, part=Text(text="")))
    for word in ["Some ", "*text*", "."]:
        view.show(PartDelta(index=0, text=word))
    view.show(PartEnd(index=0, part=Text(text="Some *text*.")))
    view.show(Finish(reason="stop"))
"""


def test_a_real_kernel_sends_one_output_and_updates_of_it(tmp_path: Path) -> None:
    root = ROOT
    environment = {**os.environ, "PYTHONPATH": str(root), "IPYTHONDIR": str(tmp_path)}
    manager, client = start_new_kernel(env=environment)
    try:
        messages: list[dict[str, Any]] = []
        reply = client.execute_interactive(
            IN_KERNEL, allow_stdin=False, output_hook=messages.append, timeout=60
        )
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()
    assert reply["content"]["status"] == "ok", reply["content"]
    drawn = [
        message
        for message in messages
        if message["msg_type"] in ("display_data", "update_display_data")
    ]
    kinds = [message["msg_type"] for message in drawn]
    assert kinds == ["display_data"] + ["update_display_data"] * (len(drawn) - 1)
    assert len(drawn) >= 3
    ids = {message["content"]["transient"]["display_id"] for message in drawn}
    assert len(ids) == 1
    assert sorted(drawn[-1]["content"]["data"]) == MIMES
    printed = [m["content"]["text"] for m in messages if m["msg_type"] == "stream"]
    assert printed == ["False False\n"]
