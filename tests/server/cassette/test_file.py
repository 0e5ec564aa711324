"""The file of a cassette: what is written, what is found, what a fault costs."""

from __future__ import annotations

import json
import resource
import stat
import threading
from pathlib import Path

import pytest

from stepmagic.errors import CassetteError
from stepmagic.keys import Key
from stepmagic.server.cassette.file import Cassette, Recording
from stepmagic.server.cassette.question import Question, question

SECRET = "sk-or-v1-0123456789abcdef"  # a made-up key


def ask(text: str) -> Question:
    message = {"role": "user", "content": text}
    return question("chat", {"model": "a/b", "messages": [message]})


def says(text: str) -> Recording:
    return Recording(headers={"content-type": "text/x"}, pieces=((0.5, text),))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "notes.jsonl"


@pytest.fixture
def tape(path: Path) -> Cassette:
    return Cassette(path)


def played(tape: Cassette, text: str) -> str | None:
    found = tape.find(ask(text))
    return None if found is None else "".join(text for _, text in found.pieces)


def test_what_was_added_is_found_by_every_other(tape: Cassette, path: Path) -> None:
    other = Cassette(path)
    assert (played(tape, "One?"), len(other)) == (None, 0)
    tape.add(ask("One?"), says("1"))
    other.add(ask("Two?"), says("2"))
    for each in (tape, other, Cassette(path)):
        assert (played(each, "One?"), played(each, "Two?")) == ("1", "2")
        assert len(each) == 2
        assert each.faults == []
    found = tape.find(ask("One?"))
    assert found is not None
    assert (found.status, found.headers) == (200, {"content-type": "text/x"})


def test_a_file_is_for_its_owner_and_says_its_form_first(
    tape: Cassette, path: Path
) -> None:
    tape.add(ask("One?"), says("1"))
    lines = path.read_text("utf-8").splitlines()
    assert json.loads(lines[0]) == {"cassette": 1}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_message_is_written_once(tape: Cassette, path: Path) -> None:
    message = {"role": "user", "content": "A long story"}
    for model in "ab":
        asked = question("chat", {"model": model, "messages": [message]})
        tape.add(asked, says("1"))
    assert path.read_text("utf-8").count("A long story") == 1


def test_the_key_is_not_in_the_file(tape: Cassette, path: Path) -> None:
    tape.add(ask(f"Is it {SECRET}?"), says(f"{SECRET}!"), Key(SECRET, "a test"))
    assert SECRET not in path.read_text("utf-8")
    assert played(Cassette(path), f"Is it {SECRET}?") == "[key]!"


def test_several_answers_of_one_run_come_in_their_order(path: Path) -> None:
    for run in ("old", "new"):
        tape = Cassette(path)
        for number in range(3):
            tape.add(ask("Roll!"), says(f"{run} {number}"))
    rolled = [played(tape, "Roll!") for _ in range(4)]
    assert rolled == ["new 0", "new 1", "new 2", "new 0"]


def test_another_file_in_its_place_is_read_anew(tape: Cassette, path: Path) -> None:
    tape.add(ask("One?"), says("1"))
    assert played(tape, "One?") == "1"
    other = path.with_name("other.jsonl")
    Cassette(other).add(ask("Two?"), says("2"))
    other.replace(path)
    assert (played(tape, "One?"), played(tape, "Two?")) == (None, "2")
    path.unlink()
    assert len(tape) == 0
    tape.add(ask("Three?"), says("3"))
    assert len(Cassette(path)) == 1


def test_half_a_line_waits_for_its_end(tape: Cassette, path: Path) -> None:
    tape.add(ask("One?"), says("1"))
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    reader = Cassette(path)
    assert (played(reader, "One?"), reader.faults) == (None, [])
    with path.open("ab") as file:
        file.write(whole[-20:])
    assert (played(reader, "One?"), reader.faults) == ("1", [])


def test_half_a_line_that_was_left_costs_that_line_alone(
    tape: Cassette, path: Path
) -> None:
    tape.add(ask("One?"), says("1"))
    tape.add(ask("Two?"), says("2"))
    torn = path.read_bytes()[:-20]
    path.write_bytes(torn)
    later = Cassette(path)
    later.add(ask("Three?"), says("3"))
    assert [played(later, text) for text in ("One?", "Two?", "Three?")] == [
        "1",
        None,
        "3",
    ]
    (fault,) = later.faults
    assert fault.startswith("Line 5 of notes.jsonl cannot be read and is skipped")
    assert fault in later.describe_miss(ask("Four?"))
    assert path.read_bytes().startswith(torn)


