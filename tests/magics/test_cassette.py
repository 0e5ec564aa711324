"""``%step cassette``: what it says, and what it changes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from openrouter_server import OpenRouterServer, answer
from shell_fixtures import ShellUnderTest
from stepmagic.errors import CassetteError, CommandError, SettingError
from stepmagic.magics.completion import complete
from stepmagic.magics.subcommands import run_subcommand
from stepmagic.session import session
from stepmagic.settings import current


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def set_to() -> tuple[str, str]:
    return Path(current().cassette).name, current().cassette_mode


def test_without_a_cassette_it_says_how_to_put_one_in() -> None:
    said = "There is no cassette. `%step cassette notes.jsonl` uses one."
    assert run_subcommand("cassette") == said
    assert run_subcommand("cassette off") == "There is no cassette."
    with pytest.raises(CommandError, match=r"`%step cassette notes\.jsonl replay`"):
        run_subcommand("cassette replay")
    assert set_to() == ("", "auto")


def test_a_file_and_a_mode_are_set_in_any_order() -> None:
    said = run_subcommand("cassette notes.jsonl")
    assert said.startswith("notes.jsonl, 0 answers: recorded answers are replayed, ")
    assert set_to() == ("notes.jsonl", "auto")
    run_subcommand("cassette record")
    assert set_to() == ("notes.jsonl", "record")
    run_subcommand("cassette off other.jsonl")
    assert set_to() == ("other.jsonl", "off")
    run_subcommand("cassette notes.jsonl")
    assert set_to() == ("notes.jsonl", "auto")


def test_a_change_of_folder_puts_no_other_in(folder: Path) -> None:
    run_subcommand("cassette notes.jsonl")
    assert current().cassette == str(folder / "notes.jsonl")


def test_a_file_that_is_not_there_cannot_be_replayed() -> None:
    with pytest.raises(CommandError, match=r"`%step cassette notes.jsonl auto` rec"):
        run_subcommand("cassette notes.jsonl replay")
    assert set_to() == ("", "auto")


def test_a_folder_that_is_not_there_is_named(folder: Path) -> None:
    with pytest.raises(CommandError, match=f"there is no folder {folder}/none"):
        run_subcommand("cassette none/notes.jsonl")
    assert set_to() == ("", "auto")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("reply", "not 'reply'. Did you mean replay?"),
        ("notes.txt", "takes a file that ends in .jsonl, and one of auto, record, "),
        ("auto record", "not 'record'"),
        ("a.jsonl b.jsonl", "not 'b.jsonl'"),
        ("a b c", "%step cassette takes 2 words after it."),
    ],
)
def test_other_words_are_refused(words: str, said: str) -> None:
    with pytest.raises(CommandError, match=re.escape(said)):
        run_subcommand(f"cassette {words}")
    assert set_to() == ("", "auto")


def test_a_file_that_is_no_cassette_is_not_put_in(folder: Path) -> None:
    (folder / "data.jsonl").write_text('{"a": 1}\n')
    with pytest.raises(
        CassetteError, match=r"is not a cassette: .* It is left as it is"
    ):
        run_subcommand("cassette data.jsonl")
    assert set_to() == ("", "auto")


def test_where_it_stands_is_shown(folder: Path) -> None:
    damaged = folder / "notes.jsonl"
    damaged.write_text('{"cassette": 1}\nhalf a li\n')
    said = run_subcommand("cassette notes.jsonl")
    assert said.endswith(
        "Line 2 of notes.jsonl cannot be read and is skipped; it stays in the file."
    )
    rows = dict(run_subcommand("cassette").rows)
    assert rows["file"] == str(damaged)
    assert rows["answers"] == "0"
    assert rows["mode"].startswith("auto: recorded answers")
    assert rows["fault"].startswith("Line 2 of")


def test_the_status_shows_it() -> None:
    def row() -> str:
        rows: dict[str, str] = dict(run_subcommand("").rows)
        return rows["cassette"]

    assert row() == "none: `%step cassette FILE` records and replays"
    run_subcommand("cassette notes.jsonl")
    assert row() == f"{current().cassette}, auto, 0 answers"


def test_modes_and_files_are_completed(folder: Path) -> None:
    (folder / "notes.jsonl").touch()
    (folder / "notes.txt").touch()

    class Event:
        command = "%step"
        symbol = ""
        text_until_cursor = "%step cassette "

    assert complete(None, Event()) == ["auto", "record", "replay", "off", "notes.jsonl"]


def test_cells_are_replayed_after_a_restart(
    server: OpenRouterServer, step: ShellUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.enqueue(answer("Four."))
    step.run("%step cassette notes.jsonl")
    step.run("%%step r <<\n2+2?")
    monkeypatch.delenv("OPENROUTER_API_KEY")
    session().cassettes.clear()
    step.run("%step cassette replay")
    assert "1 answer: only recorded answers are replayed" in step.printed
    step.run("%%step again << -n\n2+2?")
    assert (step["r"].text, step["again"].text) == ("Four.", "Four.")
    assert len(server.requests) == 1


def test_the_environment_may_put_one_in(
    server: OpenRouterServer,
    step: ShellUnderTest,
    monkeypatch: pytest.MonkeyPatch,
    folder: Path,
) -> None:
    monkeypatch.setenv("STEPMAGIC_CASSETTE", "notes.jsonl")
    session().reset()
    step.run("%%step\n2+2?")
    monkeypatch.chdir("/")
    step.run("%%step -n\n2+2?")
    assert len(server.requests) == 1
    assert (folder / "notes.jsonl").exists()


@pytest.mark.parametrize("name", ["cassette_mode", "cassette_speed"])
def test_a_mode_that_is_none_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(f"STEPMAGIC_{name.upper()}", "sometimes")
    with pytest.raises(SettingError, match=f"STEPMAGIC_{name.upper()}='sometimes'"):
        getattr(current(), name)
