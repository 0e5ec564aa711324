"""Fixtures of the tests of attachments/images."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest


@pytest.fixture
def no_window() -> Any:
    """Draw without a window, and leave no figure open."""
    with mpl.rc_context():
        plt.switch_backend("agg")
        yield
        plt.close("all")
