"""A key shows nowhere: not in what is drawn, raised, logged, held or written."""

from __future__ import annotations

import copy
import json
import logging
import os
import traceback
from pathlib import Path

import pytest

from kernels import running_kernel
from openrouter_server import (
    OpenRouterServer,
    answer,
    bad_json,
    cut,
    error,
    mid_stream_error,
    raw,
)
from shell_fixtures import ShellUnderTest
from stepmagic.keys import find_key
from stepmagic.session import session
from stepmagic.transcript import tree_to_dict

FAULTS = 11


def faults(key: str) -> list[object]:
    """Return every kind of failure, each quoting the key where it can."""
    said = f"the key {key} is to blame"
    quoting = answer(f"one two three {key} four five", reasoning=f"is it {key}?")
    return [
        error(400, said),
        error(401, said),
        error(402, said),
        error(403, said, metadata={"reasons": [key], "flagged_input": key}),
        error(404, said),
        error(429, said, headers={"retry-after": "0"}, metadata={"raw": said}),
        error(500, body=said.encode(), headers={"retry-after": "0"}),
        mid_stream_error(quoting, after=9, message=said),
        cut(quoting, after=9),
        bad_json(quoting, after=9),
        raw(said.encode(), content_type="text/html"),
    ]


@pytest.mark.parametrize("number", range(FAULTS))
def test_no_error_shows_the_key(
    server: OpenRouterServer,
    step: ShellUnderTest,
    caplog: pytest.LogCaptureFixture,
    number: int,
) -> None:
    caplog.set_level(logging.DEBUG)
    every = faults(server.key)
    assert len(every) == FAULTS
    server.enqueue(*[every[number]] * 2)  # type: ignore[arg-type]  # replies of the script
    seen = []
    for code in ("%%step\nHi", "%tb Verbose", "%step history", "%step", "_step"):
        try:
            step.run(code)
        except Exception as failed:  # noqa: BLE001 - every kind of failure is the point
            seen += traceback.format_exception(failed)
            seen += [repr(vars(e)) for e in (failed, failed.__cause__) if e is not None]
        seen += [step.printed, str(step.shown)]
    step.run("%xmode Verbose")
    tree = session().conversation.tree
    seen += [json.dumps(tree_to_dict(tree)), repr(tree.turns), caplog.text]
    assert "Hi" in seen[-3]
    assert server.key not in "".join(seen)


def test_a_key_shows_in_no_form_of_itself(
    server: OpenRouterServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", server.key)
    key = find_key()
    assert key is not None
    for form in (repr(key), str(key), f"{key}", f"{[key]!r}", repr(copy.copy([key]))):
        assert server.key not in form


def test_a_kernel_writes_the_key_to_no_file_and_no_message(
    server: OpenRouterServer, tmp_path: Path
) -> None:
    settings = {
        "OPENROUTER_API_KEY": server.key,
        "STEPMAGIC_BASE_URL": server.url,
        "STEPMAGIC_CACHE": str(tmp_path / "cache"),
        "HOME": str(tmp_path),
    }
    server.enqueue(answer("Fine."), error(401, f"not {server.key}"))
    cells = [
        "%load_ext stepmagic",
        "%step model",
        "%%step\nHi",
        "%%step\nAgain",
        "%%step --dry-run\nDry",
        "%step",
        "%step history",
        "%%step\nIs {{ key }} my key?",
    ]
    with running_kernel(**settings) as kernel:
        kernel.check("import os; key = os.environ['OPENROUTER_API_KEY']")
        shown = [kernel.run(cell) for cell in cells]
    assert [ran.status for ran in shown].count("error") == 2
    messages = json.dumps([m["content"] for ran in shown for m in ran.messages])
    assert server.key not in messages
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if server.key.encode() in path.read_bytes()]
    assert server.key not in os.environ.values()
