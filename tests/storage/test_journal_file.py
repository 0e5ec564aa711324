"""What is read from a journal that is damaged, cut or old."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from journals import PIXEL, restart, written
from openrouter_server import OpenRouterServer, answer
from shell_fixtures import ShellUnderTest
from stepmagic.errors import TranscriptError
from stepmagic.magics.subcommands import run_subcommand
from stepmagic.session import session
from stepmagic.settings import state_folder
from stepmagic.storage.journal_file import read_journal
from stepmagic.transcript import Image, tree_to_dict, user


def test_old_journals_are_removed_and_nothing_else(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    folder = state_folder() / "journals"
    folder.mkdir(parents=True)
    old = folder / "journal-20200101T000000-1-0123abcd.jsonl"
    young = folder / "journal-20200101T000000-2-0123abcd.jsonl"
    other = folder / "journal-of-mine.jsonl"
    for path in (old, young, other):
        path.write_text("{}\n")
    day_s = 24 * 3600
    for path, days in ((old, 31), (young, 29), (other, 31)):
        os.utime(path, (time.time() - days * day_s,) * 2)
    step.run("%%step\nHi")
    assert len(server.requests) == 1
    assert not old.exists()
    assert {young, other} < set(folder.iterdir())


def test_a_torn_last_line_says_nothing(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    step.run("%%step\nA")
    step.run("%%step\nB")
    before = tree_to_dict(session().conversation.tree)
    restart()
    (path,) = written()
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"talk": "0123", "turn": {"id"')
    said = run_subcommand("load")
    assert "could not be read" not in said
    assert tree_to_dict(session().conversation.tree) == before
    assert len(server.requests) == 2


def test_a_journal_cut_at_any_byte_can_be_read(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    server.enqueue(answer("One."), answer("Two."))
    step.run("%%step\nA")
    step.run("%%step\nB")
    restart()
    (path,) = written()
    whole = path.read_bytes()
    begin = whole.index(b"\n") + 1
    for length in range(begin, len(whole), 7):
        path.write_bytes(whole[:length])
        found = read_journal(path)
        assert found.faults == ()
        for saved in found.conversations:
            asked = "".join(turn.prompt.text for turn in saved.tree.path())
            assert asked in ("", "A", "AB")
    assert len(server.requests) == 2


DAMAGE: list[tuple[Callable[[list[bytes]], None], str]] = [
    (lambda rest: rest.insert(0, b"\xff\xfe\n"), "line 2 is not JSON"),
    (lambda rest: rest.insert(0, b"[" * 100_000 + b"\n"), "line 2 is not JSON"),
    (lambda rest: rest.insert(0, b"[]\n"), "line 2: it is not a kind"),
    (lambda rest: rest.insert(0, b'{"media": "x", "data": "AA=="}\n'), "not those"),
    (lambda rest: rest.insert(0, b'{"media": "x", "data": "?"}\n'), "line 2: "),
    (lambda rest: rest.insert(0, b'{"talk": "x", "turn": 1}\n'), "turn should be an"),
    (lambda rest: rest.insert(0, b'{"talk": "x", "about": 1}\n'), "about should be"),
    (
        lambda rest: rest.insert(0, b'{"talk": "x", "again": {"id": "y"}}\n'),
        "turn 'y' has no beginning",
    ),
]


@pytest.mark.parametrize(("damage", "fault"), DAMAGE)
def test_a_damaged_line_is_left_out_and_named(
    server: OpenRouterServer,
    step: ShellUnderTest,
    damage: Callable[[list[bytes]], None],
    fault: str,
) -> None:
    step.run("%%step\nA")
    restart()
    (path,) = written()
    header, *rest = path.read_bytes().splitlines(keepends=True)
    damage(rest)
    path.write_bytes(b"".join([header, *rest]))
    said = run_subcommand("load")
    assert "Loaded main (1 turn) from the journal" in said
    assert f"except for what could not be read: {fault}" in said or fault in said
    assert "Now on main, after 'A'." in said
    assert len(server.requests) == 1


def test_a_lost_line_loses_no_other_turn(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    """The first turn is gone, and so is every line that says where the head was."""
    for question in "ABC":
        step.run(f"%%step\n{question}")
    restart()
    (path,) = written()
    header, first, *rest = path.read_bytes().splitlines(keepends=True)
    assert b'"turn"' in first
    kept = [line for line in rest if b'"about"' not in line]
    path.write_bytes(b"".join([header, *kept]))
    said = run_subcommand("load")
    assert "except for what could not be read: line 2: turn" in said
    assert "and 1 more" in said
    asked = [turn.prompt.text for turn in session().conversation.turns]
    assert asked == ["B", "C"]
    assert len(server.requests) == 3


def test_a_lost_head_leaves_a_branch(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    for question in "AB":
        step.run(f"%%step\n{question}")
    restart()
    (path,) = written()
    read = path.read_bytes().splitlines(keepends=True)
    last = max(n for n, line in enumerate(read) if b'"turn"' in line)
    path.write_bytes(b"".join(line for n, line in enumerate(read) if n != last))
    assert "could not be read" in run_subcommand("load")
    heads = session().conversation.tree.heads
    assert heads.pop("main") is None
    assert [
        session().conversation.tree.turns[h or ""].prompt.text for h in heads.values()
    ] == ["A"]
    assert len(server.requests) == 2


def test_bytes_that_are_gone_are_named(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    talk = session().conversation
    image = Image(media_type="image/png", data=PIXEL, name="photo")
    with talk.send(user("Look.", image), session().options(talk)) as stream:
        list(stream)
    step.run("%%step -c other\nHi")
    restart()
    (path,) = written()
    read = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(line for line in read if b'"media":' not in line))
    assert "the bytes of photo are missing" in run_subcommand("load")
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "is not a journal: its first line does not say so"),
        ("[]\n", "is not a journal"),
        ("no json\n", "is not a journal"),
        (
            '{"journal": 2}\n',
            "is a journal of version 2; this stepmagic reads version 1",
        ),
        ('{"journal": 1}\n', "the first line.started_at is missing"),
        ('{"journal": 1, "started_at": 1, "pid": 1}\n', "contains no turn."),
    ],
)
def test_a_file_that_is_no_journal_is_refused(
    tmp_path: Path, content: str, says: str
) -> None:
    path = tmp_path / "talk.jsonl"
    path.write_text(content)
    with pytest.raises(TranscriptError) as caught:
        run_subcommand(f"load {path}")
    assert says in str(caught.value)
    assert session().conversation.turns == []
