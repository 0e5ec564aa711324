"""Conversations as files: what is written, what is replaced, what is read back."""

from __future__ import annotations

import json
import resource
import stat
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # its stubs are a package apart
import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletionMessageParam
from pydantic import TypeAdapter

from openrouter_server import Call, OpenRouterServer, answer, mid_stream_error
from shell_fixtures import ShellUnderTest
from stepmagic.conversation.dialogue import Dialogue
from stepmagic.errors import CommandError, TranscriptError
from stepmagic.magics.subcommands import run_subcommand
from stepmagic.server.options import Overrides
from stepmagic.session import session
from stepmagic.storage import (
    About,
    Saved,
    load_file,
    save_file,
    saved_from_dict,
    saved_to_dict,
)
from stepmagic.storage import snapshot as saved_module
from stepmagic.transcript import (
    File,
    Image,
    Message,
    Opaque,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    Turn,
    TurnTree,
    Usage,
    Video,
    tree_from_dict,
    tree_to_dict,
    user,
)
from transcript_strategies import metadata, trees, words

SCHEMA = json.loads(
    Path(saved_module.__file__).with_name("conversation.schema.json").read_text()
)
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
MARKDOWN = (
    "# Title\n\n```python\nx = 1\n```\n\n$a$ <b>bold</b> ![x](http://e.org/x.png)"
)
RICH = (
    Reasoning(text="Hm."),
    Text(text=MARKDOWN),
    ToolCall(id="1", name="add", arguments='{"a": "```"}'),
    Opaque(kind="web_search"),
)
EMPTY = b'{"version": 1, "turns": [], "heads": {"a": null}, "branch": "a"'
PIXEL = b"\x89PNG\r\n\x1a\n not quite a picture"


def talk_of(*turns: Turn, name: str = "main") -> Saved:
    """Return a conversation of turns that follow one another."""
    tree = TurnTree()
    for turn in turns:
        tree.add(turn)
    return Saved(about=About(name=name), tree=tree)


def rich() -> Saved:
    """Return a conversation with a part of every kind."""
    image = Image(media_type="image/png", data=PIXEL, name="photo", about="a picture")
    result = ToolResult(
        call_id="1",
        name="add",
        parts=(Text(text="3"), Image(media_type="image/png", data=PIXEL)),
    )
    first = Turn(
        parent=None,
        prompt=user(
            "What is {{ x }}?",
            Text(text="1, 2", name="df", about="a table"),
            image,
            Video(url="https://example.org/v.mp4"),
            File(media_type="application/pdf", data=b"%PDF", name="a.pdf"),
        ),
        replies=(
            Message(role="assistant", parts=RICH),
            Message(role="tool", parts=(result,)),
            Message(role="assistant", parts=(image, Text(text="So, 3."))),
        ),
        status="complete",
        model="m/one",
        usage=Usage(prompt_tokens=1200, completion_tokens=1, cost_usd=0.002),
    )
    failed = ToolResult(call_id="2", name="sub", is_error=True)
    second = Turn(
        parent=first.id,
        prompt=user("And?"),
        replies=(Message(role="tool", parts=(failed,)),),
        status="error",
        error="the server said no",
        usage=Usage(),
    )
    third = Turn(parent=second.id, prompt=user("Hm?"), status="interrupted")
    return talk_of(first, second, third)


# JSON


