"""Paths and globs."""

from __future__ import annotations

from pathlib import Path

import pytest

from stepmagic.attachments import files
from stepmagic.errors import AttachmentError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def touch(*names: str) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text("x")


def test_path_is_itself(folder: Path) -> None:
    touch("a.txt", "odd[1]*.txt")
    assert files.expand("a.txt") == [Path("a.txt")]
    assert files.expand("odd[1]*.txt") == [Path("odd[1]*.txt")]
    assert files.expand(str(folder)) == [folder]


def test_home_is_expanded() -> None:
    path = Path("~/a.txt").expanduser()
    path.write_text("x")
    assert files.expand("~/a.txt") == files.expand("~/*.txt") == [path]
    with pytest.raises(AttachmentError, match="there is no such user"):
        files.expand("~nobody-of-this-name/a.txt")


@pytest.mark.usefixtures("folder")
def test_glob_is_sorted_as_people_do() -> None:
    touch("frame10.png", "frame2.png", "Frame1.png", "b/frame3.png", ".hidden.png")
    Path("folder.png").mkdir()
    assert [str(path) for path in files.expand("*.png")] == [
        "Frame1.png",
        "frame2.png",
        "frame10.png",
    ]
    assert files.expand("**/frame[3-9].png") == [Path("b/frame3.png")]
    assert files.expand("frame?.png") == [Path("frame2.png")]


@pytest.mark.usefixtures("folder")
def test_missing_file_comes_with_close_names() -> None:
    touch("sales_2025.csv", "notes.md")
    with pytest.raises(AttachmentError, match="Did you mean sales_2025.csv") as error:  # noqa: RUF043 - a dot is a dot here
        files.expand("sale_2025.csv")
    assert "there is no file `sale_2025.csv`" in str(error.value)
    with pytest.raises(AttachmentError, match="matches no file. Did you mean notes"):  # noqa: RUF043 - a dot is a dot here
        files.expand("notes*.m")
    with pytest.raises(AttachmentError, match="`*.zip` matches no file.$"):  # noqa: RUF043 - as above
        files.expand("*.zip")
    with pytest.raises(AttachmentError, match="There is no folder `missing`"):
        files.expand("missing/a.txt")


@pytest.mark.parametrize("word", ["a\0b", "x" * 5000])
def test_impossible_path_is_an_attachment_error(word: str) -> None:
    with pytest.raises(AttachmentError, match="no file"):
        files.expand(word)


@pytest.mark.usefixtures("folder")
def test_glob_of_too_many_files_is_refused() -> None:
    touch(*(f"{number}.txt" for number in range(60)))
    assert len(files.expand("*.txt")) == 60
    touch("60.txt")
    with pytest.raises(AttachmentError, match="names more than 60 files"):
        files.expand("*.txt")
