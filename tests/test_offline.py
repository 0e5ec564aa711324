"""The guard of the strict run of a notebook: nothing leaves this machine."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from openrouter_server import OpenRouterServer
from paths import TESTS

OFFLINE = TESTS / "offline"


def run(code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a Python that has the guard."""
    return subprocess.run(  # noqa: S603 - this very Python, and code from below
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(OFFLINE)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(
    "code",
    [
        "socket.create_connection(('192.0.2.1', 80), timeout=1)",
        "socket.create_connection(('openrouter.ai', 443), timeout=1)",
        "socket.gethostbyname('openrouter.ai')",
        "socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 53))",
        "urllib.request.urlopen('https://openrouter.ai/api/v1/models')",
    ],
)
def test_nothing_leaves_this_machine(code: str) -> None:
    ran = run(f"import socket, urllib.request\n{code}")
    assert ran.returncode != 0
    assert "the network is blocked" in ran.stderr


def test_this_machine_can_be_reached(server: OpenRouterServer) -> None:
    code = f"import urllib.request as r\nprint(r.urlopen('{server.url}/models').status)"
    ran = run(code)
    assert (ran.stdout, ran.returncode) == ("200\n", 0), ran.stderr


def test_sockets_in_files_are_of_this_machine() -> None:
    code = (
        "import socket, tempfile\n"
        "place = tempfile.mkdtemp() + '/s'\n"
        "listening = socket.socket(socket.AF_UNIX)\n"
        "listening.bind(place)\n"
        "listening.listen()\n"
        "socket.socket(socket.AF_UNIX).connect(place)\n"
    )
    assert run(code).returncode == 0
