"""What a cell asks: every kind of attachment, from the first line to the request."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped]  # it ships no types
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow

from footage import make_video
from openrouter_server import OpenRouterServer
from page import Page
from shell_fixtures import ShellUnderTest
from stepmagic.attachments.framing import frame
from stepmagic.attachments.outputs import Outputs
from stepmagic.display.sent import Sent, sent_html
from stepmagic.errors import AttachmentError, ContextTooLong, SettingError
from stepmagic.transcript import File, Image, Text, user

PIXELS = Pillow.new("RGB", (40, 30), "red")


def parts(server: OpenRouterServer) -> list[dict[str, Any]]:
    """Return the content parts of the last question."""
    content: Any = server.requests[-1].body["messages"][-1]["content"]
    return content if isinstance(content, list) else [{"type": "text", "text": content}]


def texts(server: OpenRouterServer) -> str:
    return "\n".join(part.get("text", "<media>") for part in parts(server))


@given(st.text())
def test_data_stands_between_two_marks_of_its_own(text: str) -> None:
    told = frame(text, name="x", about="str").text
    mark = told.partition("[data ")[2].partition("]")[0]
    assert told.count(mark) == 2 + text.count(mark)
    assert told.endswith(f"[data {mark}]\n{text}\n[end {mark}]\n")


def test_a_table_is_sent_as_its_preview(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    step["df"] = pd.DataFrame({"n": range(1200), "email": ["a@b.org"] * 1200})
    step.run("%%step df\nWhat is {{ df.columns[0] }}?")
    assert "1,200 rows \N{MULTIPLICATION SIGN} 2 columns" in texts(server)
    assert texts(server).endswith("What is n?")
    step.run("from stepmagic import preview\np = preview(df, redact=['email'])")
    step.run("%%step p\nAnd now?")
    assert "a@b.org" not in texts(server).rpartition("[data ")[2]
    step.run("%%step df.head(3)\nThese?")
    assert "3 rows" in texts(server)


def test_pictures_stand_where_their_names_do(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    step["a"], step["b"] = PIXELS, np.zeros((20, 30, 3), np.uint8)
    step.run("%%step\ncompare {{ a }} with {{ b }}")
    assert [part["type"] for part in parts(server)] == ["text", "image_url"] * 2
    assert parts(server)[2]["text"] == " with [image 2: b]"
    step.run("%%step a b -p detail=low\nAlike?")
    assert parts(server)[1]["image_url"]["detail"] == "low"
    step.run("both = [a, a]")
    step.run("%%step both\nAlike?")
    step.run("%%step both -p frames=2\nAlike?")
    assert sum(part["type"] == "image_url" for part in parts(server)) == 2


def test_a_video_goes_whole_or_as_frames(
    server: OpenRouterServer, step: ShellUnderTest, tmp_path: Path
) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(make_video())
    step["clip"] = clip
    step["data"] = clip.read_bytes()
    step.run(f"%%step '{clip}'\nWhat moves?")
    assert parts(server)[0]["type"] == "video_url"
    step.run("%%step clip --once -p api=messages\nWhat moves?")
    assert sum(part["type"] == "image" for part in parts(server)) > 1
    step.run("%%step data --once -p api=messages\nWhat moves?")
    step.run("%%step data --once -p frames=2\nWhat moves?")
    with pytest.raises(AttachmentError, match="takes no video"):
        step.run("%%step https://example.org/a.mp4 -p api=messages\nWhat?")
    with pytest.raises(AttachmentError, match="local/smollm2 takes no video"):
        step.run("%%step https://example.org/a.mp4 -m local\nWhat?")


def test_code_errors_and_objects_say_what_they_are(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    shell: Any = step.shell
    shell.run_cell("def double(x):\n    return 2 * x\nerror = ValueError('no')")
    step.run("%%step double error\nWhy?")
    assert "return 2 * x" in texts(server)
    assert "ValueError: no" in texts(server)
    step["many"] = type("Many", (), {"__repr__": lambda _: "many " * 2000})()
    step.run("%%step many\nWhy?")
    assert "many many" in texts(server)
    step["shy"] = object()
    step["bad"] = type("Bad", (), {"__repr__": lambda _: 1 / 0})()
    step.run("import os\nplain = 'words'\nlength = len")
    step.run("%%step plain _step\nWhy?")
    for word, reason in (
        ("shy", "says nothing of itself"),
        ("bad", "ZeroDivisionError"),
        ("os", "is a module"),
        ("os.environ", "may hold secrets"),
        ("os.getenv('A')", "may hold secrets"),
        ("plain.nothing", "failed: AttributeError"),
        ("plian", "no variable and no file 'plian'. Did you mean plain"),
        ("qqqq", "no variable and no file 'qqqq'"),
        ("./qqqq.csv", "no file"),
        ("int", "no variable and no file"),
    ):
        with pytest.raises(AttachmentError, match=reason.replace(".", r"\.")):
            step.run(f"%%step {word}\nWhy?")
    step["kind"] = int
    with pytest.raises(AttachmentError, match="source of `kind` cannot be found"):
        step.run("%%step kind\nWhy?")


def test_several_files_are_sent_under_their_names(
    server: OpenRouterServer, step: ShellUnderTest, tmp_path: Path
) -> None:
    for number in (1, 10, 2):
        (tmp_path / f"a{number}.txt").write_text(f"file {number}")
    step.run(f"%%step '{tmp_path}/a*.txt'\nWhat?")
    found = [texts(server).index(f"file {number}") for number in (1, 2, 10)]
    assert found == sorted(found)
    step.run("%%step https://example.org/a.png\nWhat?")
    assert parts(server)[0]["image_url"]["url"] == "https://example.org/a.png"


def test_earlier_cells_are_sent_with_their_outputs(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    shell: Any = step.shell
    begin = shell.execution_count
    shell.run_cell("print('said')", store_history=True)
    shell.run_cell("20 + 22", store_history=True)
    shell.run_cell(
        "from PIL import Image\nImage.new('RGB', (40, 30))", store_history=True
    )
    step.run(f"%%step --cells {begin}-{begin + 2}\nWhy?")
    assert "20 + 22" in texts(server)
    assert "Out " in texts(server)
    step.run("%%step --cells last\nWhy?")
    for cells, reason in (("x", "takes 3"), ("999", "have run"), ("0", "have run")):
        with pytest.raises(AttachmentError, match=reason):
            step.run(f"%%step --cells {cells}\nWhy?")
    shell.execution_count = 99
    shell.history_manager.input_hist_raw += [""] * 99
    with pytest.raises(AttachmentError, match="at most 50 cells"):
        step.run("%%step --cells 1-90\nWhy?")


def test_the_last_error_goes_with_its_cell_and_types(
    server: OpenRouterServer, step: ShellUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("sys.last_value", raising=False)
    with pytest.raises(AttachmentError, match="no cell has failed"):
        step.run("%%step --error\nWhy?")
    step["df"] = pd.DataFrame({"secret": ["hidden value"]})
    shell: Any = step.shell
    shell.run_cell("1 +", store_history=True)
    step.run("%%step --error\nWhy?")
    assert "SyntaxError" in texts(server)
    shell.run_cell("%magic_that_is_not\n", store_history=True)
    shell.run_cell("n = 1\nlen(df) / (n - 1)", store_history=True)
    step.run("%%step --error\nWhy?")
    assert "ZeroDivisionError" in texts(server)
    assert "- df: pandas" in texts(server)
    assert "hidden value" not in texts(server)


def test_what_is_far_over_the_context_is_not_sent(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    step["long"] = "words " * 400_000
    with pytest.raises(ContextTooLong, match=r"The largest: `long` \(about"):
        step.run("%%step long\nWhat?")
    assert server.requests == []
    step.run("%%step\nHi")
    with pytest.raises(ContextTooLong, match="`-n` begins afresh"):
        step.run("%%step long\nWhat?")
    with pytest.raises(ContextTooLong, match="your text"):
        step.run(f"%%step --once\n{'words ' * 400_000}")


@pytest.mark.parametrize("option", ["detail=fine", "frames=0", "frames=x"])
def test_options_of_pictures_are_checked(step: ShellUnderTest, option: str) -> None:
    with pytest.raises(SettingError, match=option.partition("=")[0]):
        step.run(f"%%step -p {option}\nHi")


def test_what_was_sent_shows_itself() -> None:
    out = io.BytesIO()
    PIXELS.save(out, "PNG")
    message = user(
        Text(text="<b>$5</b>" * 2000, name="<i>x", about="str, 18,000 letters"),
        Image(media_type="image/png", data=out.getvalue(), name='a"b'),
        Image(media_type="image/png", data=b"\x89PNG broken", name="bad"),
        Image(url="https://example.org/a.png"),
        File(media_type="application/pdf", data=b"%PDF", name="a.pdf"),
        "What?",
    )
    html = sent_html(message, ["`x` was cut."])
    assert Page(html.replace(_PRE, "").replace(_SMALL, "")).faults == []
    assert "letters more)" in html
    shown = Sent(message=message, notices=("cut",))
    assert repr(shown).endswith("tokens.\ncut")
    assert shown._repr_html_()
    assert not Sent(message=user("Hi"))


_PRE = ' style="white-space:pre;overflow-x:auto"'
_SMALL = ' style="margin-bottom:0.7em"'


def test_a_dry_run_shows_every_message(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    step["img"] = PIXELS
    step.run("%%step\nFirst?")
    step.run("%%step img --dry-run\nSecond?")
    html = step.shown[0]["text/html"]
    assert "First?" in html
    assert "data:image/" in html
    assert len(server.requests) == 1


def test_displayed_outputs_are_kept_in_bounds() -> None:
    class Shell:
        execution_count = 1

    kept = Outputs(Shell())
    for number in range(1, 300):
        Shell.execution_count = number
        kept.begin()
        content = {"data": {"text/plain": "x"}, "transient": {"display_id": "a"}}
        assert kept.take({"content": content}) == {"content": content}
        kept.take({"content": {"data": {"text/plain": "y"}}})
        kept.take({"content": {}})
    assert kept.of(1) == []
    assert kept.of(299) == [{"text/plain": "x"}, {"text/plain": "y"}]
