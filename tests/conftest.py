"""Every test runs alone: no key, home or setting comes in from outside."""

from __future__ import annotations

import gc
import itertools
import os
import signal
import sys
from typing import Any

import pytest
from hypothesis import settings

from stepmagic.session import session

# jsonschema (which altair and nbformat import) compiles 38 grammars of this package for
# a check of formats that no test asks for: 1.3 s for each process.
sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]  # as import reads it

pytest_plugins = ["server_fixtures", "engine_fixtures", "shell_fixtures"]

# Cores are shared in CI: a slow example is no failure. Examples are the same each time:
# what they find is found by whoever wrote it. `make fuzz` looks for others.
settings.register_profile("stepmagic", deadline=None, derandomize=True)
settings.register_profile("fuzz", deadline=None, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "stepmagic"))

_KEYS = ("OPENROUTER_API_KEY", "OPENAI_API_KEY", "ANTHROPIC_API_KEY")
_KEPT = ("STEPMAGIC_RECORDINGS",)
"""Says where test data lies, and nothing to the package."""

_FOLDERS = (
    "HOME",
    "IPYTHONDIR",
    "JUPYTER_CONFIG_DIR",
    "JUPYTER_DATA_DIR",
    "JUPYTER_RUNTIME_DIR",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_RUNTIME_DIR",
    "XDG_STATE_HOME",
)


_homes = itertools.count()

_ENGINE = {"local_engine", "weights"}
"""Fixtures whose tests take every core: next to others, all wait for each other."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse tests of the engine outside their folder, which ``make test`` runs apart.

    Raises:
        pytest.UsageError: There is one.
    """
    for item in items:
        asks = _ENGINE & set(getattr(item, "fixturenames", ()))
        if asks and item.path.parent.name != "engine":
            message = f"{item.nodeid} asks the embedded engine: move it to tests/engine"
            raise pytest.UsageError(message)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give a process whole files or, of the browser tests, one front end's windows.

    Groups of xdist 3.8 would do: they are lost on pytest 9.2, which has no `_nodeid`.
    """
    from xdist.scheduler import (  # type: ignore[import-untyped]  # noqa: PLC0415
        LoadFileScheduling,  # it ships no types, and may be left out
    )

    class Scheduling(LoadFileScheduling):  # type: ignore[misc]  # no types
        def _split_scope(self, nodeid: str) -> str:
            if not nodeid.startswith("tests/browser/"):
                return str(super()._split_scope(nodeid))
            return "notebook" if "[notebook" in nodeid else "lab"

    return Scheduling(config, log)


def pytest_configure() -> None:
    """Take interrupts, which a run that began in the background ignores."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True, scope="module")
def _few_objects() -> None:
    """Spare the collector what the run itself holds: a shell calls it at its end."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _isolated(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Give each test an empty home, a bare environment and a fresh kernel state."""
    # First, since what the last test's journal still writes belongs into its home.
    session().reset()
    for name in tuple(os.environ):
        if name in _KEYS or (name.startswith("STEPMAGIC_") and name not in _KEPT):
            monkeypatch.delenv(name)
    # A path that no other test has; what is written below it makes its own folders.
    home = tmp_path_factory.getbasetemp() / "homes" / str(next(_homes))
    home.mkdir(mode=0o700, parents=True)
    for name in _FOLDERS:
        folder = home if name == "HOME" else home / name.lower()
        monkeypatch.setenv(name, str(folder))
    # Names the notebook, where the tests run in a kernel.
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    # Looks at no keyring of the machine, neither here nor in a kernel of the test.
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
