"""The chat panel in JupyterLab and Notebook 7, from the first question to a restart."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import (  # type: ignore[import-untyped]
    Axe,  # it ships no types
)
from playwright.sync_api import expect

from browser.answers import ENDLESS, RICH, THOUGHT
from browser.notebook_page import App, NotebookPage
from browser.panel_page import PanelPage
from image_samples import drawing, encoded
from openrouter_server import OpenRouterServer, answer
from stepmagic.markdown import render

SETUP = """\
%load_ext stepmagic
import pandas as pd
sales = pd.DataFrame({"month": ["May", "June"], "sold": [3, 4]})"""


@pytest.fixture(scope="module")
def opened_panel(app: App, spare: Callable[[App], NotebookPage]) -> PanelPage:
    """A notebook of each application with a panel, for all tests of this module."""
    page = spare(app)
    page.begin("panel", SETUP)
    return PanelPage(page, page.run("%step panel"))


@pytest.fixture
def panel(opened_panel: PanelPage, server: OpenRouterServer) -> Iterator[PanelPage]:
    """That panel for one test, with nothing in it."""
    server.reset()
    opened_panel.start_afresh()
    yield opened_panel
    assert opened_panel.notebook.watch.take_faults() == []


def test_an_answer_streams_and_ends_as_a_cell_shows_it(
    server: OpenRouterServer, panel: PanelPage
) -> None:
    server.enqueue(answer(RICH, reasoning=THOUGHT, pace_s=0.01))
    panel.ask("Which month is the outlier?")
    expect(panel.element.locator(".sm-live")).to_contain_text("Thinking")
    turn = panel.expect_answer("March is the outlier")
    shown = turn.locator(".sm-answer").evaluate(
        """(box) => {
          const copy = box.cloneNode(true);
          copy.querySelectorAll(".sm-uses").forEach((each) => each.remove());
          return stepPage.answer(copy);
        }"""
    )
    assert shown == panel.notebook.page.evaluate("stepPage.written", render(RICH))
    expect(panel.element.locator("[aria-live=polite]")).to_contain_text("pandas guide")
    expect(panel.text).to_have_value("")


def test_stop_keeps_what_was_received_and_the_next_question_continues(
    server: OpenRouterServer, panel: PanelPage
) -> None:
    server.enqueue(ENDLESS, answer("It goes on."))
    panel.ask("Count!")
    expect(panel.element.locator(".sm-live")).to_contain_text("word20")
    # It is next to the question: below an answer, each line would move it.
    assert panel.button("Stop").evaluate("button => !button.closest('.sm-turn')")
    panel.button("Stop").click()
    turn = panel.expect_answer("Stopped by you")
    expect(panel.button("Stop")).to_be_hidden()
    expect(turn).not_to_contain_text("word3999")
    panel.ask("Go on.")
    panel.expect_answer("It goes on.")


def test_the_panel_follows_the_text_unless_the_reader_scrolls_away(
    server: OpenRouterServer, panel: PanelPage
) -> None:
    lines = "\n\n".join(f"line {number}" for number in range(60))
    server.enqueue(answer(lines, reasoning="", pace_s=0.03))
    panel.ask("Count!")
    expect(panel.element.get_by_text("line 25", exact=True)).to_be_in_viewport()
    panel.element.locator(".sm-turns").hover()
    panel.notebook.page.mouse.wheel(0, -400)
    latest = panel.button("Go to the end")
    expect(latest).to_be_visible()
    panel.expect_answer("line 59")
    expect(panel.element.get_by_text("line 59", exact=True)).not_to_be_in_viewport()
    latest.click()
    expect(panel.element.get_by_text("line 59", exact=True)).to_be_in_viewport()


def test_cells_and_the_panel_show_each_others_turns(
    server: OpenRouterServer, panel: PanelPage
) -> None:
    server.enqueue(answer("From a cell."), answer("From the panel."))
    panel.notebook.run("%%step\nA cell?")
    panel.expect_answer("From a cell.")
    panel.ask("The panel?")
    panel.expect_answer("From the panel.")
    # A second view of the same panel.
    other = PanelPage(panel.notebook, panel.notebook.run("%step panel"))
    expect(other.turns).to_have_count(2)
    server.enqueue(answer("In both."))
    other.ask("Both?")
    panel.expect_answer("In both.")
    other.expect_answer("In both.")
    panel.notebook.run("%step history")
    assert "In both." in panel.notebook.cells[-1].text


def test_a_table_and_a_pasted_picture_reach_the_server(
    server: OpenRouterServer, panel: PanelPage
) -> None:
    server.enqueue(answer("Seen."))
    panel.write("What of @sal")
    expect(panel.element.locator(".sm-list li")).to_contain_text("2 × 2")
    panel.text.press("Enter")
    panel.text.press_sequentially("?")
    panel.paste(encoded(drawing(60, 40), "PNG"), "plot.png")
    expect(panel.element.get_by_label("Attached")).to_contain_text("plot.png")
    panel.button("Preview").click()
    preview = panel.element.get_by_label("What would be sent")
    expect(preview).to_contain_text("Not sent")
    assert server.requests == []
    panel.text.press("Enter")
    turn = panel.expect_answer("Seen.")
    expect(turn.locator(".sm-sent")).to_contain_text("plot.png")
    content = server.requests[-1].body["messages"][-1]["content"]
    texts = "\n".join(part.get("text", "") for part in content)
    assert "What of `sales` ?" in texts
    assert "June" in texts
    (picture,) = [p for p in content if p["type"] == "image_url"]
    assert picture["image_url"]["url"].startswith("data:image/png;base64,")


def test_variables_of_the_notebook_can_be_picked(
    server: OpenRouterServer, panel: PanelPage
) -> None:
    server.enqueue(answer("Seen."))
    panel.button("Attach").click()
    panel.notebook.run("total = 7")
    box = panel.element.get_by_role("checkbox", name="total")
    box.check()
    panel.button("Attach").click()
    panel.ask("How many?")
    panel.expect_answer("Seen.")
    assert "`total`" in str(server.requests[-1].body["messages"][-1]["content"])
    expect(panel.element.get_by_label("Attached")).to_be_hidden()


def test_a_question_is_edited_and_both_versions_can_be_seen(
    server: OpenRouterServer, panel: PanelPage
) -> None:
    server.enqueue(*map(answer, ("Hello.", "One.", "Two.", "Three.")))
    panel.ask("Hello?")
    panel.expect_answer("Hello.")
    panel.ask("First?")
    panel.expect_answer("One.")
    panel.button("Edit").click()
    area = panel.element.get_by_label("Edit the question")
    area.fill("Second?")
    area.press("Enter")
    turn = panel.expect_answer("Two.")
    expect(turn.locator(".sm-question")).to_have_text("Second?")
    panel.button("Previous version").click()
    panel.expect_answer("One.")
    expect(panel.turns).to_have_count(2)
    panel.button("Regenerate").click()
    panel.expect_answer("Three.")
    expect(panel.element.locator(".sm-switch").last).to_have_attribute(
        "aria-label", "Version 3 of 3"
    )


def test_a_table_is_bound_to_a_name(server: OpenRouterServer, panel: PanelPage) -> None:
    server.enqueue(answer(RICH, reasoning=""))
    panel.ask("Table?")
    panel.expect_answer("March is the outlier")
    panel.button("Bind the table to a name").click()
    name = panel.element.get_by_label("Name", exact=True)
    name.fill("no name")
    name.press("Enter")
    expect(panel.status).to_contain_text("is not a name")
    name.fill("monthly")
    name.press("Enter")
    expect(panel.status).to_contain_text("monthly is bound to the table.")
    cell = panel.notebook.run("monthly['sales'].tolist()")
    assert "[101, 98, 42, 104]" in cell.text


def test_cells_run_while_an_answer_streams_and_clicks_wait_for_them(
    server: OpenRouterServer, panel: PanelPage, tmp_path: Path
) -> None:
    words = " ".join(f"word{number}" for number in range(600))
    slow = answer(words, reasoning="", tokens_per_frame=2, pace_s=0.03)
    server.enqueue(slow, answer("Next."))
    panel.ask("Count!")
    live = panel.element.locator(".sm-live")
    expect(live).to_contain_text("word5 ")
    end = tmp_path / "end"
    cell = panel.notebook.add(
        f"import pathlib, time\nwhile not pathlib.Path({str(end)!r}).exists():\n"
        "    time.sleep(0.05)\nprint('ended')"
    )
    cell.start()
    before = live.inner_text()
    expect(live).not_to_have_text(before)
    panel.ask("And now?")
    expect(panel.status).to_have_text("Waiting for the running cell.")
    assert not cell.is_done
    end.touch()
    panel.expect_answer("Next.")
    # What is out of sight has no text.
    cell.element.scroll_into_view_if_needed()
    cell.wait()
    assert cell.text.strip() == "ended"


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_the_panel_is_accessible(
    server: OpenRouterServer, panel: PanelPage, theme: str
) -> None:
    server.enqueue(answer(RICH, reasoning=THOUGHT))
    panel.ask("What of {{ sales }}?")
    panel.expect_answer("March is the outlier")
    panel.notebook.set_theme("Dark" if theme == "Dark" else "Light")
    panel.button("Attach").click()
    panel.button("Bind the table to a name").click()
    panel.write("@")
    try:
        assert panel.violations(Axe()) == []
        panel.narrow(320)
        overflow = panel.element.evaluate("(box) => box.scrollWidth - box.clientWidth")
        assert overflow <= 0
    finally:
        panel.notebook.page.set_viewport_size({"width": 1000, "height": 900})
        panel.notebook.set_theme("Light")
        panel.text.fill("")
        panel.button("Attach").click()


def test_a_restart_is_reported_and_a_reader_without_the_kernel_sees_a_transcript(
    server: OpenRouterServer, opened_panel: PanelPage
) -> None:
    server.reset()
    server.enqueue(answer("**Kept.**"), answer("Anew."))
    notebook = opened_panel.notebook
    panel = PanelPage(notebook, notebook.run("%step panel"))
    panel.start_afresh()
    panel.ask("Is it kept?")
    panel.expect_answer("Kept.")
    notebook.page.evaluate(
        "jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()"
    )
    expect(panel.status).to_contain_text("The kernel was restarted.")
    expect(panel.button("Send")).to_be_disabled()
    notebook.command("notebook:clear-all-cell-outputs")
    notebook.cells[0].run()
    again = PanelPage(notebook, panel.cell.run())
    again.ask("Anew?")
    again.expect_answer("Anew.")
    transcript = again.cell.element.locator(".sm-transcript")
    expect(transcript).to_contain_text("Anew.")
    expect(transcript).to_be_hidden()
    place = len(notebook.cells) - 1
    notebook.reopen_without_kernel()
    cell = notebook.cells[place]
    cell.element.scroll_into_view_if_needed()
    expect(cell.element.locator(".sm-transcript")).to_contain_text("Anew?")
    expect(cell.element.locator(".sm-transcript strong").last).to_be_visible()
    assert cell.element.locator(".sm-panel").count() == 0
    saved = notebook.save()
    assert "widgets" not in saved["metadata"]
    (output,) = saved["cells"][place]["outputs"]
    assert set(output["data"]) == {"text/html", "text/plain"}
    assert notebook.watch.take_faults() == []
