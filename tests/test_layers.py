"""Imports point downwards: every import is parsed and checked against ARCHITECTURE.md.

The page's table of rooms is the rule: a module imports from rooms on lower floors, or,
without cycles, from its own room. Imports inside functions and under ``TYPE_CHECKING``
count, and so does ``importlib.import_module`` with a name that can be read.

``python tests/test_layers.py`` prints the rooms and the arrows between them.
"""

from __future__ import annotations

import ast
import graphlib
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from paths import PACKAGE, ROOT

NAME = "stepmagic"
PAGE = ROOT / "ARCHITECTURE.md"
MOST_ARROWS = 120


def floors(page: str) -> dict[str, int]:
    """Return the floor of each room, as the first table of the page has it."""
    rows = re.findall(r"^\| *(\d+) *\| ([^|]+) \|", page, flags=re.MULTILINE)
    return {
        room.strip("`/").removesuffix(".py"): int(floor)
        for floor, rooms in rows
        for room in re.findall(r"`[^`]+`", rooms)
    }


def sources(root: Path) -> dict[str, str]:
    """Return the text of each module by its path below the package, ``wire/chat``."""
    return {
        path.relative_to(root).with_suffix("").as_posix(): path.read_text("utf-8")
        for path in sorted(root.rglob("*.py"))
    }


def room_of(module: str) -> str:
    """Return the room of a module: its folder at the root, or itself."""
    return module.partition("/")[0]


def find_module(dotted: str, modules: Mapping[str, str]) -> str | None:
    """Return the module that a dotted name means, or the one that holds the name."""
    path = "/".join(dotted.split(".")[1:])
    for candidate in (path, f"{path}/__init__".lstrip("/")):
        if candidate in modules:
            return candidate
    return find_module(dotted.rpartition(".")[0], modules) if path else None


def imported_names(module: str, source: str) -> Iterator[str]:
    """Yield the dotted name of everything of the package that a module imports."""
    package = [NAME, *module.split("/")][:-1]
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                found = [alias.name for alias in names]
            case ast.ImportFrom(module=origin, names=names, level=level):
                above = package[: len(package) - level + 1] if level else []
                base = ".".join([*above, *([origin] if origin else [])])
                found = [f"{base}.{alias.name}" for alias in names]
            case ast.Call(
                func=ast.Name(id=function) | ast.Attribute(attr=function),
                args=[argument, *_],
            ) if function in ("import_module", "__import__"):
                name = readable(argument)
                found = [".".join(package) + name if name[:1] == "." else name]
            case _:
                continue
        yield from (name for name in found if name.split(".")[0] == NAME)


def readable(argument: ast.expr) -> str:
    """Return a literal name, or the folder that an f-string begins with."""
    match argument:
        case ast.Constant(value=str(name)):
            return name
        case ast.JoinedStr(values=[ast.Constant(value=str(start)), *_]):
            return start.rpartition(".")[0]
        case _:
            return ""


def imports(modules: Mapping[str, str]) -> dict[str, set[str]]:
    """Return the modules that each module imports.

    The package's own face is left out: it imports what is used of it, and every module
    may take ``__version__`` from it.
    """
    graph = {}
    for module, source in modules.items():
        if module == "__init__":
            continue
        targets = {
            find_module(name, modules)
            for name in imported_names(module, source)
            if name != f"{NAME}.__version__"
        }
        graph[module] = {target for target in targets if target} - {module}
    return graph


def arrows(graph: Mapping[str, set[str]]) -> set[tuple[str, str]]:
    """Return which room imports from which other room."""
    return {
        (room_of(module), room_of(target))
        for module, targets in graph.items()
        for target in targets
        if room_of(module) != room_of(target)
    }


def faults(modules: Mapping[str, str], plan: Mapping[str, int]) -> list[str]:
    """Return what is wrong with the imports of a package, a line each."""
    graph = imports(modules)
    found = [
        f"{module} is in no room" for module in graph if room_of(module) not in plan
    ]
    for module, targets in graph.items():
        for target in sorted(targets):
            here, there = room_of(module), room_of(target)
            if here != there and plan.get(there, 99) >= plan.get(here, 0):
                found.append(f"{module} imports {target}")
    try:
        graphlib.TopologicalSorter(
            {
                module: {each for each in targets if room_of(each) == room_of(module)}
                for module, targets in graph.items()
            }
        ).prepare()
    except graphlib.CycleError as error:
        found.append("cycle: " + " < ".join(error.args[1]))
    return found


def drawing(modules: Mapping[str, str], plan: Mapping[str, int]) -> str:
    """Return the rooms, floor by floor from the top, with what each imports."""
    drawn = arrows(imports(modules))
    rooms = sorted(plan, key=lambda room: (-plan[room], room))
    lines = [
        f"{plan[room]:2}  {room:13}"
        + " ".join(sorted(target for source, target in drawn if source == room))
        for room in rooms
    ]
    return "\n".join([*lines, f"{len(rooms)} nodes, {len(drawn)} arrows"])


