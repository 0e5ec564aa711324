"""An answer that streams: drawn as it grows, correct at the end, stopped, restarted."""

from __future__ import annotations

import itertools

from playwright.sync_api import expect

from browser.answers import ENDLESS, LONG, RICH, THOUGHT
from browser.notebook_page import NotebookPage
from openrouter_server import OpenRouterServer, answer
from stepmagic.markdown import render

PROSE = " ".join(f"word{number}" for number in range(150))
ALIGNED = """(output) => ["th", "td"].map((kind) =>
  [...output.querySelectorAll(kind)].slice(0, 3)
    .map((each) => getComputedStyle(each).textAlign))
"""
PACED = answer(PROSE, reasoning="", tokens_per_frame=2, pace_s=0.03)


def test_a_stream_is_seen_growing(
    server: OpenRouterServer, notebook: NotebookPage
) -> None:
    server.enqueue(PACED)
    cell = notebook.add("%%step\nCount!")
    cell.element.evaluate("stepPage.follow")
    cell.run()
    seen = notebook.page.evaluate("stepPage.followed()")
    words = [look for look in seen if look["text"].startswith("word")]
    assert len(words[0]["text"]) < len(PROSE) / 2, "the first words were late"
    assert len(words) > 8, "it was drawn in few pieces"
    texts = [look["text"] for look in words]
    assert all(b.startswith(a) for a, b in itertools.pairwise(texts)), "it flickered"
    assert texts[-1] == PROSE


def test_what_stays_is_the_render_of_the_whole_answer(
    server: OpenRouterServer, notebook: NotebookPage
) -> None:
    server.enqueue(answer(RICH, reasoning=THOUGHT, pace_s=0.002))
    cell = notebook.run("%%step\nWhich month is the outlier?")
    shown = cell.outputs.evaluate("stepPage.answer")
    assert shown == notebook.page.evaluate("stepPage.written", render(RICH))


def test_replies_of_one_cell_do_not_disturb_each_other(
    server: OpenRouterServer, notebook: NotebookPage
) -> None:
    texts = [f"Reply {name}: {PROSE[:199]}" for name in ("one", "two", "three")]
    server.enqueue(*(answer(text, pace_s=0.01) for text in texts))
    cell = notebook.run(
        "from stepmagic import step\nfor word in 'abc':\n    step(word)\nprint('over')"
    )
    expect(cell.outputs).to_have_count(4)
    assert [cell.answer(number) for number in range(3)] == texts
    assert cell.outputs.last.inner_text().strip() == "over"


def test_the_toolbars_button_stops_the_cell_and_keeps_the_text(
    server: OpenRouterServer, notebook: NotebookPage
) -> None:
    server.enqueue(ENDLESS)
    cell = notebook.add("%%step\nCount!")
    cell.start()
    cell.wait_for_text("word20")
    seen = cell.answer()
    notebook.press("interrupt")
    cell.wait()
    left = cell.answer()
    assert left.startswith(seen)
    assert LONG.startswith(left)
    assert left != LONG
    assert "Stopped by you" in cell.outputs.first.inner_text()
    assert "Interrupted: " in cell.outputs.last.inner_text()
    server.enqueue(answer("It goes on."))
    assert notebook.run("%%step\nGo on.").answer() == "It goes on."


def test_a_page_loaded_again_in_mid_stream_can_run_the_cell_again(
    server: OpenRouterServer, window: NotebookPage
) -> None:
    server.enqueue(PACED, answer("Once more."))
    cell = window.add("%%step\nCount!")
    cell.start()
    cell.wait_for_text("word20")
    window.save()
    window.reload()
    cell = window.cells[-1].run()
    assert cell.answer(-1) == "Once more."
    assert "word1" not in cell.text
    saved = window.save()
    assert "widgets" not in saved["metadata"]
    *_, output = saved["cells"][-1]["outputs"]
    assert set(output["data"]) == {"text/html", "text/markdown", "text/plain"}
    # The page loads a view whose model the busy kernel cannot give it yet, and says so.
    faults = window.watch.take_faults()
    assert [each for each in faults if "widget model not found" not in each] == []


def test_columns_stand_where_they_will_while_a_table_grows(
    server: OpenRouterServer, notebook: NotebookPage
) -> None:
    rows = "".join(f"| word{number} | {number} | {number} |\n" for number in range(60))
    table = f"| text | number | middle |\n|---|---:|:-:|\n{rows}"
    server.enqueue(answer(table, reasoning="", tokens_per_frame=2, pace_s=0.02))
    cell = notebook.add("%%step\nCount!")
    cell.start()
    cell.wait_for_text("word9")
    output = cell.outputs.first
    assert output.locator(".sm-live").count() == 1
    growing = output.evaluate(ALIGNED)
    cell.wait()
    assert output.locator(".sm-live").count() == 0
    assert growing == output.evaluate(ALIGNED) == 2 * [["left", "right", "center"]]
