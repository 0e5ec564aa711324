"""The resume file: what is read back, and what a damaged one costs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stepmagic.ask.batch.request import Answer
from stepmagic.ask.batch.resume_file import ResumeFile, fingerprint
from stepmagic.errors import SettingError

YES = Answer(text="Yes \N{GREEK SMALL LETTER ALPHA} \ud800", cost_usd=0.25)
CUT = Answer(text="", error="the answer was cut off at max_tokens")


def keep(path: Path, **answers: Answer) -> None:
    """Keep answers as a process of its own would."""
    resume_file = ResumeFile(path)
    for key, answer in answers.items():
        resume_file.keep(key, answer)
    resume_file.close()
    assert not resume_file.fault


def test_answers_come_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    keep(path, one=YES)
    keep(path, two=CUT)
    assert ResumeFile(path).answers == {"one": YES, "two": CUT}


def test_without_a_path_nothing_is_kept() -> None:
    resume_file = ResumeFile(None)
    resume_file.keep("one", YES)
    resume_file.close()
    assert (resume_file.answers, resume_file.fault) == ({}, "")


@pytest.mark.parametrize("torn", [b'{"key": "two", "te', b'{"key": "two"', b"{"])
def test_a_torn_last_line_is_ignored_and_ended(tmp_path: Path, torn: bytes) -> None:
    path = tmp_path / "answers.jsonl"
    keep(path, one=YES)
    with path.open("ab") as file:
        file.write(torn)
    keep(path, three=CUT)
    assert ResumeFile(path).answers == {"one": YES, "three": CUT}


def test_a_run_that_died_in_its_first_line_left_nothing(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_bytes(b'{"key": "o')
    keep(path, one=YES)
    assert ResumeFile(path).answers == {"one": YES}


@pytest.mark.parametrize(
    "text", ["a,b\n1,2\n", "{}\n", '{"key": 1, "text": "x"}\n', '{"key": "k"}\n']
)
def test_the_file_of_somebody_else_is_left_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / "data.csv"
    path.write_text(text)
    with pytest.raises(SettingError, match="not a file of answers"):
        ResumeFile(path)
    assert path.read_text() == text


def test_a_damaged_cost_costs_no_answer(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_text(json.dumps({"key": "k", "text": "x", "cost_usd": "much"}) + "\n")
    assert ResumeFile(path).answers == {"k": Answer(text="x")}


def test_a_folder_holds_a_file_for_each_that_asks(tmp_path: Path) -> None:
    keep(tmp_path, one=YES)
    keep(tmp_path, two=CUT)
    assert len(list(tmp_path.glob("*.jsonl"))) == 2
    assert ResumeFile(tmp_path).answers == {"one": YES, "two": CUT}


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "answers.jsonl").mkdir()
    with pytest.raises(SettingError, match="cannot be read"):
        ResumeFile(tmp_path)


def test_a_full_disk_costs_one_fault(tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("there is no device that is always full")
    resume_file = ResumeFile(tmp_path / "answers.jsonl")
    (tmp_path / "answers.jsonl").symlink_to(full)
    resume_file.keep("one", YES)
    assert "takes no more answers" in resume_file.fault
    resume_file.keep("two", YES)
    resume_file.close()


def test_a_key_says_all_that_is_asked_and_nothing_else() -> None:
    body = {"model": "a", "messages": [{"role": "user", "content": "x"}]}
    key = fingerprint("chat", body)
    assert fingerprint("chat", {**body, "stream": True}) == key
    assert fingerprint("chat", dict(reversed(body.items()))) == key
    assert fingerprint("chat", {**body, "seed": 1}) != key
    assert fingerprint("responses", body) != key