BROKEN = [
    b"no JSON",
    b"[1]",
    b'{"key": 1}',
    b'{"cassette": 99}',
    b"[" * 100_000,
    b'{"key":"","options":{},"messages":[],"run":"","status":200,"headers":{},"stream":[1]}',
]


@pytest.mark.parametrize("line", BROKEN, ids=range(len(BROKEN)))
def test_a_damaged_line_is_left_out_and_left_there(
    tape: Cassette, path: Path, line: bytes
) -> None:
    tape.add(ask("One?"), says("1"))
    with path.open("ab") as file:
        file.write(line + b"\n\n")
    tape.add(ask("Two?"), says("2"))
    assert (played(tape, "One?"), played(tape, "Two?")) == ("1", "2")
    assert len(tape.faults) == 1
    assert line in path.read_bytes()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            b"a,b\n1,2\n",
            "is not a cassette: its first line does not say so. It is left",
        ),
        (b"\x89PNG\r\n\x1a\n\x00", "is not a cassette"),
        (b'{"journal": 1}\n', "is not a cassette"),
        (b"no end of line", "is not a cassette"),
        (
            b'{"cassette": 2}\n',
            "of version 2; this stepmagic reads version 1. Install",
        ),
    ],
)
def test_another_file_is_refused_and_left_as_it_is(
    tape: Cassette, path: Path, content: bytes, words: str
) -> None:
    path.write_bytes(content)
    with pytest.raises(CassetteError, match=words):
        tape.find(ask("One?"))
    with pytest.raises(CassetteError, match=words):
        tape.add(ask("One?"), says("1"))
    with pytest.raises(CassetteError, match=words):
        tape.refresh()
    assert path.read_bytes() == content


def test_an_empty_file_is_a_new_cassette(tape: Cassette, path: Path) -> None:
    path.touch()
    assert len(tape) == 0
    tape.add(ask("One?"), says("1"))
    assert len(Cassette(path)) == 1


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    tape = Cassette(tmp_path)
    with pytest.raises(CassetteError, match="cannot be read: Is a directory"):
        tape.find(ask("One?"))


def test_what_cannot_be_looked_at_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CassetteError, match="cannot be read: Not a directory"):
        len(Cassette(tmp_path / "file" / "notes.jsonl"))


def test_a_full_disk_loses_nothing_that_was_there(tape: Cassette, path: Path) -> None:
    tape.add(ask("One?"), says("1"))
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 100, limit[1]))
    try:
        with pytest.raises(CassetteError, match="cannot be written: File too large"):
            tape.add(ask("Two?"), says("2"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    tape.add(ask("Three?"), says("3"))
    assert [played(tape, text) for text in ("One?", "Two?", "Three?")] == [
        "1",
        None,
        "3",
    ]


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    tape = Cassette(tmp_path / "none" / "notes.jsonl")
    with pytest.raises(CassetteError, match="cannot be written: No such file"):
        tape.add(ask("One?"), says("1"))


def test_many_may_write_to_one_file(path: Path) -> None:
    def write(name: str) -> None:
        tape = Cassette(path)
        for number in range(20):
            tape.add(ask(f"{name} {number}"), says("x" * 5000))

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    tape = Cassette(path)
    assert (len(tape), tape.faults) == (80, [])


def test_a_miss_names_the_nearest(tape: Cassette) -> None:
    assert tape.describe_miss(ask("One?")) == "notes.jsonl has no answer yet."
    tape.add(ask("One?"), says("1"))
    tape.find(ask("Won?"))
    assert tape.describe_miss(ask("Won?")) == (
        "notes.jsonl has no answer to this question. The nearest recorded question "
        "differs:\n"
        "  message 1 (user) content: 'Won?', recorded with 'One?'"
    )


def test_a_miss_lists_some_differences(tape: Cassette) -> None:
    tape.add(ask("One?"), says("1"))
    tape.refresh()
    body = dict.fromkeys("abcdef", 1)
    said = tape.describe_miss(question("chat", body)).splitlines()
    assert len(said) == 6
    assert said[-1] == "  4 more"
