"""What the package imports is what pyproject declares."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from typing import Any

import pytest

import stepmagic
from paths import PACKAGE, ROOT

PAGE = ROOT / "pyproject.toml"

USERS_OWN = {
    *("duckdb", "google", "numpy", "pandas", "polars", "pyarrow"),
    *("bokeh", "matplotlib", "plotly", "pypdf", "vl_convert"),
}
"""Imported only for an object of theirs, or where Colab has put them; those that draw
and pypdf are named in the message where they are missing."""

NOT_IMPORTED = {"ipywidgets"}
"""Declared for what they install: anywidget builds on it."""


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    """The table ``[project]``."""
    if not PAGE.exists():
        pytest.skip("there is no pyproject.toml here")
    table: dict[str, Any] = tomllib.loads(PAGE.read_text("utf-8"))["project"]
    return table


def imports(source: str) -> Iterator[str]:
    """Yield the top-level name of each import, those by ``import_module`` too."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                yield from (alias.name.partition(".")[0] for alias in names)
            case ast.ImportFrom(module=str(module), level=0):
                yield module.partition(".")[0]
            case ast.Call(
                func=ast.Attribute(attr="import_module"),
                args=[ast.Constant(value=str(module)), *_],
            ):
                yield module.partition(".")[0]


def foreign_imports() -> set[str]:
    """Return the top-level names of other distributions that the package imports."""
    found = {
        name
        for path in PACKAGE.rglob("*.py")
        for name in imports(path.read_text("utf-8"))
    }
    return found - sys.stdlib_module_names - {"stepmagic"}


def distribution(requirement: str) -> str:
    """Return the normalized name in a requirement: ``dask[dataframe]>=2025``."""
    name = re.split(r"[\[<>=!~; ]", requirement, maxsplit=1)[0]
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_import_is_declared(project: dict[str, Any]) -> None:
    extras = project["optional-dependencies"]
    declared = {
        distribution(line)
        for lines in (
            project["dependencies"],
            *(extras[name] for name in extras.keys() - {"test", "bench", "dev"}),
        )
        for line in lines
    }
    homes = packages_distributions()
    missing = {
        name
        for name in foreign_imports() - USERS_OWN
        if not declared & {distribution(home) for home in homes.get(name, [name])}
    }
    assert missing == set()


def test_every_dependency_is_imported(project: dict[str, Any]) -> None:
    homes = packages_distributions()
    used = {
        distribution(home)
        for name in foreign_imports()
        for home in homes.get(name, [name])
    }
    declared = {distribution(line) for line in project["dependencies"]}
    assert declared - used == NOT_IMPORTED


def test_every_dependency_has_a_lowest_version(project: dict[str, Any]) -> None:
    lines = [line for line in project["dependencies"] if ">=" not in line]
    assert lines == []


def test_the_version_is_only_in_the_package(project: dict[str, Any]) -> None:
    assert "version" not in project
    assert project["dynamic"] == ["version"]
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*", stepmagic.__version__)


def test_imports_are_found() -> None:
    source = (
        "import a.b, os\nfrom c.d import e\nfrom . import f\n"
        "def g():\n    import h\n    importlib.import_module('i.j')\n"
    )
    assert list(imports(source)) == ["a", "os", "c", "h", "i"]
