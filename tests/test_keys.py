"""Keys: where one is found, where it may go, and that it is never seen."""

from __future__ import annotations

import copy
import importlib
import json
import logging
import pickle
import pprint
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepmagic import keys
from stepmagic.keys import REDACTED, VARIABLE, Key
from stepmagic.server.endpoint import Endpoint
from stepmagic.server.http import Call
from stepmagic.session import session

SECRET = "sk-or-v1-0123456789abcdef"  # a made-up key


@pytest.fixture
def key() -> Key:
    return Key(SECRET, "a test")


def found() -> tuple[str, str] | None:
    """Return the key that is found and where."""
    key = keys.find_key()
    return None if key is None else (key.reveal(), key.source)


# How a key shows


def test_key_shows_where_it_came_from(key: Key) -> None:
    assert repr(key) == str(key) == f"{key}" == "Key(from a test)"


def test_key_shows_in_no_text(key: Key, caplog: pytest.LogCaptureFixture) -> None:
    call = Call(url="https://example.org", key=key)
    endpoint = Endpoint(base_url="https://example.org", model="m", key=key)
    logging.getLogger("test").warning("asked with %s, %r", key, [key])
    shown = [
        f"{key!r:>60}{key!s}",
        "{} {!r}".format(key, {"key": key}),
        "%s" % [key],
        repr(call),
        repr(endpoint),
        pprint.pformat([call, {key: key}]),
        caplog.text,
        str(dir(key)),
    ]
    assert SECRET not in "".join(shown)


def test_key_has_no_vars(key: Key) -> None:
    with pytest.raises(TypeError, match="__dict__"):
        vars(key)


@pytest.mark.parametrize("copied", [pickle.dumps, copy.copy, copy.deepcopy, json.dumps])
def test_key_is_not_written_or_copied(key: Key, copied: Any) -> None:
    with pytest.raises(TypeError) as caught:
        copied(key)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("mode", ["Verbose", "Context"])
def test_key_shows_in_no_traceback(
    bare_shell: Any,
    mode: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """``%xmode Verbose`` prints the local variables of every frame."""
    monkeypatch.setenv(VARIABLE, SECRET)
    bare_shell.run_line_magic("xmode", mode)
    capsys.readouterr()
    bare_shell.run_cell(
        "from stepmagic.keys import find_key\n"
        "def fail(key):\n"
        "    held = [key, {'key': key}]\n"
        "    raise ValueError(held)\n"
        "fail(find_key())"
    )
    shown = capsys.readouterr().out
    assert "Key(from environment variable" in shown
    assert SECRET not in shown


def test_white_space_around_a_key_is_dropped() -> None:
    assert Key(f" {SECRET}\n", "a test").reveal() == SECRET


def test_empty_key_is_none() -> None:
    assert not Key("  ", "a test")


@pytest.mark.parametrize(
    ("value", "sendable"),
    [(SECRET, True), ("sk-or-\nv1", False), ("sk-or-\0", False), ("schlüssel", False)],
)
def test_header_carries_printable_ascii_alone(value: str, *, sendable: bool) -> None:
    assert Key(value, "a test").is_sendable is sendable


# Redaction


def test_key_is_redacted_wherever_it_stands(key: Key) -> None:
    body = json.dumps({"error": f"bad key {SECRET}, yes, {SECRET}"})
    assert key.redact(body) == f'{{"error": "bad key {REDACTED}, yes, {REDACTED}"}}'


@given(st.text(), st.text())
def test_redacted_text_holds_no_key(before: str, after: str) -> None:
    assert SECRET not in Key(SECRET, "a test").redact(before + SECRET + after)


@given(st.text(alphabet="abc \n"))
def test_text_without_the_key_stays(text: str) -> None:
    assert Key(SECRET, "a test").redact(text) == text


def test_placeholder_of_a_local_server_is_no_secret() -> None:
    assert Key("ollama", "a test").redact("ollama is up") == "ollama is up"
    assert not Key("ollama", "a test").is_in("ollama is up")
    assert not Key("ollama", "a test").is_in(b"ollama is up")


def test_texts_and_files_that_hold_the_key_are_known() -> None:
    key = Key(SECRET, "a test")
    for held in (f"is {SECRET} it?", f"%PDF {SECRET}".encode()):
        assert key.is_in(held)
    for other in (SECRET[:-1], SECRET[:-1].encode(), "", b""):
        assert not key.is_in(other)


# Where a key is found


def test_no_key_is_found_in_a_bare_environment() -> None:
    assert keys.find_key() is None


def test_entered_key_comes_before_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(VARIABLE, "from-environment")
    assert found() == ("from-environment", f"environment variable {VARIABLE}")
    assert session().keys.enter(" entered ") == "this kernel"
    assert found() == ("entered", "%step key, kept in this kernel")
    session().keys.forget()
    assert found() == ("from-environment", f"environment variable {VARIABLE}")


def test_blank_variable_is_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, " \n")
    assert keys.find_key() is None


