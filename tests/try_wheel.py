"""Install the built wheel into a new environment and use it away from the checkout.

python tests/try_wheel.py dist
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

_USE = """
import pathlib, stepmagic
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_line_magic("load_ext", "stepmagic")
shell.run_line_magic("step", "model local")
assert shell.find_cell_magic("step") is not None
assert "site-packages" in str(pathlib.Path(stepmagic.__file__))
"""


def main(folder: str) -> int:
    """Try the newest wheel in a folder; returns the exit status."""
    wheels = sorted(Path(folder).glob("*.whl"), key=lambda path: path.stat().st_mtime)
    if not wheels:
        sys.stderr.write(f"no wheel in {folder}\n")
        return 1
    wheel = wheels[-1].resolve()
    with tempfile.TemporaryDirectory() as away:
        venv.create(Path(away) / "venv", with_pip=True)
        python = str(Path(away) / "venv" / "bin" / "python")
        install = [python, "-m", "pip", "install", "--quiet", str(wheel)]
        for command in (install, [python, "-c", _USE]):
            subprocess.run(command, check=True, cwd=away)  # noqa: S603 - our own
    sys.stdout.write(f"wheel: ok {wheel.name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
