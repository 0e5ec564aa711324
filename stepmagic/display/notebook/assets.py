"""The script of a widget as one ES module, and its style sheet.

anywidget takes the text of one module. Ours are several files that import names from
each other, so that editors and checkers can follow them; ``page_module`` joins them
without a bundler: each file once, after those that it imports, without its ``import``
lines, ``export`` keywords and comments (a live view sends the text with each reply).
All names are then in one scope, so no name may be declared twice; and an import may not
rename.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

_STATIC = Path(__file__).parent / "static"
_IMPORT = re.compile(
    r'^import \{\s*[\w$]+(?:,\s*[\w$]+)*,?\s*\} from "(\.[^"]+)";\n', re.MULTILINE
)
_EXPORT = re.compile(r"^export (?=async |class |const |function |let )", re.MULTILINE)
_COMMENT = re.compile(r"^ *(?://.*|/\*\*(?:[^*]|\*(?!/))*\*/)\n", re.MULTILINE)
_DECLARED = re.compile(
    r"^(?:async )?(?:class|const|function|let|var) ([\w$]+)", re.MULTILINE
)
_NOT_JOINED = re.compile(r"^(?:import|export)\b(?! default).*", re.MULTILINE)


def page_module(entry: Path) -> str:
    """Return a file and all that it imports as the text of one module.

    Args:
        entry: The file whose ``export default`` is the widget.

    Raises:
        ValueError: The files cannot be joined: their imports form a cycle, two of them
            declare one name, or one has an ``import`` or ``export`` of another form.
    """
    joined: list[str] = []
    declared: dict[str, str] = {}
    for path in dict.fromkeys(_in_order(entry.resolve(), ())):
        text = _COMMENT.sub("", path.read_text("utf-8"))
        text = _EXPORT.sub("", _IMPORT.sub("", text)).strip("\n")
        if found := _NOT_JOINED.search(text):
            message = f"{path.name} has a line that cannot be joined: {found[0]}"
            raise ValueError(message)
        for name in _DECLARED.findall(text):
            if other := declared.get(name):
                message = f"{other} and {path.name} both declare {name}"
                raise ValueError(message)
            declared[name] = path.name
        joined.append(text)
    return "\n\n".join(joined) + "\n"


def page_style(*files: Path) -> str:
    """Return ``view.css`` and more files, in order, as the text of one style sheet."""
    paths = (_STATIC / "view.css", *files)
    return "\n".join(path.read_text("utf-8") for path in paths)


def _in_order(path: Path, importers: tuple[Path, ...]) -> Iterator[Path]:
    """Yield the files that a file imports, then the file itself."""
    if path in importers:
        cycle = " -> ".join(each.name for each in (*importers, path))
        message = f"these files import each other: {cycle}"
        raise ValueError(message)
    for address in _IMPORT.findall(path.read_text("utf-8")):
        yield from _in_order((path.parent / address).resolve(), (*importers, path))
    yield path