def test_a_saved_file_brings_the_conversation_back(
    server: OpenRouterServer, step: ShellUnderTest, tmp_path: Path
) -> None:
    path = tmp_path / "talk.json"
    server.enqueue(answer("Two.", reasoning="One and one."), answer("Three."))
    step.run("%%step -s 'Be brief.'\n1 + 1?")
    step.run("%%step\nAnd one more?")
    run_subcommand("undo")
    step.run(f"%step save {path}")
    assert step.printed == f"Saved main to {path}: 2 turns, all branches.\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    VALIDATOR.validate(json.loads(path.read_text()))
    before = session().conversation.saved
    step.run(f"%step load {path}")
    assert step.printed == (
        f"Loaded main-2 (2 turns) from {path}. main has turns already: the loaded "
        "one is main-2. Now on main-2, after '1 + 1?'.\n"
    )
    after = session().conversation.saved
    assert session().conversation.name == "main-2"
    assert tree_to_dict(after.tree) == tree_to_dict(before.tree)
    assert after.about.undone == before.about.undone != ()
    assert session().conversation.redo() is not None
    step.run("%%step\nSure?")
    messages = server.requests[-1].body["messages"]
    assert messages[0]["content"] == "Be brief."
    assert "One and one." in json.dumps(messages[2])
    assert [m["content"] for m in messages][1::2] == [
        "1 + 1?",
        "And one more?",
        "Sure?",
    ]


@given(trees(), words, st.builds(Overrides, model=words, parameters=metadata))
def test_every_saved_form_fits_the_schema(
    tree: TurnTree, name: str, overrides: Overrides
) -> None:
    about = About(name=name, overrides=overrides, undone=tuple(tree.turns))
    form = json.loads(json.dumps(saved_to_dict(Saved(about=about, tree=tree))))
    VALIDATOR.validate(form)
    read = saved_from_dict(form)
    assert read.about == about
    assert read.tree.turns.keys() == tree.turns.keys()
    assert not any(turn.status == "running" for turn in read.tree.turns.values())


def test_the_schema_is_one_and_refuses_what_the_reader_refuses() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    form = saved_to_dict(rich())
    VALIDATOR.validate(form)
    turn, prompt = form["turns"][0], form["turns"][0]["prompt"]
    damages: tuple[dict[str, Any], ...] = (
        {"version": 2},
        {"turns": {}},
        {"heads": {"main": 1}},
        {"colour": "red"},
        {"undone": [1]},
        {"turns": [{**turn, "status": "odd"}]},
        {"turns": [{**turn, "prompt": {**prompt, "parts": [{"type": "odd"}]}}]},
        {"turns": [{**turn, "prompt": {**prompt, "parts": [{"type": "image"}]}}]},
    )
    for damage in damages:
        assert not VALIDATOR.is_valid({**form, **damage}), damage
        with pytest.raises(TranscriptError):
            saved_from_dict({**form, **damage})


def test_a_bare_tree_is_a_conversation_too(tmp_path: Path) -> None:
    path = tmp_path / "tree.json"
    form = tree_to_dict(rich().tree)
    path.write_text(json.dumps(form))
    (saved,), faults = load_file(path)
    assert saved.about == About()
    assert tree_to_dict(saved.tree) == form
    assert faults == ()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "it is not JSON. Only .json files and journals can be loaded"),
        (b"\xff\xfe\x00", "it is not text"),
        (b"[" * 100_000, "it is not JSON"),
        (b"[]", "it is not a JSON object"),
        (b"{}", "it has no version of its form"),
        (b'{"version": 9}', "saved in form 9; this stepmagic reads form 1. Install"),
        (b'{"version": 1, "turns": 3}', "turns should be a list, not 3"),
        (
            EMPTY + b', "undone": ["x"]}',
            "undone 'x' is not a turn",
        ),
        (
            EMPTY + b', "name": 1}',
            "it.name should be a text, not 1",
        ),
    ],
)
def test_a_file_that_is_none_loses_nothing(
    server: OpenRouterServer,
    step: ShellUnderTest,
    tmp_path: Path,
    content: bytes,
    says: str,
) -> None:
    step.run("%%step\nHi")
    before = dict(session().conversations)
    path = tmp_path / "odd.json"
    path.write_bytes(content)
    with pytest.raises(TranscriptError) as caught:
        step.run(f"%step load {path}")
    assert str(caught.value).startswith(str(path))
    assert says in str(caught.value)
    assert session().conversations == before
    assert session().current == "main"
    assert len(server.requests) == 1


