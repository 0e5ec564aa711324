"""Where state is held between calls: by the session's objects, and in a few caches.

Every module is parsed, not imported: what its top level and its classes hold is listed,
and all that could change must be in the table below with its reason.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

import pytest

from paths import ROOT

PACKAGE = ROOT / "stepmagic"

ALLOWED = {
    "settings:kernel": "the table of the kernel's state, which the session resets",
    # Caches, in bounds: what is in them can be computed again.
    "attachments/images/pictures:CACHE": "encoded images, by their pixels",
    "attachments/frames/layout:cut": "shortened cells of a preview",
    "attachments/images/colours:_is_srgb": "what a colour profile does, by its bytes",
    "keys:is_loopback": "parsed addresses",
    "markdown/parser:_parser": "markdown-it-py's parser, slow to make",
    "server/connections:_trusted": "the trusted certificates, 20 ms to read",
    "wire/__init__:codec": "the codec of each protocol",
    "transcript/media_tokens:document_tokens": "estimates of documents, by their bytes",
    "transcript/parts:_base64": "encoded media, sent with every later turn",
    "transcript/parts:_digest": "checksums of media",
    "transcript/serialization:_hints": "the types of a dataclass's fields",
    # Locks
    "conversation/dialogue:_held_locks": "locks of a task, to refuse a deadlock",
    "attachments/images/matplotlib_figures:DRAWING": "matplotlib draws in one thread",
    "markdown/highlight:_PYGMENTS_LOCK": "Pygments works in one thread only",
    # Fork guards and what they guard: one loop for each process.
    "server/http:_background": "the thread of the event loop; a fork has its own",
    "server/http:_lost_to_fork": "fork guard: a parent's sockets must stay open",
    "server/http:_making": "lock of the above, new in a fork",
}

CACHES = ("cache", "functools.cache", "lru_cache", "functools.lru_cache")
FIXED_CALLS = {
    *("re.compile", "frozenset", "tuple", "object", "TypeVar", "os.terminal_size"),
    "Path(__file__).with_name",
    "Style",  # rich's styles have no setters
}
"""What returns a value that cannot be changed."""

MUTABLE_CALLS = {
    *("dict", "list", "set", "bytearray", "defaultdict", "OrderedDict", "Counter"),
    *("deque", "ContextVar", "Lock", "RLock", "Event", "Condition", "Semaphore"),
    *("WeakKeyDictionary", "WeakValueDictionary", "WeakSet", "SimpleQueue", "Queue"),
}
"""What a class may not hold for all its instances; its fields and traits are theirs."""

CHANGES = {
    *("append", "extend", "insert", "remove", "pop", "popitem", "clear", "update"),
    *("setdefault", "add", "discard", "sort", "reverse"),
}
"""Methods that change a list, dict or set."""


def fixed_names(trees: Mapping[str, ast.Module]) -> set[str]:
    """Return what makes values that cannot be changed, by their types.

    These are the frozen dataclasses of a package, and the functions that return one, a
    tuple or a string.
    """
    nodes = [node for tree in trees.values() for node in ast.walk(tree)]
    frozen = {
        node.name
        for node in nodes
        if isinstance(node, ast.ClassDef)
        and any("frozen=True" in ast.unparse(each) for each in node.decorator_list)
    }
    fixed = {*frozen, "tuple", "str", "frozenset"}
    functions = {
        node.name
        for node in nodes
        if isinstance(node, ast.FunctionDef)
        and node.returns is not None
        and ast.unparse(node.returns).partition("[")[0] in fixed
    }
    return frozen | functions


def changed_names(trees: Mapping[str, ast.Module]) -> set[str]:
    """Return the names whose value some function of a package changes in place."""
    found: set[str] = set()
    for tree in trees.values():
        for node in ast.walk(tree):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=attr)):
                    found |= {name} if attr in CHANGES else set()
                case ast.Subscript(
                    value=ast.Name(id=name), ctx=ast.Store() | ast.Del()
                ):
                    found.add(name)
                case ast.AugAssign(target=ast.Name(id=name)):
                    found.add(name)
                case _:
                    pass
    return found


def assignments(body: list[ast.stmt]) -> Iterator[tuple[str, ast.expr]]:
    """Yield what is assigned in a module or a class, outside its functions."""
    for node in body:
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    yield ast.unparse(target), value
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                yield ast.unparse(target), value
            case ast.ClassDef(name=name, body=inner):
                for attribute, value in assignments(inner):
                    yield f"{name}.{attribute}", value
            case ast.If() | ast.For() | ast.While() | ast.With() | ast.Try():
                inside = ast.iter_child_nodes(node)
                yield from assignments([n for n in inside if isinstance(n, ast.stmt)])
            case _:
                pass


def can_change(name: str, value: ast.expr, fixed: set[str], changed: set[str]) -> bool:
    """Whether a value that a module or class holds may be another one later."""
    last = name.rpartition(".")[2]
    if last.startswith("__"):
        return False  # Python's own, such as `__all__`
    match value:
        case ast.Dict() | ast.List() | ast.Set() | ast.ListComp() | ast.DictComp():
            is_empty = ast.unparse(value) in ("{}", "[]")
            return is_empty or last != last.upper() or last in changed
        case ast.Call(func=called):
            text = ast.unparse(called)
            if "." in name:
                return text.rpartition(".")[2] in MUTABLE_CALLS
            return text not in FIXED_CALLS and text.partition(".")[0] not in fixed
        case _:
            return False


def state(sources: Mapping[str, str]) -> set[str]:
    """Return what the modules of a package hold that can change, by module and name."""
    trees = {module: ast.parse(source) for module, source in sources.items()}
    fixed, changed = fixed_names(trees), changed_names(trees)
    found = set()
    for module, tree in trees.items():
        for name, value in assignments(tree.body):
            if can_change(name, value, fixed, changed):
                found.add(f"{module}:{name}")
        for node in ast.walk(tree):
            if isinstance(node, ast.Global):
                found |= {f"{module}:{name}" for name in node.names}
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and any(
                ast.unparse(each).partition("(")[0] in CACHES
                for each in node.decorator_list
            ):
                found.add(f"{module}:{node.name}")
    return found


SOURCES = {
    path.relative_to(PACKAGE).with_suffix("").as_posix(): path.read_text("utf-8")
    for path in sorted(PACKAGE.rglob("*.py"))
}


def test_state_of_modules_is_the_table() -> None:
    assert state(SOURCES) == set(ALLOWED)


@pytest.mark.parametrize(
    ("source", "names"),
    [
        # What can change.
        ("_cache = {}", {"_cache"}),
        ("_CACHE: dict[str, int] = {}", {"_CACHE"}),
        ("_waiting: list[int] = []", {"_waiting"}),
        ("_known = {'a': 1}", {"_known"}),
        ("_seen = set()", {"_seen"}),
        ("if True:\n    _late = []", {"_late"}),
        ("_lock = threading.Lock()", {"_lock"}),
        ("_held = ContextVar('held')", {"_held"}),
        ("_session = Session()", {"_session"}),
        ("@dataclass\nclass Box: ...\nBOX = Box()", {"BOX"}),
        ("_links = weakref.WeakKeyDictionary()", {"_links"}),
        ("@functools.cache\ndef load(): ...", {"load"}),
        ("@lru_cache(maxsize=2)\ndef load(): ...", {"load"}),
        ("class A:\n    @cache\n    def load(self): ...", {"load"}),
        ("_one = None\ndef one():\n    global _one\n    _one = 1", {"_one"}),
        ("class A:\n    shared = []", {"A.shared"}),
        ("class A:\n    lock = threading.Lock()", {"A.lock"}),
        ("NAMES = ['a']\ndef f(): NAMES.append('b')", {"NAMES"}),
        ("NAMES = {'a': 1}\ndef f(): NAMES['b'] = 2", {"NAMES"}),
        ("NAMES = {'a': 1}\ndef f():\n    del NAMES['a']", {"NAMES"}),
        ("NAMES = {'a'}\ndef f():\n    global NAMES\n    NAMES |= {'b'}", {"NAMES"}),
        # What cannot, or does not.
        ("NAMES = {'a': 1}\ndef f(): return NAMES['a']", set()),
        ("__all__ = ['a']", set()),
        ("_WORD = re.compile('a')\n_MOST = 5\n_KINDS = ('a', 'b')", set()),
        ("@dataclass(frozen=True)\nclass Box: ...\nBOX = Box()", set()),
        ("def make() -> tuple[int, ...]: ...\nMADE = make()", set()),
        ("class A:\n    x: list[int] = field(default_factory=list)", set()),
        ("def f():\n    found = []\n    found.append(1)", set()),
    ],
)
def test_state_is_found(source: str, names: set[str]) -> None:
    assert state({"made_up": source}) == {f"made_up:{name}" for name in names}


def test_constant_that_another_module_changes_is_found() -> None:
    sources = {"one": "NAMES = {'a': 1}", "two": "def f(): NAMES.update(b=2)"}
    assert state(sources) == {"one:NAMES"}
