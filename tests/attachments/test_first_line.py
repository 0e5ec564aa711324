"""A word of the first line: an address, an expression, a path or a glob, in turn."""

from __future__ import annotations

import gc
import os
import sys
import types
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped]  # it ships no types
import pytest
from PIL import Image as Pillow

from stepmagic.attachments.attachment import Attached, Handling
from stepmagic.attachments.first_line import attach_word
from stepmagic.errors import AttachmentError
from stepmagic.transcript import Image, Text, Video

PLANTED = "planted secret"
NAMES: dict[str, Any] = {
    "df": pd.DataFrame({"x": range(9), "environ": "wood"}),
    "data": {"csv": "an item", "a": [1, 2]},
    "note": "words",
    "n": 7,
    "double": lambda x: 2 * x,
    "mask": np.array([True, False]),
}
READERS: dict[str, Any] = {
    "os": os,
    "sys": sys,
    "np": np,
    "environ": os.environ,
    "env": os.environ,
    "getenv": os.getenv,
    "ask": os.getenv,
    "get": os.environ.get,
    "holder": types.SimpleNamespace(os=os),
}


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Stand in a folder of files, with a secret in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PLANTED", PLANTED)
    return tmp_path


def found(word: str, names: Mapping[str, Any] = NAMES) -> list[Attached]:
    return attach_word(word, names, Handling())


def said(word: str, names: Mapping[str, Any] = NAMES) -> str:
    (attached,) = found(word, names)
    assert attached.name == word
    return "\n".join(part.text for part in attached.parts if isinstance(part, Text))


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("https://example.org/a.png", Image),
        ("HTTP://example.org/a.mp4", Video),
    ],
)
def test_address_is_passed_on(url: str, kind: type) -> None:
    (attached,) = found(url, {"https": "a name"})
    assert [type(part) for part in attached.parts] == [kind]


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("note", "words"),
        (" note ", "words"),
        ("note.upper()", "WORDS"),
        ("note[::-1]", "sdrow"),
        ("data['a'][1]", "2"),
        ("double(n)", "14"),
        ("n + 1", "8"),
        ("-n", "-7"),
        ("not n", "False"),
        ("n > 1", "True"),
        ("(n)", "7"),
        ("[n][0] if n else 0", "7"),
        ("len(df)", "9"),
        ("str(n)", "7"),
        ("(df.x + 1).sum()", "45"),
        ("[n, note]", "[7, 'words']"),
        ("sorted(k for k in data)", "['a', 'csv']"),
        ("open(note)", None),
        ("eval(note)", None),
        ("[unknown, n]", None),
        ("double([x for x in range(n)][1])", "2"),
    ],
)
def test_expression_of_a_known_name_is_its_value(word: str, text: str | None) -> None:
    if text is None:  # it holds a name that is not known, or no function for words
        with pytest.raises(AttachmentError, match="no file"):
            found(word)
    else:
        assert said(word) == text


def test_expression_may_call_functions() -> None:
    (attached,) = found("df.query('x > 6')")
    assert attached.size.startswith("2 rows")
    assert attached.name == "df.query('x > 6')"
    assert found("~mask")[0].kind == "numpy array"


def test_evaluation_leaves_the_names_alone() -> None:
    names = {"double": NAMES["double"]}
    assert said("double((made := 3))", names) == "6"
    assert list(names) == ["double"]


def test_column_may_be_called_like_the_environment() -> None:
    for word in ("df.environ", "df['environ']", "df.query('environ == 1')"):
        assert "pandas" in said(word)


def test_value_comes_before_a_file_of_its_name(folder: Path) -> None:
    (folder / "note").write_text("a file\n")
    assert said("note") == "words"
    assert "a file" in said("./note")


@pytest.mark.parametrize(
    "name", ["data.csv", "data/cat.txt", "data-b.txt", "n+1+.txt", "3", "-1", "'q'"]
)
def test_file_is_found_though_its_name_reads_as_an_expression(
    folder: Path, name: str
) -> None:
    """With a variable ``data``, ``data/cat.txt`` is a division that fails."""
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("day,n\n1,2\n")
    assert "day" in said(name, {"data": [1], "n": "text"})


def test_glob_names_several_files_and_each_by_its_own(folder: Path) -> None:
    for number in (10, 2):
        (folder / f"a{number}.txt").write_text(f"file {number}")
    assert [attached.name for attached in found("a*.txt")] == ["a2.txt", "a10.txt"]
    assert [attached.name for attached in found("a1*.txt")] == ["a1*.txt"]


