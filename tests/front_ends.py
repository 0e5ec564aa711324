"""Front ends of tests: a shell that names its cells, a clock, and a page in node."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from IPython.core.events import EventManager, available_events

from paths import PACKAGE

SCRIPTS = PACKAGE / "display" / "notebook" / "static"


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        """Begin at zero."""
        self.now_s = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now_s


class Shell:
    """What a shell shows of its kernel: the request that runs the cell, and events."""

    def __init__(self, *, cell: str | None = "cell") -> None:
        """Run a cell; without a name, as nbclient does."""
        self.kernel = self.display_pub = self
        self.session = "page"
        """Who sent the request."""
        self.parents: list[str] = []
        """Whose requests the output was to go to."""
        self._cell = cell
        # IPython's event manager is untyped.
        manager: Any = EventManager
        self.events = manager(self, available_events)

    def get_parent(self) -> dict[str, Any]:
        """Return the request."""
        metadata = {"cellId": self._cell} if self._cell else {}
        header = {"msg_id": "1", "session": self.session}
        return {"header": header, "metadata": metadata, "content": {}}

    def set_parent(self, request: dict[str, Any]) -> None:
        """Note a request."""
        self.parents.append(request["header"]["session"])

    def cell(self, clock: Clock, *, pause_s: float, takes_s: float = 1.0) -> None:
        """Run a cell after a pause."""
        clock.now_s += pause_s
        self.events.trigger("pre_run_cell", None)
        clock.now_s += takes_s
        self.events.trigger("post_run_cell", None)


def run_script(folder: Path, code: str, given: object) -> Any:
    """Run code that uses the live view's modules, and ``given``, in node.

    Returns:
        The JSON that it prints.
    """
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node; the browser tests run the scripts too")
    for script in SCRIPTS.glob("*.js"):
        shutil.copy(script, folder)
    (folder / "package.json").write_text('{"type": "module"}', "utf-8")
    reads = (
        'import { readFileSync } from "node:fs";\n'
        "const given = JSON.parse(readFileSync(0));\n"
    )
    (folder / "run.js").write_text(reads + code, "utf-8")
    # The command is made of two paths of our own.
    ran = subprocess.run(  # noqa: S603
        [node, str(folder / "run.js")],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return json.loads(ran.stdout)