def test_a_file_that_is_not_there_is_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(TranscriptError, match="No such file or directory"):
        load_file(tmp_path / "nowhere.json")


def test_a_file_without_a_turn_is_said_to_be(tmp_path: Path) -> None:
    path = tmp_path / "empty.json"
    path.write_text(json.dumps(saved_to_dict(Saved())))
    before = session().conversations["main"]
    with pytest.raises(TranscriptError, match="contains no turn"):
        run_subcommand(f"load {path}")
    assert session().conversations == {"main": before}


def test_turns_that_ran_are_closed() -> None:
    form = saved_to_dict(rich())
    asked = {"role": "user", "parts": []}
    origin = {"protocol": "chat", "model": "m/one"}
    empty = {"role": "assistant", "parts": [], "origin": origin, "status": "running"}
    parent = form["turns"][-1]["id"]
    first = {"id": "x", "parent": parent, "prompt": asked, "replies": [empty]}
    begun = {**first, "id": "y", "parent": None, "replies": []}
    for turn in (first, begun):
        turn["started_at"] = 1.0
    form["turns"] += [first, begun]
    form["heads"] |= {"main": "x", "other": "y"}
    tree = saved_from_dict(form).tree
    assert tree.heads == {"main": parent, "other": None}
    assert tree.turns["x"].status == tree.turns["x"].replies[0].status == "interrupted"
    assert tree.turns["x"].model == "m/one"
    assert tree.turns["y"].model is None


# Markdown


def test_markdown_is_readable_and_harmless(tmp_path: Path) -> None:
    path = tmp_path / "talk.md"
    save_file(rich(), path)
    text = path.read_text()
    assert "> What is {{ x }}?" in text
    assert "Sent with it: df (a table); photo (a picture); an address; a.pdf" in text
    assert "<details><summary>Reasoning</summary>\n\n> Hm.\n\n</details>" in text
    assert "```python\nx = 1\n```" in text
    assert "So, 3." in text
    assert '````text\nadd {"a": "```"}\n````' in text
    assert "Returned:\n\n```text\nadd 3\n```" in text
    assert "Failed:" in text
    assert r"*m/one · 1,200 tokens in · 1 token out · \$0.0020*" in text
    assert "error · the server said no" in text
    assert text.endswith("*3 turns, \\$0.0020*\n")
    assert "<b>" not in text
    assert "![" not in text
    save_file(rich(), path)
    assert path.read_text() == text


# Notebooks


def test_a_notebook_is_valid_and_asks_again(
    server: OpenRouterServer, step: ShellUnderTest, tmp_path: Path
) -> None:
    path = tmp_path / "talk.ipynb"
    server.enqueue(answer("**Two.**"), answer("Four."))
    step.run("%%step\n1 + 1?\n\nSay it.")
    step.run("%%step --raw\nWhat is {{ x }}?")
    step.run(f"%step save {path}")
    assert step.printed == f"Saved branch main of main to {path}: 2 turns.\n"
    notebook: Any = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    nbformat.validate(notebook)
    kinds = [cell.cell_type for cell in notebook.cells]
    assert kinds == ["code", "code", "markdown", "code", "markdown"]
    assert not any(cell.outputs for cell in notebook.cells if "outputs" in cell)
    asked = server.requests[-1].body["messages"]
    assert "**Two.**" in notebook.cells[2].source
    step.run("%step new")
    for cell in notebook.cells[1::2]:
        step.run(cell.source)
    assert server.requests[-1].body["messages"][1::2] == asked[1::2]
    step.run(f"%step save {path}")


def test_a_rich_conversation_makes_a_valid_notebook(tmp_path: Path) -> None:
    path = tmp_path / "rich.ipynb"
    save_file(rich(), path)
    notebook: Any = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    nbformat.validate(notebook)
    assert "<b>" not in path.read_text()
    assert notebook.cells[1].source == "%%step --raw\nWhat is {{ x }}?"


