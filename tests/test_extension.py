"""What loading the extension costs and adds."""

from __future__ import annotations

import subprocess
import sys

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
    assert "stepmagic.magics" in added
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
