"""Functions and classes by their source, other objects by what they say."""

from __future__ import annotations

import functools
import inspect
import json
import linecache
import os
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from stepmagic.attachments.attachment import Attached
from stepmagic.attachments.notebook.source import attach_code, attach_repr, is_code
from stepmagic.errors import AttachmentError

CELLS = (
    "class Stale:\n    x = 'first'",
    "%matplotlib_that_is_not inline\nStale = None",
    """\
def plain(x):
    return x + 1

async def later(): ...

def decorate(function):
    return function

@decorate
def decorated(): ...

@functools.cache
def cached(x): ...

short = lambda x: x * 2

@dataclasses.dataclass
class Row:
    a: int

    class Inner:
        b = '```'

class Stale:
    x = 'second'

    def method(self): ...

    @classmethod
    def made(cls): ...

bound = Stale().method
partial = functools.partial(plain, 1)
""",
    "first = '\x0c'\nclass Bare:\n    '''A page break \x0c in it.'''",
    "mention = 'Stale'",
    "Stale and Bare and Row = (",
)


def said(attached: Attached) -> str:
    (part,) = attached.parts
    return str(getattr(part, "text", ""))


@pytest.fixture
def names(bare_shell: Any) -> dict[str, Any]:
    """Return what the cells define."""
    bare_shell.run_cell("import dataclasses, functools", store_history=True)
    for cell in CELLS:
        bare_shell.run_cell(cell, store_history=True)
    found: dict[str, Any] = bare_shell.user_ns
    return found


@pytest.mark.parametrize(
    ("name", "kind", "begins", "ends"),
    [
        ("plain", "function", "def plain(x):", "return x + 1"),
        ("later", "function", "async def later(): ...", ""),
        ("decorated", "function", "@decorate\ndef decorated(): ...", ""),
        ("cached", "function", "@functools.cache\ndef cached(x): ...", ""),
        ("short", "function", "short = lambda x: x * 2", ""),
        ("bound", "function", "def method(self): ...", ""),
        ("Bare", "class", "class Bare:", "'''A page break \x0c in it.'''"),
        ("Row", "class", "@dataclasses.dataclass\nclass Row:\n    a: int", "b = '```'"),
        ("Stale", "class", "class Stale:\n    x = 'second'", "def made(cls): ..."),
    ],
)
def test_code_of_a_cell_is_sent_by_its_source(
    names: dict[str, Any], name: str, kind: str, begins: str, ends: str
) -> None:
    attached = attach_code(names[name], name)
    fence, _, source = said(attached).partition("python\n")
    assert set(fence) == {"`"}
    body = source.removesuffix(fence)
    assert body.startswith(begins)
    assert body.rstrip().endswith(ends)
    assert attached.kind == kind
    assert attached.size.endswith(("1 line", "lines"))


def test_nested_class_and_method_of_a_class_are_found(names: dict[str, Any]) -> None:
    assert said(attach_code(names["Row"].Inner, "i")).startswith("````python\n")
    assert "    b = '```'" in said(attach_code(names["Row"].Inner, "i"))
    assert "@classmethod\ndef made" in said(attach_code(names["Stale"].made, "m"))


def test_code_of_a_module_is_sent_by_its_source() -> None:
    assert "class JSONEncoder" in said(attach_code(json.JSONEncoder, "J"))
    assert "def dumps(" in said(attach_code(json.dumps, "d"))


@pytest.mark.parametrize("value", [len, int, [].append, type("Made", (), {})])
def test_code_without_a_source_is_refused(value: Any) -> None:
    assert is_code(value)
    with pytest.raises(AttachmentError, match=r"source of `f` .*inspect\.getdoc\(f\)"):
        attach_code(value, "f")


def test_class_of_a_cell_that_is_gone_is_refused(names: dict[str, Any]) -> None:
    bare = names["Bare"]
    names["In"][:] = [""]
    with pytest.raises(AttachmentError, match="source of `Bare` cannot be found"):
        attach_code(bare, "Bare")


def test_function_of_a_file_that_changed_is_refused_or_sent(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What stands there now is no Python."""
    path = tmp_path / "changing.py"
    path.write_text("class A:\n    x = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    module: Any = __import__("changing")
    monkeypatch.delitem(sys.modules, "changing")
    monkeypatch.setitem(sys.modules, "changing", module)
    path.write_text("class A(:\n")
    linecache.clearcache()
    with pytest.raises(AttachmentError, match="source of `A` cannot be found"):
        attach_code(module.A, "A")


def test_module_of_a_class_may_be_anything() -> None:
    odd = type("Odd", (), {"__module__": []})
    with pytest.raises(AttachmentError, match="source of `Odd` cannot be found"):
        attach_code(odd, "Odd")


@pytest.mark.parametrize(
    "value", [7, "def f(): ...", functools.partial(int), object(), inspect, None]
)
def test_other_objects_are_no_code(value: Any) -> None:
    assert not is_code(value)


def test_object_is_sent_as_it_says_itself(names: dict[str, Any]) -> None:
    attached = attach_repr(names["Row"](a=1), "row")
    assert said(attached) == "Row(a=1)"
    assert (attached.name, attached.kind, attached.all_notices) == ("row", "Row", ())
    point = types.SimpleNamespace(x=1)
    assert said(attach_repr(point, "p")) == "namespace(x=1)"


def test_long_repr_is_cut_and_said_so() -> None:
    class Many:
        def __repr__(self) -> str:
            return "<many " * 2000

    attached = attach_repr(Many(), "many")
    assert said(attached) == ("<many " * 2000)[:4000]
    assert attached.differences == (
        "`many`: the first 4,000 of 12,000 characters are sent.",
    )


@pytest.mark.parametrize(
    "value",
    [object(), (n for n in "a"), iter([]), test_other_objects_are_no_code],
    ids=["object", "generator", "iterator", "function"],
)
def test_object_that_says_only_where_it_lies_is_refused(value: Any) -> None:
    name = type(value).__name__
    with pytest.raises(
        AttachmentError, match=f"of type {name}, whose repr shows only its type"
    ):
        attach_repr(value, "x")


def test_local_class_that_says_only_where_it_lies_is_refused() -> None:
    class Shy: ...

    with pytest.raises(
        AttachmentError, match="of type Shy, whose repr shows only its type"
    ):
        attach_repr(Shy(), "x")


@pytest.mark.parametrize("fault", [ZeroDivisionError, RecursionError, AttributeError])
def test_repr_that_fails_is_refused(fault: type[Exception]) -> None:
    class Bad:
        def __repr__(self) -> str:
            raise fault

    with pytest.raises(AttachmentError, match=f"written as text: {fault.__name__}"):
        attach_repr(Bad(), "bad")


def test_repr_that_is_no_text_is_refused() -> None:
    class Wrong:
        def __repr__(self) -> str:
            wrong: Any = 7
            return wrong  # type: ignore[no-any-return]  # a str that it is not

    with pytest.raises(AttachmentError, match="written as text: TypeError"):
        attach_repr(Wrong(), "wrong")


def test_interrupt_during_a_repr_is_one() -> None:
    class Slow:
        def __repr__(self) -> str:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        attach_repr(Slow(), "slow")


def test_object_that_shows_the_environment_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PLANTED", "secret")
    for held in (os.environ, dict(os.environ)):
        with pytest.raises(AttachmentError, match="`x` contains the environment"):
            attach_repr(types.SimpleNamespace(inner=held), "x")


def test_empty_environment_is_in_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in tuple(os.environ):
        monkeypatch.delenv(name)
    assert said(attach_repr(types.SimpleNamespace(a=1), "x")) == "namespace(a=1)"