# Files


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("data.json", '{"rows": []}'),
        ("list.json", "[1]"),
        ("notes.md", "# Mine\n"),
        ("mine.ipynb", '{"cells": [], "metadata": {}}'),
        ("bad.ipynb", "no json"),
        ("odd.ipynb", '{"metadata": 1}'),
    ],
)
def test_what_is_not_ours_is_not_replaced(
    tmp_path: Path, name: str, content: str
) -> None:
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(TranscriptError, match="Choose another name, or remove it"):
        save_file(rich(), path)
    assert path.read_text() == content
    assert [each.name for each in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("suffix", [".json", ".md", ".ipynb"])
def test_our_own_file_is_replaced_through_a_link(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"talk{suffix}"
    save_file(talk_of(), path)
    link = tmp_path / f"link{suffix}"
    link.symlink_to(path)
    save_file(rich(), link)
    assert link.is_symlink()
    assert "So, 3." in path.read_text()
    assert sorted(tmp_path.iterdir()) == [link, path]


def test_a_readable_file_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "talk.md"
    save_file(rich(), path)
    assert stat.S_IMODE(path.stat().st_mode) & 0o600 == 0o600
    path.chmod(0o640)
    save_file(rich(), path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_folder_that_is_not_there_is_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(TranscriptError, match="No such file or directory"):
        save_file(rich(), tmp_path / "nowhere" / "talk.json")


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "talk.json"
    path.mkdir()
    with pytest.raises(TranscriptError, match="Is a directory"):
        save_file(rich(), path)
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "talk.json"
    save_file(talk_of(), path)
    before = path.read_text()
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limit[1]))
    try:
        with pytest.raises(TranscriptError, match="File too large"):
            save_file(rich(), path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert path.read_text() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("line", "error", "says"),
    [
        ("save", CommandError, "%step save takes a file: `%step save chat.json`"),
        ("save talk.txt", TranscriptError, "there is no format for 'talk.txt'"),
        ("save talk", TranscriptError, "end the name with .json"),
    ],
)
def test_a_save_that_says_too_little_is_refused(
    server: OpenRouterServer,
    step: ShellUnderTest,
    line: str,
    error: type[Exception],
    says: str,
) -> None:
    step.run("%%step\nHi")
    with pytest.raises(error, match=says):
        run_subcommand(line)
    assert len(server.requests) == 1


def test_nothing_is_not_saved() -> None:
    with pytest.raises(CommandError, match="main is empty: there is nothing to save"):
        run_subcommand("save talk.json")


# OpenAI's messages


def test_openai_takes_the_messages(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    call = Call(name="add", arguments='{"a": 1}')
    server.enqueue(
        answer("Two.", reasoning="Hm."),
        answer("Calling.", tool_calls=[call]),
        mid_stream_error(answer("A long answer"), after=3),
    )
    step["x"] = 1
    step.run("%%step -s 'Be brief.'\n1 + {{ x }}?")
    step.run("%%step\nCall it.")
    talk = session().conversation
    messages = talk.to_openai()
    TypeAdapter(list[ChatCompletionMessageParam]).validate_python(messages)
    assert [set(message) for message in messages] == [{"role", "content"}] * 5
    assert messages[0] == {"role": "system", "content": "Be brief."}
    assert messages[2] == {"role": "assistant", "content": "Two."}
    assert len(server.requests) == 2


def test_openai_gets_media_and_no_picture_of_an_answer() -> None:
    talk = Dialogue.from_saved(rich())
    asked, called, told, said = talk.to_openai()[:4]
    kinds = [part["type"] for part in asked["content"]]
    assert kinds == ["text", "text", "image_url", "video_url", "file"]
    assert called["tool_calls"][0]["function"]["name"] == "add"
    assert told["role"] == "tool"
    assert said == {"role": "assistant", "content": "So, 3."}


def test_a_read_tree_is_as_strict_as_ever() -> None:
    with pytest.raises(TranscriptError, match="unknown field 'name'"):
        tree_from_dict({**saved_to_dict(rich())})
