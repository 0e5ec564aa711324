"""Several ES modules become the one that anywidget takes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from paths import PACKAGE
from stepmagic.display.notebook.assets import page_module, page_style

SCRIPTS = sorted(PACKAGE.rglob("static/*.js"))
ENTRIES = [path for path in SCRIPTS if path.name in ("live.js", "panel.js")]


def written(folder: Path, **files: str) -> Path:
    """Write files and return the path of the last."""
    for name, text in files.items():
        path = folder / f"{name}.js"
        path.write_text(text, "utf-8")
    return path


def test_each_file_is_joined_once_after_those_it_imports(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    base = "// The base.\n\n/**\n * One * two.\n */\nexport const base = 1; // One.\n"
    written(tmp_path / "shared", base=base)
    entry = written(
        tmp_path,
        left='import { base } from "./shared/base.js";\n\n'
        "export async function left() {\n  return base;\n}\n",
        right='import {\n  base,\n} from "./shared/base.js";\n'
        "export class Right {}\nconst own = 2;\n",
        entry='import { Right } from "./right.js";\n'
        'import { left } from "./left.js";\nexport default () => left(Right);\n',
    )
    assert page_module(entry) == (
        "const base = 1; // One.\n\n"
        "class Right {}\nconst own = 2;\n\n"
        "async function left() {\n  return base;\n}\n\n"
        "export default () => left(Right);\n"
    )


def test_files_that_import_each_other_are_refused(tmp_path: Path) -> None:
    entry = written(
        tmp_path,
        one='import { two } from "./two.js";\nexport const one = 1;\n',
        two='import { one } from "./one.js";\nexport const two = 2;\n',
        entry='import { one } from "./one.js";\nexport default one;\n',
    )
    with pytest.raises(ValueError, match=r"entry\.js -> one\.js -> two\.js -> one\.js"):
        page_module(entry)


def test_a_name_that_two_files_declare_is_refused(tmp_path: Path) -> None:
    entry = written(
        tmp_path,
        one="let count = 0;\nexport const one = () => (count += 1);\n",
        entry='import { one } from "./one.js";\n'
        "function count() {}\nexport default one;\n",
    )
    with pytest.raises(ValueError, match=r"one\.js and entry\.js both declare count"):
        page_module(entry)


@pytest.mark.parametrize(
    "line",
    [
        'import { one as other } from "./one.js";',
        'import one from "./one.js";',
        'import * as one from "./one.js";',
        'import { html } from "lit";',
        "export { one };",
        'export * from "./one.js";',
    ],
)
def test_other_forms_of_import_and_export_are_refused(
    tmp_path: Path, line: str
) -> None:
    entry = written(tmp_path, one="export const one = 1;\n", entry=f"{line}\n")
    with pytest.raises(ValueError, match="cannot be joined"):
        page_module(entry)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda path: path.stem)
def test_a_widget_is_one_module_with_one_export(entry: Path) -> None:
    text = page_module(entry)
    assert re.findall(r"^(?:import|export)\b.*", text, re.MULTILINE) == [
        "export default () => {"
    ]
    assert "class AnswerView" in text


def test_every_script_belongs_to_a_widget() -> None:
    joined = "".join(map(page_module, ENTRIES))
    for path in SCRIPTS:
        lines = path.read_text("utf-8").splitlines()
        declared = [line for line in lines if line.startswith(("export ", "const "))]
        assert declared[-1].removeprefix("export ") in joined, path.name


def test_the_style_of_answers_comes_before_that_of_the_panel() -> None:
    style = page_style(PACKAGE / "panel" / "static" / "panel.css")
    assert style.startswith(page_style())
    assert ".sm-panel {" in style
