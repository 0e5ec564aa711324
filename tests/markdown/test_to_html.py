"""Markdown as HTML: what it looks like, and that no attack gets through."""

from __future__ import annotations

from pathlib import Path

import pytest

from markdown_samples import ATTACKS, SAMPLES
from page import Page
from stepmagic.markdown import render


def test_all_fifty_classes_are_there() -> None:
    assert list(ATTACKS) == list(range(1, 51))


@pytest.mark.parametrize("number", ATTACKS)
def test_an_attack_does_not_get_into_html(number: int) -> None:
    for html in (
        render(ATTACKS[number]),
        render(ATTACKS[number], highlight=False),
        render(f"> - {ATTACKS[number]}"),
    ):
        assert Page(html).faults == []


@pytest.mark.parametrize("number", ATTACKS)
def test_no_cut_of_an_attack_makes_an_unsafe_frame(number: int) -> None:
    attack = ATTACKS[number]
    for end in range(len(attack) + 1):
        assert Page(render(attack[:end], highlight=False)).faults == []


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_gives_its_html(path: Path) -> None:
    html = render(path.read_text("utf-8"), highlight=False)
    assert html == path.with_suffix(".html").read_text("utf-8")
    assert Page(html).faults == []
