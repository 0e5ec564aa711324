"""Imports point downwards: every import of every module is parsed and held to ROWS.

A module imports only from rows below its own, or from its own folder in its own row
without cycles. Imports inside functions and under ``TYPE_CHECKING`` count, and so does
``importlib.import_module`` with a name that can be read.
"""

from __future__ import annotations

import ast
import graphlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = "stepmagic"

# Top row first; `name/` is a folder with all that is in it. `stepmagic/__init__.py`
# stands above them all: it imports its public names when they are first used, and a
# module may take `__version__` from it and nothing else. A module of a folder may have
# a row of its own, below the folder's.
ROWS: tuple[tuple[str, ...], ...] = (
    ("magics", "extension", "__main__"),
    (
        "completion",
        "subcommands",
        "status",
        "turn_commands",
        "file_commands",
        "cassette_commands",
        "code_commands",
        "doctor",
    ),
    ("panel/",),
    ("ask", "awaiting", "sides", "sweep/"),
    ("drawing",),
    ("session",),
    ("display/",),
    ("repair",),
    ("reply", "logprobs", "dry_run"),
    ("prompt", "typed"),
    ("conversation", "command"),
    ("running", "preparing", "streaming"),
    ("journal",),
    ("saving/",),
    ("resuming",),
    ("answering",),
    ("together",),
    (
        "options",
        "endpoint",
        "taped",
        "sending",
        "context",
        "spending",
        "turnstile",
        "calling",
        "carrying",
    ),
    ("catalogue", "client_parameters", "tools", "cassette/"),
    ("transport", "local/", "attachments/"),
    ("attachments/files/",),
    ("attachments/video/",),
    ("attachments/images/",),
    ("attachments/frames/",),
    ("attachments/sources/", "attachments/attached"),
    ("wire/", "gathering", "retrying", "clients"),
    ("markdown/", "usage", "keys"),
    ("events",),
    ("transcript/", "schema/", "settings", "folders"),
    ("errors",),
)


def sources(root: Path) -> dict[str, str]:
    """Return the text of each module by its path below the package, ``wire/chat``."""
    return {
        path.relative_to(root).with_suffix("").as_posix(): path.read_text("utf-8")
        for path in sorted(root.rglob("*.py"))
    }


def place(module: str) -> tuple[int, str] | None:
    """Return the row of a module, counted from the top, and its folder."""
    folder, slash, _ = module.rpartition("/")
    name = f"{folder}{slash}" if slash else module
    for own in (module, name):
        for number, row in enumerate(ROWS):
            if own in row:
                return number, folder
    return None


def find_module(dotted: str, modules: Mapping[str, str]) -> str | None:
    """Return the module that a dotted name means, or the one that holds the name."""
    path = "/".join(dotted.split(".")[1:])
    for candidate in (path, f"{path}/__init__".lstrip("/")):
        if candidate in modules:
            return candidate
    return find_module(dotted.rpartition(".")[0], modules) if path else None


def imported_names(module: str, source: str) -> Iterator[str]:
    """Yield the dotted name of everything of the package that a module imports."""
    package = [PACKAGE, *module.split("/")][:-1]
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
        yield from (name for name in found if name.split(".")[0] == PACKAGE)


def readable(argument: ast.expr) -> str:
    """Return a literal name, or the folder that an f-string begins with."""
    match argument:
        case ast.Constant(value=str(name)):
            return name
        case ast.JoinedStr(values=[ast.Constant(value=str(start)), *_]):
            return start.rpartition(".")[0]
        case _:
            return ""


def faults(modules: Mapping[str, str]) -> list[str]:
    """Return what is wrong with the imports of a package, a line each."""
    found = []
    graph: dict[str, set[str]] = {}
    for module, source in modules.items():
        if module == "__init__":
            continue
        if place(module) is None:
            found.append(f"{module} stands in no row")
            continue
        targets = {
            find_module(name, modules)
            for name in imported_names(module, source)
            if name != f"{PACKAGE}.__version__"
        }
        others = {target for target in targets if target} - {module}
        graph[module] = {target for target in others if may_import(module, target)}
        found += [
            f"{module} imports {target}" for target in sorted(others - graph[module])
        ]
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        found.append("cycle: " + " < ".join(error.args[1]))
    return found


def may_import(module: str, target: str) -> bool:
    """Whether a module stands above another, or beside it in one folder."""
    here, there = place(module), place(target)
    return (
        here is not None and there is not None and (here[0] < there[0] or here == there)
    )


MODULES = sources(ROOT / PACKAGE)


def test_every_import_points_downwards() -> None:
    assert faults(MODULES) == []


