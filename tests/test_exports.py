"""The public names, and a docstring on each."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import stepmagic
from paths import ROOT
from stepmagic.conversation.dialogue import Dialogue
from stepmagic.conversation.stream import TurnStream, TurnStreams
from stepmagic.schema import Schema
from stepmagic.schema.tools import Tool

PATHS = sorted((ROOT / "stepmagic").rglob("*.py"))
FACES = [path for path in PATHS if path.name == "__init__.py"]


@dataclass
class Item:
    """A record."""

    name: str = "pen"


def test_public_names_are_sorted() -> None:
    assert stepmagic.__all__ == sorted(stepmagic.__all__)


def test_public_names_are_importable() -> None:
    assert [
        name for name in stepmagic.__all__ if getattr(stepmagic, name) is None
    ] == []
    assert set(stepmagic.__all__) <= set(dir(stepmagic))


def test_star_import_brings_the_public_names() -> None:
    namespace: dict[str, object] = {}
    exec("from stepmagic import *", namespace)  # noqa: S102 - our own line
    assert set(stepmagic.__all__) <= namespace.keys()


def test_other_names_are_not_there() -> None:
    with pytest.raises(AttributeError, match="'stepmagic' has no attribute 'stepp'"):
        importlib.import_module("stepmagic").stepp  # noqa: B018 - reading is the test


def test_everything_in_a_public_signature_is_public() -> None:
    """Whoever annotates what they got, or matches on it, finds its class here."""
    public = {getattr(stepmagic, name) for name in stepmagic.__all__}
    missing = {
        f"{owner}: {kind.__qualname__}"
        for owner, function in public_functions()
        for kind in classes_in(typing.get_type_hints(function))
        if kind.__module__.startswith("stepmagic.") and kind not in public
    }
    assert missing - STRUCTURAL == set()


STRUCTURAL = {"batch: HasColumns", "abatch: HasColumns"}
"""Protocols that no value is an instance of by name."""


def public_functions() -> Iterator[tuple[str, Any]]:
    """Yield the public functions, and the methods and properties of public classes."""
    for name in stepmagic.__all__:
        found = getattr(stepmagic, name)
        if inspect.isfunction(found):
            for each in (found, *typing.get_overloads(found)):
                yield name, each
        if not inspect.isclass(found):
            continue
        for attribute, held in vars(found).items():
            function = getattr(held, "fget", getattr(held, "__func__", held))
            if not attribute.startswith("_") and inspect.isfunction(function):
                yield f"{name}.{attribute}", function


def classes_in(hint: Any) -> Iterator[type]:
    """Yield the classes that a type is made of."""
    if isinstance(hint, dict):
        parts = tuple(hint.values())
    elif isinstance(hint, list):
        parts = tuple(hint)
    else:
        bound = getattr(hint, "__bound__", None)
        parts = (*typing.get_args(hint), *([] if bound is None else [bound]))
    if inspect.isclass(hint) and not typing.get_args(hint):
        yield hint
    elif inspect.isclass(origin := typing.get_origin(hint)):
        yield origin
    for part in parts:
        yield from classes_in(part)


def test_signatures_are_looked_into() -> None:
    found = {name: list(classes_in(typing.get_type_hints(f))) for name, f in SOME}
    assert stepmagic.Turn in found["Conversation.undo"]
    assert stepmagic.Replies in found["step"]
    assert stepmagic.Finish in found["Conversation.stream"]


SOME = [each for each in public_functions() if each[0] != "preview"]


@pytest.mark.parametrize("path", FACES, ids=lambda path: path.parent.name)
def test_face_exports_no_name_of_its_own_modules(path: Path) -> None:
    """Else the name means the module or what is in it, as imports happen to go."""
    modules = {each.stem for each in path.parent.iterdir()} - {"__init__"}
    face = importlib.import_module(".".join(path.parent.relative_to(ROOT).parts))
    tree = ast.parse(path.read_text("utf-8"))
    conditional = [
        node for each in tree.body if isinstance(each, ast.If) for node in each.body
    ]
    imported = {
        alias.asname or alias.name
        for node in (*tree.body, *conditional)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    names = imported | set(getattr(face, "__all__", ()))
    # A face may import its modules as modules; `getattr` runs one that is lazy.
    clashes = {
        name for name in names & modules if not inspect.ismodule(getattr(face, name))
    }
    assert clashes == set()


def public_objects() -> dict[str, Any]:
    """Return one of each kind of object that a user meets, by its name."""

    def search(words: str) -> str:
        """Search."""
        return words

    usage = stepmagic.Usage(cost_usd=0.1)
    call = stepmagic.ToolCall(id="1", name="search")
    text = stepmagic.Text(text="Yes.")
    turn = stepmagic.Turn(
        parent=None,
        prompt=stepmagic.user("Is it?"),
        replies=(stepmagic.Message(role="assistant", parts=(text, call)),),
        usage=usage,
    )
    failed = stepmagic.StepError("It failed.")
    dialogue = Dialogue("plots")
    objects = (
        stepmagic.Conversation("plots"),
        stepmagic.Conversation(),
        stepmagic.Panel("plots"),
        stepmagic.preview([{"a": 1}]),
        stepmagic.Reply(turn),
        stepmagic.Replies([stepmagic.Reply(turn)]),
        stepmagic.Reply(turn).logprobs,
        stepmagic.Reply(turn).to_dict(),
        stepmagic.Code("x = 1", "python"),
        stepmagic.Records([Item()]),
        turn,
        failed,
        stepmagic.Interrupted("stopped"),
        stepmagic.Image(media_type="image/png", data=b"png"),
        stepmagic.Finish(reason="error", error=failed),
        stepmagic.Retry(attempt=2, attempts=3, wait_s=1.0, error=failed),
        stepmagic.ConfirmTool(call=call),
        stepmagic.PartStart(index=0, part=text),
        Tool.of(search),
        Schema.of(list[Item]),
        dialogue,
        TurnStream(dialogue.tree),
        TurnStreams(dialogue.tree, count=2),
    )
    return {f"{type(each).__name__} {n}": each for n, each in enumerate(objects)}


def test_no_repr_shows_an_address() -> None:
    """It would be another one in each run, in notebooks and in what a model reads."""
    found = {name: repr(each) for name, each in public_objects().items()}
    shown = {name: text for name, text in found.items() if ADDRESS.search(text)}
    assert shown == {}


ADDRESS = re.compile(r"\b0x[0-9a-fA-F]+")


# Faces: packages that import a module when a name of it is first used.

LAZY = {
    ".".join(path.parent.relative_to(ROOT).parts): path
    for path in FACES
    if "_HOMES = {" in path.read_text("utf-8") and path.parent.name != "stepmagic"
}


@pytest.mark.parametrize("package", LAZY)
def test_lazy_names_are_there(package: str) -> None:
    module = importlib.import_module(package)
    assert set(module._HOMES) <= set(module.__all__)
    for name in module.__all__:
        assert getattr(module, name) is not None
        assert name in vars(module), "it is looked up once"
    with pytest.raises(AttributeError, match=f"'{package}' has no attribute 'nothing'"):
        module.nothing  # noqa: B018 - reading is the test


def test_faces_find_their_names_in_the_same_way() -> None:
    texts = {
        path.read_text("utf-8").partition("def __getattr__")[2]
        for path in LAZY.values()
    }
    assert len(LAZY) > 3
    assert len(texts) == 1


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


def test_every_public_name_has_a_docstring() -> None:
    found = {
        str(path.relative_to(ROOT)): names
        for path in PATHS
        if (names := list(undocumented(path.read_text("utf-8"))))
    }
    assert found == {}
    assert len(PATHS) > 100


def test_missing_docstring_is_found() -> None:
    source = (
        "class A:\n    '''Yes.'''\n    def b(self): ...\n    def _c(self): ...\n"
        "    class D: ...\n"
        "async def e(): ...\ndef _f(): ...\ndef g():\n    '''Yes.'''\n"
        "@overload\ndef h(): ...\n"
    )
    assert set(undocumented(source)) == {"the module", "A.b", "A.D", "e"}
