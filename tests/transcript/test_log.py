"""The append-only log: what survives a kill, a full disk and other writers."""

from __future__ import annotations

import json
import resource
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from stepmagic.errors import TranscriptError
from stepmagic.keys import Key
from stepmagic.transcript.log import (
    AppendLog,
    LogFormat,
    LogReader,
    reason,
    replace_file,
)

SECRET = "sk-or-v1-0123456789abcdef"
FORMAT = LogFormat(name="diary", version=2, error=TranscriptError)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file of a log."""
    return tmp_path / "notes.jsonl"


def append(path: Path, *values: object, **arguments: Any) -> None:
    """Append values to a log and close it."""
    log = AppendLog(path)
    log.append(*values, **arguments)
    log.close()


def values(path: Path) -> list[object]:
    """Return the values of the complete lines."""
    return [line.value for line in LogReader(path).read()]


def test_values_are_read_back_with_the_numbers_of_their_lines(path: Path) -> None:
    log = AppendLog(path)
    log.append({"a": 1}, [2])
    log.append(None, "\N{SNOWMAN} \ud83d")
    lines = list(LogReader(path).read())
    assert [line.value for line in lines] == [{"a": 1}, [2], None, "\N{SNOWMAN} \ud83d"]
    assert [line.number for line in lines] == [1, 2, 3, 4]
    log.close()


def test_file_is_for_its_owner_only(path: Path) -> None:
    append(path, 1)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_header_is_written_once(path: Path) -> None:
    log = AppendLog(path, header=FORMAT.header(of="me"))
    log.append(1)
    log.close()
    log.append(2)
    log.close()
    other = AppendLog(path, header=FORMAT.header(of="you"))
    other.append(3)
    other.close()
    assert values(path) == [{"diary": 2, "of": "me"}, 1, 2, 3]
    assert FORMAT.read_header(path) == {"diary": 2, "of": "me"}


def test_a_new_log_replaces_no_file(path: Path) -> None:
    path.write_text("mine\n")
    with pytest.raises(FileExistsError):
        AppendLog(path, is_new=True).append(1)
    assert path.read_text() == "mine\n"


def test_a_new_log_is_opened_again_after_it_was_closed(path: Path) -> None:
    log = AppendLog(path, is_new=True)
    log.append(1)
    log.close()
    log.append(2)
    log.close()
    assert values(path) == [1, 2]


@pytest.mark.parametrize("torn", [b'{"a": "b', b"{", b"1"])
def test_a_torn_last_line_is_ignored_and_the_next_starts_a_new_one(
    path: Path, torn: bytes
) -> None:
    append(path, "one")
    with path.open("ab") as file:
        file.write(torn)
    assert values(path) == ["one"]
    append(path, "two")
    lines = list(LogReader(path).read())
    assert lines[0].value == "one"
    assert (lines[-1].value, lines[-1].number) == ("two", 3)


@pytest.mark.parametrize("line", [b"no JSON", b"[" * 100_000, b"\xff\xfe"])
def test_a_damaged_line_is_marked_as_one(path: Path, line: bytes) -> None:
    path.write_bytes(line + b"\nnull\n")
    damaged, null = LogReader(path).read()
    assert (damaged.is_json, damaged.value, damaged.number) == (False, None, 1)
    assert (null.is_json, null.value) == (True, None)


def test_blank_lines_are_skipped_and_counted(path: Path) -> None:
    path.write_text("1\n\n  \n2\n")
    lines = list(LogReader(path).read())
    assert [(line.number, line.value) for line in lines] == [(1, 1), (4, 2)]


def test_keys_are_redacted(path: Path) -> None:
    append(path, {"text": f"It is {SECRET}."}, keys=[Key(SECRET, "a test")])
    assert values(path) == [{"text": "It is [key]."}]


def test_reader_continues_where_it_stopped(path: Path) -> None:
    log, reader = AppendLog(path), LogReader(path)
    log.append(1)
    assert reader.is_replaced()
    assert [line.value for line in reader.read()] == [1]
    assert not reader.has_more()
    log.append(2, 3)
    assert reader.has_more()
    assert not reader.is_replaced()
    assert [(line.number, line.value) for line in reader.read()] == [(2, 2), (3, 3)]
    log.close()


def test_half_a_line_waits_for_its_end(path: Path) -> None:
    reader = LogReader(path)
    path.write_bytes(b'1\n"two')
    assert [line.value for line in reader.read()] == [1]
    with path.open("ab") as file:
        file.write(b'"\n')
    assert [line.value for line in reader.read()] == ["two"]


def test_reader_sees_that_another_file_is_in_its_place(path: Path) -> None:
    reader = LogReader(path)
    path.write_text("1\n2\n")
    reader.is_replaced()
    list(reader.read())
    other = path.with_name("other")
    other.write_text("3\n4\n5\n")
    other.replace(path)
    assert reader.is_replaced()
    assert [line.value for line in reader.read()] == [3, 4, 5]
    path.write_text("6\n")
    assert reader.is_replaced()
    assert [line.value for line in reader.read()] == [6]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is not a diary: its first line does not say so. It is left as it is"),
        (b"a,b\n", "is not a diary"),
        (b"[]\n", "is not a diary"),
        (b'{"diary": "2"}\n', "is not a diary"),
        (b"\x89PNG\r\n\x1a\n\x00", "is not a diary"),
        (b'{"diary": 0}\n', "is a diary of version 0; this stepmagic reads version 2"),
        (b'{"diary": 3}\n', "is a diary of version 3; .* Install a newer stepmagic"),
        (b'{"diary": 1, "x": "' + b"x" * 100_000 + b'"}\n', "is not a diary"),
    ],
)
def test_another_kind_of_file_is_refused(
    path: Path, content: bytes, words: str
) -> None:
    path.write_bytes(content)
    with pytest.raises(TranscriptError, match=words):
        FORMAT.read_header(path)


def test_an_older_version_is_read(path: Path) -> None:
    path.write_text('{"diary": 1, "of": "me"}\n')
    assert FORMAT.read_header(path)["of"] == "me"


def test_a_file_that_cannot_be_read_is_named(path: Path) -> None:
    with pytest.raises(TranscriptError, match=r"notes\.jsonl cannot be read: No such"):
        FORMAT.read_header(path)
    path.mkdir()
    with pytest.raises(TranscriptError, match="cannot be read: Is a directory"):
        FORMAT.read_header(path)


def test_a_full_disk_loses_nothing_that_was_written(path: Path) -> None:
    log = AppendLog(path)
    log.append("one")
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 10, limit[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            log.append("x" * 100)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    log.append("two")
    log.close()
    assert values(path)[0] == "one"
    assert values(path)[-1] == "two"


def test_a_folder_that_does_not_exist_is_an_error(path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        AppendLog(path / "deeper").append(1)


def test_several_writers_do_not_mix_their_lines(path: Path) -> None:
    def write(name: str) -> None:
        log = AppendLog(path)
        for number in range(20):
            log.append({"by": name, "text": "x" * 5000}, number)
        log.close()

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = path.read_text().splitlines()
    assert len([json.loads(line) for line in lines]) == 160


def test_reason_is_the_words_of_the_system_or_of_the_error() -> None:
    assert reason(PermissionError(13, "Permission denied", "x")) == "Permission denied"
    assert reason(ValueError("it is odd")) == "it is odd"
    assert reason(ValueError()) == "ValueError"


def test_a_file_is_replaced_with_its_mode(path: Path) -> None:
    replace_file(path, b"one")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    replace_file(path, b"two", mode=0o644)
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"two", 0o644)
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_a_full_disk_leaves_the_old_file(path: Path) -> None:
    replace_file(path, b"one")
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, limit[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            replace_file(path, b"x" * 100)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert path.read_bytes() == b"one"
    assert [each.name for each in path.parent.iterdir()] == [path.name]
