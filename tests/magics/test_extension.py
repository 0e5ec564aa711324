"""What loading the extension costs and adds."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from traitlets.config import Config

from stepmagic.errors import SettingError
from stepmagic.magics.extension import load
from stepmagic.settings import current

HEAVY = ("pandas", "numpy", "PIL", "pydantic", "rich", "anywidget", "httpx", "tqdm")

_LOAD = """
import sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
before = set(sys.modules)
shell.run_line_magic("load_ext", "stepmagic")
print(*sorted(set(sys.modules) - before))
"""


def test_loading_imports_nothing_heavy() -> None:
    run = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", _LOAD], capture_output=True, text=True, check=True
    )
    added = run.stdout.split()
    assert "stepmagic.magics.step" in added
    tops = {name.partition(".")[0] for name in added}
    assert not tops.intersection(HEAVY)
    assert not any(name.startswith(("markdown_it", "pygments")) for name in added)


def test_importing_the_package_imports_no_module_of_it() -> None:
    code = (
        "import sys, stepmagic; print(*(m for m in sys.modules if 'stepmagic.' in m));"
        "stepmagic.step; stepmagic.Conversation; stepmagic.Reply"
    )
    run = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert run.stdout.split() == []


def test_configuration_of_ipython_is_read(bare_shell: Any) -> None:
    bare_shell.config.merge(Config({"StepMagic": {"model": "a/b"}}))
    load(bare_shell)
    assert current().model == "a/b"


def test_configuration_that_cannot_be_used_adds_nothing(bare_shell: Any) -> None:
    bare_shell.config.merge(Config({"StepMagic": {"api": "soap"}}))
    with pytest.raises(SettingError, match=r"IPython's configuration .* 'api'"):
        load(bare_shell)
    assert bare_shell.find_line_magic("step") is None
    bare_shell.config.StepMagic.api = "chat"
    load(bare_shell)
    assert bare_shell.find_line_magic("step") is not None


def test_loading_again_changes_nothing(bare_shell: Any) -> None:
    load(bare_shell)
    magic = bare_shell.find_line_magic("step")
    load(bare_shell)
    assert bare_shell.find_line_magic("step") == magic
    assert bare_shell.configurables.count(current()) == 1
