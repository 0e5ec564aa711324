"""What no linter checks: the length of modules and functions, and tests by name."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from pathlib import PurePath

from paths import PACKAGE, ROOT

LONGEST_MODULE, LONGEST_FUNCTION = 700, 40
PATHS = [
    path
    for folder in ("stepmagic", "notebooks", "benchmarks")
    for path in sorted((ROOT / folder).rglob("*.py"))
]


def too_long(source: str) -> Iterator[str]:
    """Yield what is longer than it may be, with its length in lines."""
    lines = len(source.splitlines())
    if lines > LONGEST_MODULE:
        yield f"{lines} lines"
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or 0) - node.lineno + 1 - docstring_lines(node)
            if lines > LONGEST_FUNCTION:
                yield f"{node.name}: {lines} lines"


def docstring_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return how many lines say what a function does, rather than do it."""
    if ast.get_docstring(function) is None:
        return 0
    text = function.body[0]
    return (text.end_lineno or 0) - text.lineno + 1


def test_no_module_or_function_is_too_long() -> None:
    found = {
        str(path.relative_to(ROOT)): faults
        for path in PATHS
        if (faults := list(too_long(path.read_text("utf-8"))))
    }
    assert found == {}
    assert len(PATHS) > 100


def test_length_is_measured() -> None:
    function = "async def f():\n" + "    ...\n" * LONGEST_FUNCTION
    assert list(too_long(function)) == ["f: 41 lines"]
    assert list(too_long("def f():\n" + "    ...\n" * (LONGEST_FUNCTION - 1))) == []
    documented = "def f():\n    '''One.\n\n    Two.\n    '''\n" + "    ...\n" * 39
    assert list(too_long(documented)) == []
    assert list(too_long(documented + "    ...\n")) == ["f: 41 lines"]
    assert list(too_long("x = 1\n" * 701)) == ["701 lines"]
    assert list(too_long("class A:\n" + "    x = 1\n" * 300)) == []


UNTESTED_BY_NAME = {
    "attachments/attachment": "data classes that every test of attachments reads",
    "conversation/draft": "a data class that the tests of turns fill",
    "wire/request": "a data class that the tests of the protocols encode",
    "server/local/process": "needs the engine: tests/engine/test_process.py",
    "server/local/server": "runs in the engine: tests/engine/test_process.py",
}
"""Modules that have no test file of their name, with the reason."""


def without_namesake(modules: Collection[str], tests: Collection[str]) -> list[str]:
    """Return the modules, ``wire/chat``, for which ``wire/test_chat`` is missing."""
    return [
        module
        for module in sorted(modules)
        if PurePath(module).name != "__init__" and namesake(module) not in tests
    ]


def namesake(module: str) -> str:
    """Return the path of the tests of a module, ``wire/test_chat``."""
    path = PurePath(module)
    return path.with_name("test_" + path.name.strip("_")).as_posix()


def test_every_module_has_tests_of_its_name() -> None:
    modules, tests = (
        [
            path.relative_to(root).with_suffix("").as_posix()
            for path in root.rglob("*.py")
        ]
        for root in (PACKAGE, ROOT / "tests")
    )
    assert without_namesake(modules, tests) == sorted(UNTESTED_BY_NAME)


def test_missing_namesake_is_found() -> None:
    modules = ["keys", "wire/__init__", "wire/chat", "__main__"]
    assert without_namesake(modules, ["test_keys", "test_chat"]) == [
        "__main__",
        "wire/chat",
    ]
    assert without_namesake(modules, ["test_keys", "test_main", "wire/test_chat"]) == []
