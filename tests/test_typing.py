"""A user's program is checked against the built wheel, strictly, by mypy and pyright.

The environment holds the wheel and nothing else: no type comes from a dependency. Next
to the program lies another one with mistakes, each of which has to be found: where a
type is lost, ``Any`` would pass for everything.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from paths import ROOT

pytest.importorskip("hatchling", reason="builds the wheel")

PROGRAM = ROOT / "tests" / "user_code.py"

PYRIGHT = ROOT / "build" / "javascript" / "node_modules" / "pyright" / "index.js"
"""Where ``tools/check_javascript.sh`` installs it (its Python package downloads it)."""

MISTAKES = """
from typing import assert_type
from stepmagic import Conversation, Replies, batch, preview, step, tool

reply = step("?")
assert_type(reply, Replies)
reply.value.anything
reply.json().anything
reply.tables[0].anything
reply.to_dict()["anything"]
step("?", schema=int).value.anything
step("?", schema=list[int]).value.to_frame().anything
step("?", effort=["low"]).value[0].anything
step("?", effort=1)
Conversation().tree
Conversation().ask("?").anything
batch(["a"], "{{ b }}").anything
preview([1]).anything
tool(step).anything
"""
"""After the imports, each line has one mistake."""

FIRST = 5


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the programs and ``venv``, which holds the wheel alone."""
    folder = tmp_path_factory.mktemp("user")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel"]
    subprocess.run(  # noqa: S603 - our own command
        [*build, "-d", str(folder)], cwd=ROOT, check=True, capture_output=True
    )
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "venv", with_pip=False)
    (packages,) = (folder / "venv").rglob("site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    assert (packages / "stepmagic" / "py.typed").exists()
    shutil.copy(PROGRAM, folder / "program.py")
    (folder / "mistakes.py").write_text(MISTAKES)
    return folder


def output_of(command: list[str], folder: Path) -> str:
    """Return what a type checker writes."""
    # Nothing of this checkout is in its way.
    env = {k: v for k, v in os.environ.items() if k not in ("MYPYPATH", "PYTHONPATH")}
    run = subprocess.run(  # noqa: S603 - our own command
        command, cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    assert run.returncode in (0, 1), run.stderr
    return run.stdout


def lines_with_mistakes() -> list[int]:
    return list(range(FIRST + 1, MISTAKES.count("\n") + 1))


def test_mypy_has_no_complaint(folder: Path) -> None:
    python = str(folder / "venv" / "bin" / "python")
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file="]
    command += ["--cache-dir", os.devnull, "--python-executable", python]
    found = output_of([*command, "program.py", "mistakes.py"], folder)
    assert "program.py" not in found
    lines = map(int, re.findall(r"^mistakes\.py:(\d+): error", found, re.MULTILINE))
    assert sorted(set(lines)) == lines_with_mistakes(), found


def test_pyright_has_no_complaint(folder: Path) -> None:
    node = shutil.which("node")
    if node is None or not PYRIGHT.exists():
        pytest.skip("pyright is not installed: `make lint` does it, with node and npm")
    config = {
        "include": ["program.py", "mistakes.py"],
        "typeCheckingMode": "strict",
        "pythonVersion": f"{sys.version_info.major}.{sys.version_info.minor}",
        "venvPath": ".",
        "venv": "venv",
    }
    (folder / "pyrightconfig.json").write_text(json.dumps(config))
    command = [node, str(PYRIGHT), "--outputjson", "-p", "."]
    found = json.loads(output_of(command, folder))["generalDiagnostics"]
    faults = [
        (Path(each["file"]).name, each["range"]["start"]["line"] + 1, each["message"])
        for each in found
        # An expression that is not used is a statement of the mistakes alone.
        if each.get("rule") != "reportUnusedExpression"
    ]
    assert [fault for fault in faults if fault[0] == "program.py"] == []
    assert sorted({line for _, line, _ in faults}) == lines_with_mistakes(), faults
