"""``python -m stepmagic doctor``: checks of the installation, with what to do next."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from stepmagic import __version__, keys
from stepmagic.errors import ServerError
from stepmagic.server.http import look_up
from stepmagic.settings import cache_folder, current

_PACKAGES = ("ipython", "ipykernel", "ipywidgets", "jupyterlab", "notebook", "httpx")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One check and its result."""

    good: bool
    what: str
    answers: bool = False
    """Whether this is enough to answer a cell."""

    def __str__(self) -> str:
        return f"{'ok' if self.good else '--'}  {self.what}"


def examine() -> list[Finding]:
    """Return all findings; takes some seconds, since it asks the server."""
    return [*_installation(), *_folders(), *_server(), _engine()]


def _installation() -> Iterator[Finding]:
    yield Finding(
        good=True, what=f"stepmagic {__version__}, Python {platform.python_version()}"
    )
    found = []
    for package in _PACKAGES:
        try:
            found.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            found.append(f"{package} not installed")
    yield Finding(good=True, what=", ".join(found))


def _folders() -> Iterator[Finding]:
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".probe"
        probe.write_text("")
        probe.unlink()
    except OSError as exc:
        yield Finding(
            good=False,
            what=f"cache folder {folder} cannot be written ({exc.strerror}): models "
            "are listed again each time; set STEPMAGIC_CACHE to another folder",
        )
    else:
        yield Finding(good=True, what=f"cache folder {folder}")


def _server() -> Iterator[Finding]:
    base_url = current().base_url.rstrip("/")
    key = keys.find_key()
    try:
        look_up(f"{base_url}/models", key)
    except ServerError as exc:
        yield Finding(good=False, what=f"server {base_url}: {exc}")
        return
    yield Finding(good=True, what=f"server {base_url} answers")
    if key is None:
        what = f"no API key: `%step key` in a notebook, or set {keys.VARIABLE}"
        yield Finding(good=False, what=what, answers=keys.is_loopback(base_url))
        return
    try:
        look_up(f"{base_url}/key", key)
    except ServerError as exc:
        yield Finding(good=False, what=f"key from {key.source}: {exc}")
    else:
        yield Finding(good=True, what=f"key from {key.source}, accepted", answers=True)


def _engine() -> Finding:
    if importlib.util.find_spec("xllamacpp") is None:
        what = 'embedded engine: pip install "stepmagic[local]" for `%step model local`'
        return Finding(good=False, what=what)
    return Finding(good=True, what="embedded engine: `%step model local`", answers=True)


_USAGE = """\
usage: python -m stepmagic doctor

  doctor    check the installation, the key, the server and the embedded engine
"""


def main(arguments: list[str]) -> int:
    """Run a command; returns the exit code."""
    if arguments == ["doctor"]:
        findings = examine()
        sys.stdout.write("".join(f"{finding}\n" for finding in findings))
        return 0 if any(finding.answers for finding in findings) else 1
    sys.stderr.write(_USAGE)
    return 0 if arguments in ([], ["-h"], ["--help"]) else 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
