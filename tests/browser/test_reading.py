"""What a reader does with an answer: formulas, folded reasoning, both themes, later."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from browser.answers import RICH, THOUGHT
from browser.notebook_page import NotebookPage
from openrouter_server import OpenRouterServer, answer, cut

WCAG_AA = 4.5


def test_formulas_are_set_and_prices_stay_text(
    server: OpenRouterServer, notebook: NotebookPage
) -> None:
    server.enqueue(answer(r"Between $5 and $6, as $x^2$ or \(y_1\) say. `$z$`"))
    cell = notebook.run("%%step\nHow much?")
    expect(cell.outputs.locator(".sm-maths mjx-container")).to_have_count(2)
    expect(cell.outputs.locator("mjx-container")).to_have_count(2)
    assert cell.answer().startswith("Between $5 and $6, as")
    assert cell.outputs.locator("code").inner_text() == "$z$"


def test_reasoning_is_folded_until_it_is_clicked(
    server: OpenRouterServer, notebook: NotebookPage
) -> None:
    server.enqueue(answer("**March.**", reasoning=THOUGHT, pace_s=0.01))
    cell = notebook.add("%%step\nWhich month is the outlier?")
    cell.start()
    expect(cell.outputs.locator("summary")).to_contain_text("Thinking")
    cell.wait()
    expect(cell.outputs.locator("summary")).to_contain_text("Thought")
    thought = cell.outputs.get_by_text("far below it")
    expect(thought).to_be_hidden()
    cell.outputs.locator("summary").click()
    expect(thought).to_be_visible()
    cell.outputs.locator("summary").click()
    expect(thought).to_be_hidden()


def test_reasoning_that_was_opened_stays_open_while_it_grows(
    server: OpenRouterServer, notebook: NotebookPage
) -> None:
    words = " ".join(f"thought{number}" for number in range(100))
    server.enqueue(answer("Done.", reasoning=words, tokens_per_frame=2, pace_s=0.03))
    cell = notebook.add("%%step\nThink!")
    cell.start()
    cell.wait_for_text("thought10")
    cell.outputs.locator("summary").click()
    reasoning = cell.outputs.locator("details")
    states = []
    while not cell.is_done:
        states.append(reasoning.get_attribute("open"))
        notebook.page.wait_for_timeout(50)
    assert set(states[1:-2]) == {""}


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_every_text_can_be_read(
    server: OpenRouterServer, notebook: NotebookPage, theme: str
) -> None:
    server.enqueue(answer(RICH, reasoning=THOUGHT), cut(answer(RICH), after=20))
    notebook.set_theme("Dark" if theme == "Dark" else "Light")
    whole = notebook.run("%%step\nWhich month is the outlier?")
    broken = notebook.run("%%step\nAnd which is not?")
    status = notebook.run("%step")
    found = []
    for cell in (whole, broken, status):
        cell.unfold()
        notebook.page.mouse.move(0, 0)
        for output in cell.outputs.all():
            found += output.evaluate("stepPage.contrasts")
    notebook.set_theme("Light")
    assert {each["kind"] for each in found} == {"text", "quiet", "link", "code", "cell"}
    assert [each for each in found if each["ratio"] < WCAG_AA] == []


def test_a_saved_answer_is_the_same_without_its_kernel(
    server: OpenRouterServer, window: NotebookPage
) -> None:
    server.enqueue(answer(RICH, reasoning=THOUGHT, pace_s=0.002))
    cell = window.run("%%step\nWhich month is the outlier?")
    expect(cell.outputs.locator(".sm-maths mjx-container").last).to_be_visible()
    before = cell.outputs.evaluate("stepPage.answer")
    text = cell.text
    window.reopen_without_kernel()
    cell = window.cells[-1]
    expect(cell.outputs.locator(".sm-maths mjx-container").last).to_be_visible()
    assert cell.outputs.evaluate("stepPage.answer") == before
    assert cell.text == text
    saved = window.save()
    assert "widgets" not in saved["metadata"]
    (output,) = saved["cells"][-1]["outputs"]
    assert set(output["data"]) == {"text/html", "text/markdown", "text/plain"}
