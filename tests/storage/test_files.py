"""Conversations as files: what is written, what is replaced, what is read back."""

from __future__ import annotations

import json
import resource
import stat
from pathlib import Path

import pytest

from openrouter_server import OpenRouterServer, answer
from saved_conversations import VALIDATOR, rich, talk_of
from shell_fixtures import ShellUnderTest
from stepmagic.errors import TranscriptError
from stepmagic.magics.subcommands import run_subcommand
from stepmagic.session import session
from stepmagic.storage import (
    About,
    Saved,
    load_file,
    save_file,
    saved_to_dict,
)
from stepmagic.transcript import (
    tree_to_dict,
)

EMPTY = b'{"version": 1, "turns": [], "heads": {"a": null}, "branch": "a"'


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
