"""The public names, and a docstring on each."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

import stepmagic
from paths import ROOT

PATHS = sorted((ROOT / "stepmagic").rglob("*.py"))


def test_public_names_are_sorted() -> None:
    assert stepmagic.__all__ == sorted(stepmagic.__all__)


@pytest.mark.parametrize("name", stepmagic.__all__)
def test_public_name_is_importable(name: str) -> None:
    assert getattr(stepmagic, name) is not None
    assert name in dir(stepmagic)


def test_star_import_brings_the_public_names() -> None:
    namespace: dict[str, object] = {}
    exec("from stepmagic import *", namespace)  # noqa: S102 - our own line
    assert set(stepmagic.__all__) <= namespace.keys()


def test_other_names_are_not_there() -> None:
    with pytest.raises(AttributeError, match="'stepmagic' has no attribute 'stepp'"):
        importlib.import_module("stepmagic").stepp  # noqa: B018 - reading is the test


def is_overload(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether it tells types alone, of a function that is documented below."""
    return [ast.unparse(each) for each in node.decorator_list] == ["overload"]


def undocumented(source: str) -> Iterator[str]:
    """Yield the public modules, classes and functions without a docstring."""
    tree = ast.parse(source)
    waiting: list[tuple[str, ast.Module | ast.ClassDef]] = [("", tree)]
    if not ast.get_docstring(tree):
        yield "the module"
    while waiting:
        name, holder = waiting.pop()
        for node in holder.body:
            if not isinstance(
                node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
            ) or node.name.startswith("_"):
                continue
            if not ast.get_docstring(node) and not is_overload(node):
                yield name + node.name
            if isinstance(node, ast.ClassDef):
                waiting.append((f"{name}{node.name}.", node))


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_every_public_name_has_a_docstring(path: Path) -> None:
    assert list(undocumented(path.read_text("utf-8"))) == []


def test_missing_docstring_is_found() -> None:
    source = (
        "class A:\n    '''Yes.'''\n    def b(self): ...\n    def _c(self): ...\n"
        "    class D: ...\n"
        "async def e(): ...\ndef _f(): ...\ndef g():\n    '''Yes.'''\n"
        "@overload\ndef h(): ...\n"
    )
    assert set(undocumented(source)) == {"the module", "A.b", "A.D", "e"}