MODULES = sources(PACKAGE)


@pytest.fixture(scope="module")
def plan() -> dict[str, int]:
    """The floors of the page."""
    if not PAGE.exists():
        pytest.skip("there is no ARCHITECTURE.md here")
    return floors(PAGE.read_text("utf-8"))


def test_every_import_points_downwards(plan: dict[str, int]) -> None:
    assert faults(MODULES, plan) == []


def test_page_names_the_rooms_and_nothing_else(plan: dict[str, int]) -> None:
    assert set(plan) == {room_of(module) for module in MODULES}
    folders = {
        path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()
    }
    assert len(folders) == 12
    assert len(set(plan) - folders) == 6


def test_rooms_have_few_arrows(plan: dict[str, int]) -> None:
    sys.stdout.write(drawing(MODULES, plan) + "\n")
    assert 30 < len(arrows(imports(MODULES))) < MOST_ARROWS


def test_imports_are_found() -> None:
    """If none were found, nothing could be wrong with them."""
    wanted = {"wire/chat": "wire/json_values", "transcript/events": "errors"}
    for module, target in wanted.items():
        names = imported_names(module, MODULES[module])
        assert target in {find_module(name, MODULES) for name in names}


MADE_UP = {
    "__init__": "__version__ = '1'",
    "magics/step": "from stepmagic.ask import step",
    "ask/__init__": "from stepmagic import __version__, errors",
    "keys": "import stepmagic.errors",
    "schema/__init__": "",
    "errors": "",
    "wire/__init__": "from stepmagic.wire.chat import encode",
    "wire/chat": "from ..keys import find_key\nfrom .forms import word",
    "wire/forms": "import os, json",
    "server/http": (
        "import importlib\nimportlib.import_module(f'stepmagic.wire.{name}')"
    ),
}
FLOORS = floors(
    "| floor | room | owns |\n|---|---|---|\n| 6 | `__init__.py` | a |\n"
    "| 5 | `magics/` | b |\n| 4 | `ask/` | c |\n| 3 | `server/` | d |\n"
    "| 2 | `wire/` | e |\n| 1 | `keys.py`, `schema/` | f |\n| 0 | `errors.py` | `g` |\n"
)


def test_table_is_read() -> None:
    assert list(FLOORS) == [
        "__init__",
        "magics",
        "ask",
        "server",
        "wire",
        "keys",
        "schema",
        "errors",
    ]


def test_good_tree_has_no_fault() -> None:
    assert faults(MADE_UP, FLOORS) == []


@pytest.mark.parametrize(
    ("module", "source", "fault"),
    [
        ("errors", "import stepmagic.ask", "errors imports ask/__init__"),
        ("errors", "from stepmagic.ask import step", "errors imports ask/__init__"),
        ("errors", "from stepmagic import ask", "errors imports ask/__init__"),
        ("errors", "from .ask import step", "errors imports ask/__init__"),
        ("errors", "from . import ask", "errors imports ask/__init__"),
        (
            "errors",
            "def f():\n    import stepmagic.ask",
            "errors imports ask/__init__",
        ),
        (
            "errors",
            "if TYPE_CHECKING:\n    from stepmagic.ask import step",
            "errors imports ask/__init__",
        ),
        ("errors", "import_module('stepmagic.ask')", "errors imports ask/__init__"),
        ("errors", "importlib.import_module('.ask')", "errors imports ask/__init__"),
        ("errors", "__import__('stepmagic.ask')", "errors imports ask/__init__"),
        (
            "errors",
            "importlib.import_module(f'stepmagic.wire.{x}')",
            "errors imports wire/__init__",
        ),
        ("errors", "from stepmagic import wire", "errors imports wire/__init__"),
        ("errors", "from stepmagic import step", "errors imports __init__"),
        ("errors", "import stepmagic", "errors imports __init__"),
        ("wire/forms", "from ..server.http import x", "wire/forms imports server/http"),
        ("schema/__init__", "import stepmagic.keys", "schema/__init__ imports keys"),
        ("keys", "from stepmagic import schema", "keys imports schema/__init__"),
        (
            "wire/forms",
            "from stepmagic.wire.chat import encode",
            "cycle: wire/chat < wire/forms < wire/chat",
        ),
        ("helpers", "", "helpers is in no room"),
        ("other/deep/module", "", "other/deep/module is in no room"),
    ],
)
def test_fault_is_found(module: str, source: str, fault: str) -> None:
    assert faults({**MADE_UP, module: source}, FLOORS) == [fault]


if __name__ == "__main__":
    sys.stdout.write(drawing(MODULES, floors(PAGE.read_text("utf-8"))) + "\n")