class Wallet:
    """What a keyring of a test holds, and whether it is locked."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, str], str] = {}
        self.locked = False

    def open(self) -> dict[tuple[str, str], str]:
        if self.locked:
            message = "the keyring is locked"
            raise RuntimeError(message)
        return self.held


@pytest.fixture
def wallet() -> Iterator[Wallet]:
    """Make the system keyring one that keeps passwords in memory."""
    keyring: Any = pytest.importorskip("keyring")
    backend: Any = importlib.import_module("keyring.backend")
    wallet = Wallet()

    class Memory(backend.KeyringBackend):  # type: ignore[misc]  # Any: optional module
        priority = 1.0

        def get_password(self, service: str, username: str) -> str | None:
            return wallet.open().get((service, username))

        def set_password(self, service: str, username: str, password: str) -> None:
            wallet.open()[service, username] = password

    before = keyring.get_keyring()
    keyring.set_keyring(Memory())
    yield wallet
    keyring.set_keyring(before)


def test_keyring_comes_after_the_environment(
    wallet: Wallet, monkeypatch: pytest.MonkeyPatch
) -> None:
    wallet.held["stepmagic", "openrouter"] = " from-keyring\n"
    assert found() == ("from-keyring", "the system keyring")
    monkeypatch.setenv(VARIABLE, "from-environment")
    assert found() == ("from-environment", f"environment variable {VARIABLE}")


def test_entered_key_is_kept_in_the_keyring_when_asked(wallet: Wallet) -> None:
    assert keys.can_remember()
    session().keys.enter(SECRET)
    assert wallet.held == {}
    assert session().keys.enter(f"{SECRET}\n", remember=True) == "the system keyring"
    assert list(wallet.held.values()) == [SECRET]
    assert found() == (SECRET, "%step key, kept in the system keyring")
    session().keys.forget()
    assert found() == (SECRET, "the system keyring")


def test_empty_keyring_has_no_key(wallet: Wallet) -> None:
    assert wallet.held == {}
    assert keys.find_key() is None


def test_locked_keyring_is_passed_over(wallet: Wallet) -> None:
    wallet.locked = True
    assert keys.find_key() is None
    assert session().keys.enter(SECRET, remember=True) == "this kernel"
    assert found() == (SECRET, "%step key, kept in this kernel")


def test_keyring_without_a_backend_remembers_nothing() -> None:
    assert not keys.can_remember()
    assert session().keys.enter(SECRET, remember=True) == "this kernel"


def test_no_keyring_need_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert not keys.can_remember()
    assert keys.find_key() is None


@pytest.fixture
def colab(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """Return the file that stands for Colab's secrets, in a package of that name."""
    monkeypatch.delitem(sys.modules, "google", raising=False)
    package = tmp_path / "google" / "colab"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module("google.colab")
    yield package / "userdata.py"
    for name in ("google", "google.colab", "google.colab.userdata"):
        sys.modules.pop(name, None)


def test_colab_secrets_come_last(colab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    colab.write_text(
        f"def get(name):\n    return {{{VARIABLE!r}: ' {SECRET}'}}[name]\n"
    )
    assert found() == (SECRET, "Colab secrets")
    monkeypatch.setenv(VARIABLE, "from-environment")
    assert found() == ("from-environment", f"environment variable {VARIABLE}")


@pytest.mark.parametrize(
    "body", ["raise PermissionError('notebook access is off')", "return None"]
)
def test_secret_that_colab_withholds_is_no_key(colab: Path, body: str) -> None:
    colab.write_text(f"def get(name):\n    {body}\n")
    assert keys.find_key() is None


# Where a key may go


@pytest.mark.parametrize(
    "url",
    [
        "https://openrouter.ai/api/v1",
        "HTTPS://openrouter.ai/api/v1",
        "http://localhost:11434/v1",
        "http://LOCALHOST/v1",
        "http://127.0.0.1:8080",
        "http://127.255.0.1",
        "http://[::1]:8080/v1",
        "http://user@127.0.0.1/",
    ],
)
def test_key_goes_over_https_or_stays_on_this_machine(url: str) -> None:
    assert keys.may_carry_key(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://openrouter.ai/api/v1",
        "http://localhost@evil.example/",
        "http://localhost:80@evil.example/",
        "http://127.0.0.1.evil.example/",
        "http://localhost.evil.example/",
        "http://evil.localhost/",
        "http://evil.example/?https://openrouter.ai",
        "http://evil.example#@localhost",
        "http://evil.example\\@localhost.evil.example",
        "http://0.0.0.0/",
        "http://10.0.0.1/",
        "http://[::2]/",
        "http://[::1",
        "http://2130706433/",
        "http://",
        "",
        "openrouter.ai/api/v1",
        "httpsx://evil.example",
    ],
)
def test_key_stays_at_home_elsewhere(url: str) -> None:
    assert not keys.may_carry_key(url)


@given(st.text())
def test_any_text_is_judged(url: str) -> None:
    assert keys.is_loopback(f"http://{url}") <= keys.may_carry_key(f"http://{url}")