def test_imports_are_found() -> None:
    """Were none found, nothing could be wrong with them."""
    wanted = {"magics": "ask", "wire/chat": "wire/forms", "events": "errors"}
    for module, target in wanted.items():
        names = imported_names(module, MODULES[module])
        assert target in {find_module(name, MODULES) for name in names}


@pytest.mark.parametrize("name", [name for row in ROWS for name in row])
def test_every_entry_of_the_table_is_there(name: str) -> None:
    assert (ROOT / PACKAGE / name).is_dir() or name in MODULES


def test_whole_package_has_a_row() -> None:
    assert [module for module in MODULES if place(module) is None] == ["__init__"]


MADE_UP = {
    "__init__": "__version__ = '1'",
    "magics": "from stepmagic.ask import step",
    "ask": "from stepmagic import __version__, errors",
    "keys": "import stepmagic.errors",
    "usage": "",
    "errors": "",
    "wire/__init__": "from stepmagic.wire.chat import encode",
    "wire/chat": "from ..keys import find_key\nfrom .forms import word",
    "wire/forms": "import os, json",
    "transport": "import importlib\nimportlib.import_module(f'stepmagic.wire.{name}')",
    "attachments/__init__": "from stepmagic.attachments.files import attach_path",
    "attachments/attached": "from stepmagic.errors import StepError",
    "attachments/files/__init__": "from ..attached import Attached",
}


def test_good_tree_has_no_fault() -> None:
    assert faults(MADE_UP) == []


@pytest.mark.parametrize(
    ("module", "source", "fault"),
    [
        ("errors", "import stepmagic.ask", "errors imports ask"),
        ("errors", "from stepmagic.ask import step", "errors imports ask"),
        ("errors", "from stepmagic import ask", "errors imports ask"),
        ("errors", "from .ask import step", "errors imports ask"),
        ("errors", "from . import ask", "errors imports ask"),
        ("errors", "def f():\n    import stepmagic.ask", "errors imports ask"),
        (
            "errors",
            "if TYPE_CHECKING:\n    from stepmagic.ask import step",
            "errors imports ask",
        ),
        ("errors", "import_module('stepmagic.ask')", "errors imports ask"),
        ("errors", "importlib.import_module('.ask')", "errors imports ask"),
        ("errors", "__import__('stepmagic.ask')", "errors imports ask"),
        (
            "errors",
            "importlib.import_module(f'stepmagic.wire.{x}')",
            "errors imports wire/__init__",
        ),
        ("errors", "from stepmagic import wire", "errors imports wire/__init__"),
        ("errors", "from stepmagic import step", "errors imports __init__"),
        ("errors", "import stepmagic", "errors imports __init__"),
        ("wire/forms", "from ..transport import x", "wire/forms imports transport"),
        (
            "transport",
            "from stepmagic import attachments",
            "transport imports attachments/__init__",
        ),
        (
            "wire/forms",
            "from stepmagic.wire.chat import encode",
            "cycle: wire/chat < wire/forms < wire/chat",
        ),
        (
            "attachments/files/__init__",
            "from stepmagic.attachments import x",
            "attachments/files/__init__ imports attachments/__init__",
        ),
        (
            "attachments/attached",
            "from stepmagic.attachments import files",
            "attachments/attached imports attachments/files/__init__",
        ),
        ("usage", "import stepmagic.keys", None),
        ("helpers", "", "helpers stands in no row"),
        ("wire/inner/deep", "", "wire/inner/deep stands in no row"),
    ],
)
def test_fault_is_found(module: str, source: str, fault: str | None) -> None:
    found = faults({**MADE_UP, module: source})
    assert found == ([] if fault is None else [fault])


# ARCHITECTURE.md


@pytest.fixture
def documented() -> list[str]:
    """Return the modules that ARCHITECTURE.md names, in its order."""
    page = ROOT / "ARCHITECTURE.md"
    if not page.exists():
        pytest.skip("there is no ARCHITECTURE.md here")
    lines = page.read_text("utf-8").splitlines()
    return [
        name
        for line in lines
        if line.startswith("|")
        for name in re.findall(r"`([^`]+)`", line.split("|")[2])
    ]


def test_architecture_names_every_module(documented: list[str]) -> None:
    missing = [
        module
        for module in MODULES
        if module not in documented
        and f"{module.rpartition('/')[0]}/" not in documented
        and not module.endswith("/__init__")
    ]
    assert missing == []


def test_architecture_names_nothing_else(documented: list[str]) -> None:
    folders = {f"{module.rpartition('/')[0]}/" for module in MODULES}
    assert set(documented) <= set(MODULES) | folders


def test_architecture_has_the_rows_in_order(documented: list[str]) -> None:
    rows = [place(name) for name in documented if name != "__init__"]
    assert None not in rows
    numbers = [row[0] for row in rows if row is not None]
    assert numbers == sorted(numbers)
