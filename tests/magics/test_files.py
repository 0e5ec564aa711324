"""The commands that save and load conversations."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from journals import restart
from openrouter_server import OpenRouterServer
from shell_fixtures import ShellUnderTest
from stepmagic.errors import CommandError, TranscriptError
from stepmagic.magics.subcommands import run_subcommand
from stepmagic.session import session
from stepmagic.settings import state_folder


def test_a_journal_that_is_not_there_is_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(TranscriptError, match="No such file or directory"):
        run_subcommand(f"load {tmp_path / 'talk.jsonl'}")


def test_the_journal_of_this_notebook_is_loaded(
    server: OpenRouterServer, step: ShellUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    for notebook in ("a.ipynb", "b.ipynb", "a.ipynb"):
        monkeypatch.setenv("JPY_SESSION_NAME", notebook)
        step.run(f"%%step\nIn {notebook}, {len(server.requests)}")
        restart()
        # The clock of a file system may be coarse.
        time.sleep(0.02)
    said = run_subcommand("load")
    assert session().conversation.turns[0].prompt.text == "In a.ipynb, 2"
    assert said.endswith(" Older ones of this notebook: `%step load N` with N 3.")
    said = run_subcommand("load 2")
    assert "main has turns already: the loaded one is main-2." in said
    assert session().conversation.turns[0].prompt.text == "In b.ipynb, 1"
    with pytest.raises(CommandError, match=r"no journal 9: \d earlier journals found"):
        run_subcommand("load 9")


def test_where_the_notebook_is_not_known_there_is_a_list(
    server: OpenRouterServer, step: ShellUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    for notebook in ("a.ipynb", ""):
        monkeypatch.setenv("JPY_SESSION_NAME", notebook)
        step.run(f"%%step\nIn {notebook or 'nowhere'}")
        restart()
        time.sleep(0.02)
    folder = state_folder() / "journals"
    begun = '{"journal": 1, "started_at": 1, "pid": 1}\n'
    for number, content in ((1, begun), (2, "damaged")):
        path = folder / f"journal-20200101T000000-{number}-0123abcd.jsonl"
        path.write_text(content)
        os.utime(path, (time.time() - 60,) * 2)
    listed = run_subcommand("load")
    assert [(row[0], *row[2:]) for row in listed.rows] == [
        ("1", str(Path.cwd()), "1", "In nowhere"),
        ("2", "a.ipynb", "1", "In a.ipynb"),
        ("3", "", "0", ""),
    ]
    assert session().conversation.turns == []
    assert "In a.ipynb" in run_subcommand("load 2")
    assert len(server.requests) == 2


def test_this_kernels_own_journal_is_not_loaded(
    server: OpenRouterServer, step: ShellUnderTest
) -> None:
    step.run("%%step\nHi")
    with pytest.raises(CommandError, match="no journal of an earlier kernel"):
        run_subcommand("load")
    assert len(server.requests) == 1


def test_load_says_that_there_is_no_home(
    step: ShellUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert step.shell
    monkeypatch.setenv("STEPMAGIC_STATE", "relative")
    with pytest.raises(TranscriptError, match="there is no home folder"):
        run_subcommand("load")


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
