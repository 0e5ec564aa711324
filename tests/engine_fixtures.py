"""Fixtures of the embedded engine; ``conftest.py`` loads them as a plugin.

The weights lie in ``build/cache``, or where ``STEPMAGIC_CACHE`` says, so that a clone
fetches them once, whatever the home folder of a test is.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from paths import ROOT
from stepmagic.server.local import Engine, engine, ensure_weights, locate_weights, stop

# Read before any test clears the environment.
CACHE = Path(os.environ.get("STEPMAGIC_CACHE") or ROOT / "build" / "cache")


@pytest.fixture(scope="session")
def fetched_weights() -> Path:
    """The model file of ``local/smollm2``; the first run in a clone fetches it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STEPMAGIC_CACHE", str(CACHE))
        path = locate_weights("local/smollm2")
        ensure_weights(path, print)
    return path


@pytest.fixture(scope="session")
def _engines() -> Iterator[None]:
    yield
    stop()


@pytest.fixture
def weights(fetched_weights: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The model file of ``local/smollm2``, where the package looks for it."""
    monkeypatch.setenv("STEPMAGIC_CACHE", str(fetched_weights.parent))
    return fetched_weights


@pytest.fixture
def local_engine(weights: Path, _engines: None) -> Engine:
    """The engine of ``local/smollm2``, one for the whole run."""
    pytest.importorskip("xllamacpp", reason="the embedded engine is not installed")
    assert weights.exists()
    return engine("local/smollm2")
