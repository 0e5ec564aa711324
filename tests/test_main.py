"""``python -m stepmagic doctor`` against a server, without one, and without a key."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from openrouter_server import OpenRouterServer
from stepmagic.__main__ import examine, main
from stepmagic.settings import current


def said() -> str:
    """Return the findings, a line each."""
    return "\n".join(map(str, examine()))


def test_a_good_installation_is_said_to_be_good(
    server: OpenRouterServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", server.key)
    current().base_url = server.url
    findings = examine()
    assert all(finding.good for finding in findings)
    assert server.key not in said()


def test_a_refused_key_and_a_missing_one_are_named(
    server: OpenRouterServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    current().base_url = server.url
    assert "--  no API key: `%step key`" in said()
    monkeypatch.setenv("OPENROUTER_API_KEY", "sk-or-v1-wrong-key")
    text = said()
    assert "--  key from environment variable OPENROUTER_API_KEY: " in text
    assert "sk-or-v1-wrong-key" not in text


def test_a_server_that_is_away_is_named() -> None:
    current().base_url = "http://127.0.0.1:9/v1"
    assert "--  server http://127.0.0.1:9/v1: " in said()


def test_a_cache_folder_that_cannot_be_written_is_named(
    server: OpenRouterServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    current().base_url = server.url
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("STEPMAGIC_CACHE", str(blocked / "folder"))
    assert "cannot be written" in said()


def test_a_missing_engine_says_how_to_get_it(
    server: OpenRouterServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    current().base_url = server.url
    # The interpreter's own way to say that a module is not there.
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    assert 'pip install "stepmagic[local]"' in said()


def test_the_exit_status_says_whether_a_cell_could_be_answered(
    server: OpenRouterServer, capsys: pytest.CaptureFixture[str]
) -> None:
    current().base_url = server.url
    assert main(["doctor"]) == 0
    assert "stepmagic" in capsys.readouterr().out
    assert main(["docter"]) == 2
    assert main(["--help"]) == 0
    assert "usage: " in capsys.readouterr().err


def test_it_runs_as_a_module(server: OpenRouterServer) -> None:
    run = subprocess.run(
        [sys.executable, "-W", "error", "-m", "stepmagic", "doctor"],
        env={"OPENROUTER_API_KEY": server.key, "STEPMAGIC_BASE_URL": server.url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert f"ok  server {server.url} answers" in run.stdout
