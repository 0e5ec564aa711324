"""The bar of a batch."""

from __future__ import annotations

import pytest

from stepmagic import batch

pytestmark = pytest.mark.usefixtures("asks")


def test_the_bar_says_what_it_cost(capsys: pytest.CaptureFixture[str]) -> None:
    batch(["a", None], "Say {{ x }}")
    shown = capsys.readouterr()
    assert "2/2" in shown.err
    assert "$0.0" in shown.err
    assert "1 failed" in shown.err
    assert shown.out == "1 row has an error: see the column error.\n"
