"""Answers that overtake the message limit of Jupyter Server, which drops the rest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from playwright.sync_api import Browser, expect

from browser.answers import RICH
from browser.conftest import APPS
from browser.jupyter_server import JupyterServer
from browser.notebook_page import CodeCell, NotebookPage, new_notebook
from browser.profile import Profile
from browser.start import jupyter_for
from openrouter_server import OpenRouterServer, answer
from stepmagic.markdown import render

# From the 13th message within 3 s all are dropped, until 3 s have fewer than 10; an
# answer sends 16 a second. A cell that ends lets everything through again.
LIMIT = {"ZMQChannelsWebsocketConnection.iopub_msg_rate_limit": "4"}

TEXT = f"{RICH}\n" + " ".join(f"word{number}" for number in range(200))
EXCEEDED = "IOPub message rate exceeded"
LOST = "A part did not reach this page"


@pytest.fixture(scope="module")
def strict_jupyter(
    running_server: OpenRouterServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[JupyterServer]:
    """A Jupyter server with a low limit."""
    folder = tmp_path_factory.mktemp("jupyter")
    with jupyter_for(running_server, folder, options=LIMIT) as server:
        yield server


@pytest.fixture(scope="module")
def strict_profile(
    chromium: Browser, strict_jupyter: JupyterServer
) -> Iterator[Profile]:
    """The profile of a reader of that server."""
    with closing(Profile(chromium, strict_jupyter)) as profile:
        yield profile


@pytest.fixture(scope="module", params=APPS)
def opened_there(
    request: pytest.FixtureRequest, strict_profile: Profile
) -> Iterator[NotebookPage]:
    """A notebook on that server, for all tests of this module."""
    with new_notebook(request.param, strict_profile, "limited") as page:
        yield page


@pytest.fixture
def limited(
    opened_there: NotebookPage, server: OpenRouterServer
) -> Iterator[NotebookPage]:
    """That notebook for one test."""
    server.reset()
    yield opened_there
    assert opened_there.watch.take_faults() == []


def expect_complete(cell: CodeCell, place: int, text: str) -> None:
    """Check that an output becomes the one-shot render of an answer."""
    output = cell.outputs.nth(place)
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
        expect_complete(cell, 2 * place, text)