def test_picture_of_a_path_is_an_image(folder: Path) -> None:
    Pillow.new("RGB", (20, 20)).save(folder / "a.png")
    assert isinstance(found("a.png")[0].parts[0], Image)


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("noet", "there is no variable and no file 'noet'. Did you mean note?"),
        ("qqqq", "there is no variable and no file 'qqqq'."),
        ("int", "there is no variable and no file 'int'"),
        ("noet.upper()", "there is no variable 'noet' and no file 'noet.upper()'. Did"),
        ("dataa['a']", "there is no variable 'dataa' and no file"),
        ("len(dg)", "there is no variable 'len' and no file 'len(dg)'"),
        ("_note", "there is no variable and no file '_note'. Did you mean note?"),
        ("noet.txt", "there is no file `noet.txt`. Did you mean note.txt?"),
        ("nowhere/a.csv", "There is no folder `nowhere`"),
        ("*.xyz", "`*.xyz` matches no file"),
        ("3", "there is no file `3`"),
        ("-1", "there is no file `-1`"),
        ("two words", "there is no file `two words`"),
        ("", "is a folder"),
        ("(" * 5000, "names no file"),
        ("a\0b", "there is no file"),
        ("note.nothing", "`note.nothing` failed: AttributeError: 'str' object has no"),
        ("data['b']", "`data['b']` failed: KeyError: 'b'"),
        ("n / 0", "`n / 0` failed: ZeroDivisionError: division by zero"),
        ("double(missing)", "failed: NameError: name 'missing' is not defined"),
        ("note." + "b" * 5000, "failed: AttributeError"),
        ("note\0", "there is no file"),
    ],
)
def test_word_that_names_nothing_is_refused(folder: Path, word: str, says: str) -> None:
    (folder / "note.txt").write_text("x")
    with pytest.raises(AttachmentError) as caught:
        found(word)
    assert says in str(caught.value)


def test_private_names_are_not_suggested() -> None:
    with pytest.raises(AttachmentError) as caught:
        found("secret", {"_secret": 1})
    assert str(caught.value) == "there is no variable and no file 'secret'."


def test_error_that_cannot_say_itself_is_told_by_its_name() -> None:
    class Bad(Exception):
        def __str__(self) -> str:
            raise ZeroDivisionError

    def fail() -> None:
        raise Bad

    with pytest.raises(AttachmentError, match="Bad: <exception str"):
        found("fail()", {"fail": fail})


def test_interrupt_is_one() -> None:
    def wait() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        found("wait()", {"wait": wait})


@pytest.mark.parametrize(
    "word",
    [
        "os",
        "os.environ",
        "os.environ['PLANTED']",
        "os.environ.get('PLANTED')",
        "os.environ.copy()['PLANTED']",
        "os.environb[b'PLANTED']",
        "os.getenv('PLANTED')",
        "os.getenvb(b'PLANTED')",
        "os.path.os.environ['PLANTED']",
        "np.os.environ['PLANTED']",
        "sys.modules['os'].environ['PLANTED']",
        "os.__dict__['environ']['PLANTED']",
        "holder.os.environ['PLANTED']",
        "environ",
        "environ['PLANTED']",
        "env",
        "env['PLANTED']",
        "env.get('PLANTED')",
        "getenv('PLANTED')",
        "ask('PLANTED')",
        "get('PLANTED')",
        "note.join(env.values())",
        "note + env['PLANTED']",
        "data.get(getattr(os, 'environ')['PLANTED'])",
        "note.format(e=os.environ)",
        "copied",
        "{**env}",
    ],
)
def test_environment_is_refused_in_every_spelling(word: str) -> None:
    names = {**NAMES, **READERS, "copied": dict(os.environ)}
    with pytest.raises(AttachmentError) as caught:
        found(word, names)
    assert PLANTED not in str(caught.value)
    assert "failed" not in str(caught.value)


def test_nothing_is_run_of_what_is_refused() -> None:
    with pytest.raises(AttachmentError, match="reads the environment"):
        found("double(os.environ) / fail()", {**NAMES, **READERS})


@pytest.mark.parametrize(
    ("word", "advice"),
    [
        ("df,", "Names are separated by spaces"),
        ("df,n", "Names are separated by spaces"),
        ("+", r"goes in brackets: `\(df.x \+ 1\)`"),
    ],
)
def test_a_piece_of_an_expression_is_told_from_a_name(word: str, advice: str) -> None:
    with pytest.raises(AttachmentError, match=advice):
        found(word)


def test_an_expression_that_fails_keeps_no_value_alive() -> None:
    names = {"df": NAMES["df"].copy(), "other": 1}
    alive = weakref.ref(names["df"])
    with pytest.raises(AttachmentError) as raised:
        found("other.nope", names)
    del names["df"]
    gc.collect()
    assert alive() is None
    assert raised.value.__cause__ is not None
