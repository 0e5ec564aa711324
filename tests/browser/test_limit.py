"""Answers that overtake the message limit of Jupyter Server, which drops the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect

from browser.answers import RICH
from browser.jupyter_server import JupyterServer
from browser.notebook_page import App, CodeCell, NotebookPage
from openrouter_server import OpenRouterServer, answer
from stepmagic.markdown import render

# From the 13th message within 3 s all are dropped, until 3 s have fewer than 10; an
# answer sends 16 a second. A cell that ends lets everything through again.
LIMIT = 4
"""Messages a second."""

TEXT = f"{RICH}\n" + " ".join(f"word{number}" for number in range(200))
EXCEEDED = "IOPub message rate exceeded"
LOST = "A part did not reach this page"


@pytest.fixture(scope="module")
def opened_there(
    app: App, jupyter: JupyterServer, spare: Callable[[App], NotebookPage]
) -> NotebookPage:
    """A notebook whose kernel's messages are limited, for all tests of this module."""
    page = spare(app)
    with jupyter.limited(LIMIT):
        page.begin("limited")
    return page


@pytest.fixture
def limited(
    opened_there: NotebookPage, server: OpenRouterServer
) -> Iterator[NotebookPage]:
    """That notebook for one test."""
    server.reset()
    yield opened_there
    assert opened_there.watch.take_faults() == []


def expect_complete(cell: CodeCell, place: int, text: str) -> None:
    """Check that a reply of a cell becomes the one-shot render of an answer."""
    # Warnings are between them, as many as the machine is fast.
    output = cell.outputs.filter(has=cell.page.locator(".sm-reply")).nth(place)
    expect(output.locator(".sm-reply:not(.sm-live)")).to_be_visible(timeout=10_000)
    shown = output.evaluate("stepPage.answer")
    assert shown == cell.page.evaluate("stepPage.written", render(text))


def test_an_answer_whose_end_was_dropped_is_complete_after_the_cell(
    server: OpenRouterServer, limited: NotebookPage
) -> None:
    server.enqueue(answer(TEXT, reasoning="", tokens_per_frame=4, pace_s=0.015))
    cell = limited.run("%%step\nCount!")
    assert cell.outputs.locator(".sm-live").count() == 1, "the end was not dropped"
    assert EXCEEDED in cell.text
    expect_complete(cell, 0, TEXT)
    saved = limited.save()
    assert "widgets" not in saved["metadata"]
    output, _ = saved["cells"][-1]["outputs"]
    assert set(output["data"]) == {"text/html", "text/markdown", "text/plain"}


def test_a_view_that_lost_a_part_says_so_until_the_answer_is_complete(
    server: OpenRouterServer, limited: NotebookPage
) -> None:
    # Long enough that the server lets messages through again while it grows.
    server.enqueue(answer(TEXT, reasoning="", pace_s=0.01))
    cell = limited.add("%%step\nCount!")
    cell.start()
    cell.wait_for_text(LOST)
    assert not cell.is_done
    cell.wait()
    expect_complete(cell, 0, TEXT)
    assert LOST not in cell.text


def test_all_replies_of_one_cell_are_complete(
    server: OpenRouterServer, limited: NotebookPage
) -> None:
    texts = [f"{name}\n\n{TEXT}" for name in ("one", "two")]
    server.enqueue(*(answer(text, reasoning="", pace_s=0.002) for text in texts))
    cell = limited.run("from stepmagic import step\nfor word in 'ab':\n    step(word)")
    assert EXCEEDED in cell.text
    for place, text in enumerate(texts):
        expect_complete(cell, place, text)
