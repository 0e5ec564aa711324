"""What a cell asks: every kind of attachment, from the first line to the request."""

from __future__ import annotations

import base64
import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped]  # it ships no types
import pytest
from PIL import Image as Pillow

from footage import make_video
from openrouter_server import OpenRouterServer
from shell_fixtures import ShellUnderTest
from stepmagic.errors import AttachmentError, CommandError, SettingError
from stepmagic.transcript import Image, Text

PIXELS = Pillow.new("RGB", (40, 30), "red")


def parts(server: OpenRouterServer) -> list[dict[str, Any]]:
    """Return the content parts of the last question."""
    content: Any = server.requests[-1].body["messages"][-1]["content"]
    return content if isinstance(content, list) else [{"type": "text", "text": content}]


def texts(server: OpenRouterServer) -> str:
    return "\n".join(part.get("text", "<media>") for part in parts(server))


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
    with pytest.raises(AttachmentError, match="does not accept video"):
        step.run("%%step https://example.org/a.mp4 -p api=messages\nWhat?")
    with pytest.raises(AttachmentError, match="local/smollm2 does not accept video"):
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
    assert "`x`" not in texts(server)


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


def test_earlier_cells_and_the_last_error_are_sent_after_the_attachments(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    shell: Any = step.shell
    shell.run_cell("print('said')", store_history=True)
    shell.run_cell("note = 'words'\n1 / 0", store_history=True)
    step.run("%%step note --error --cells 1-2\nWhy?")
    told = texts(server)
    places = [
        told.index(word) for word in ("`note`", "`cell 1`", "`cell 2`", "`error`")
    ]
    assert places == sorted(places)
    assert told.endswith("Why?")


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


@pytest.mark.parametrize("option", ["detail=fine", "frames=0", "frames=x"])
def test_options_of_pictures_are_checked(step: ShellUnderTest, option: str) -> None:
    with pytest.raises(SettingError, match=option.partition("=")[0]):
        step.run(f"%%step -p {option}\nHi")


def test_videos_stand_before_everything_else(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    """StepFun asks for it; one that is named in the text stands where it is named."""
    step["clip"], step["img"], step["note"] = make_video(), PIXELS, "words"
    step.run("%%step note img clip\nWhat?")
    kinds = [part["type"] for part in parts(server)]
    assert kinds == ["video_url", "text", "image_url", "text"]
    step.run("%%step note --once\nIs {{ clip }} it?")
    kinds = [part["type"] for part in parts(server)]
    assert kinds == ["text", "text", "video_url", "text"]


def test_short_values_are_written_where_they_stand_and_tables_in_marks(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    step["n"], step["rows"] = 7, [{"a": 1}, {"a": 2}]
    step["df"] = pd.DataFrame({"a": [1]})
    step.run("%%step\n{{ n }} of {{ rows[0] }} in {{ df }}, {{ df.shape }}")
    first, table, last = (part["text"] for part in parts(server))
    assert first == "7 of {'a': 1} in "
    assert table.startswith("`df`, pandas DataFrame, 1 row")
    assert last == ", (1, 1)"


def test_raw_leaves_braces_alone(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    step.run("%%step --raw\nWhat is {{ nothing }}?")
    assert texts(server) == "What is {{ nothing }}?"


@pytest.mark.parametrize("cell", ["\n \n", "\n{{ empty }}\n", "empty\n\n"])
def test_nothing_at_all_is_not_sent(
    server: OpenRouterServer, step: ShellUnderTest, cell: str
) -> None:
    step["empty"] = ""
    if cell.startswith("empty"):  # what was attached is something: it says so itself
        step.run(f"%%step {cell}")
        assert "`empty`, str, 0 characters" in texts(server)
        return
    for option in ("", "--dry-run"):
        with pytest.raises(CommandError, match="Write the question below"):
            step.run(f"%%step {option}{cell}")
    assert server.requests == []


def test_blank_text_beside_a_picture_is_left_out(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    step["img"] = PIXELS
    step.run("%%step img\n \n")
    assert [part["type"] for part in parts(server)] == ["image_url"]


@pytest.mark.parametrize(
    "cell", ["{{ copied }}", "{{ nested }}", "{{ env }}", "{{ env['PLANTED'] }}"]
)
def test_environment_is_refused_in_the_text_too(
    server: OpenRouterServer,
    step: ShellUnderTest,
    monkeypatch: pytest.MonkeyPatch,
    cell: str,
) -> None:
    monkeypatch.setenv("PLANTED", "secret")
    step["env"], step["copied"] = os.environ, dict(os.environ)
    step["nested"] = [dict(os.environ)]
    with pytest.raises(AttachmentError, match="may hold secrets"):
        step.run(f"%%step\nWhat is {cell}?")
    assert server.requests == []


def test_settings_decide_how_large_things_are(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    step["img"] = Pillow.new("RGB", (400, 300), "red")
    step["df"] = pd.DataFrame({f"column {n}": range(900) for n in range(60)})
    step.run("%config StepMagic.image_longest_side = 40")
    step.run("%config StepMagic.preview_tokens = 200")
    step.run("%%step img df\nWhat?")
    described, image, table, _ = parts(server)
    assert "`img`: scaled down" in described["text"]
    data = base64.b64decode(image["image_url"]["url"].partition(",")[2])
    assert Pillow.open(io.BytesIO(data)).size == (40, 30)
    assert len(table["text"]) < 1200


def test_notices_are_told_once(server: OpenRouterServer, step: ShellUnderTest) -> None:
    assert server.requests == []
    step["df"] = pd.DataFrame({"email": ["a@b.org"]})
    step.run("%%step df --dry-run\nIs {{ df }} odd?")
    assert step.shown[0]["text/plain"].count("looks like") == 1


# From Python


def test_documents_that_the_server_must_read_are_told(
    step: ShellUnderTest, tmp_path: Path
) -> None:
    (tmp_path / "paper.pdf").write_bytes(b"%PDF-1.7\n%%EOF\n")
    step["paper"] = tmp_path / "paper.pdf"
    step.run("%%step --dry-run paper\nWhat is it?")
    notice = "does not accept files: the server reads documents for it, which may cost"
    assert f"{notice} extra." in step.shown[0]["text/plain"]
    step.run("""%%step paper --dry-run -p plugins=[{"id": "file-parser"}]\nAnd?""")
    assert notice not in step.shown[0]["text/plain"]


def test_call_takes_objects_and_their_names(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    step["people"] = pd.DataFrame({"a": [1]})
    step.run("from stepmagic import step\nstep('What?', people, 'more ' + 'words')")
    assert "`people`, pandas DataFrame" in texts(server)
    assert "`attachment 2`, str, 10 characters" in texts(server)
    assert texts(server).endswith("What?")
    step.run("step('{{ people }} {n}')")
    assert texts(server) == "{{ people }} {n}"


def test_call_takes_parts_as_its_prompt(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    step["asked"], step["img"] = Text(text="What?"), Image(url="https://a.org/b.png")
    step.run("from stepmagic import step\nstep(asked, img)")
    assert [part["type"] for part in parts(server)] == ["image_url", "text"]
    assert parts(server)[1]["text"] == "What?"
    step.run("step(img, once=True)")
    assert [part["type"] for part in parts(server)] == ["image_url"]


@pytest.mark.parametrize("call", ["step('')", "step(' ')"])
def test_call_that_asks_nothing_is_refused(step: ShellUnderTest, call: str) -> None:
    with pytest.raises(CommandError, match="nothing is asked"):
        step.run(f"from stepmagic import step\n{call}")


def test_call_refuses_what_cannot_be_sent(step: ShellUnderTest) -> None:
    with pytest.raises(AttachmentError, match="`attachment 1` is of type object"):
        step.run("from stepmagic import step\nstep('What?', object())")
    with pytest.raises(AttachmentError, match="`os` is a module"):
        step.run("import os\nstep('What?', os)")
