"""Files opened with care, addresses passed on, and what is kept back as secret."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from stepmagic.attachments.files.source import open_source, refuse_private_key
from stepmagic.attachments.files.urls import check_url, is_url, url_notices
from stepmagic.errors import AttachmentError

PRIVATE_KEY = "-----BEGIN OPENSSH " + "PRIVATE KEY-----\nb3Blbn\n"


def refusal(path: Path | str, name: str = "x") -> str:
    """Return why a file cannot be opened."""
    with pytest.raises(AttachmentError) as caught, open_source(path, name):
        pass
    return str(caught.value)


# Stored files


def test_stored_file_is_read_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "Data.CSV"
    path.write_bytes(b"a,b\n1,2\n")
    with open_source(path, "data") as source:
        assert (source.name, source.suffix, source.size) == ("data", ".csv", 8)
        assert source.path == path
        assert source.head() == source.read(8, advice="") == b"a,b\n1,2\n"
        assert "a,b" not in repr(source)
    assert source.file.closed


def test_home_folder_is_found() -> None:
    Path("~/notes.txt").expanduser().write_text("x")
    with open_source("~/notes.txt", "notes") as source:
        assert source.read(1, advice="") == b"x"


def test_larger_file_than_may_be_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(bytes(3000))
    with (
        open_source(path, "a.txt") as source,
        pytest.raises(AttachmentError, match=r"`a.txt` is 3.0 KB; at most 2.9 KB"),
    ):
        source.read(2900, advice="Send less.")


def test_file_that_grows_is_read_no_further(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(b"12")
    with open_source(path, "a.log") as source:
        with path.open("ab") as file:
            file.write(b"345")
        with pytest.raises(
            AttachmentError, match=r"`a.log` is 4 bytes; at most 3"
        ) as e:
            source.read(3, advice="Try again.")
        assert str(e.value).endswith("Try again.")


def test_failing_read_is_an_attachment_error(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(b"12")
    with open_source(path, "a.log") as source:
        # A folder opens like a file, and fails when it is read.
        folder = os.open(tmp_path, os.O_RDONLY)
        os.dup2(folder, source.file.fileno())
        os.close(folder)
        with pytest.raises(AttachmentError, match=r"`a.log` cannot be read: Is a"):
            source.read(3, advice="")


def test_folder_is_refused_with_a_glob_as_the_way_round(tmp_path: Path) -> None:
    assert "`plots/` is a folder" in refusal(tmp_path, "plots/")
    assert "such as `plots/*.png`" in refusal(tmp_path, "plots/")


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/null", "/proc/self/environ"])
def test_what_the_system_makes_up_is_refused(path: str) -> None:
    if not Path(path).exists():
        pytest.skip(f"this system has no {path}")
    assert "is not a regular file" in refusal(path)


def test_pipe_is_refused_without_waiting_for_a_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "is not a regular file" in refusal(tmp_path / "pipe")


def test_socket_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s")
        assert "is not a regular file" in refusal("s")


def test_missing_and_unreadable_files_are_refused(tmp_path: Path) -> None:
    assert "No such file" in refusal(tmp_path / "missing")
    (tmp_path / "dangling").symlink_to("missing")
    assert "No such file" in refusal(tmp_path / "dangling")
    (tmp_path / "loop").symlink_to("loop")
    assert "`x` cannot be read" in refusal(tmp_path / "loop")
    assert "null" in refusal("a\0b")
    assert "`x` cannot be read" in refusal("~nobody-of-this-name/x")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_file_without_permission_is_refused(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.txt"
    path.write_text("x")
    path.chmod(0)
    assert "Permission denied" in refusal(path)


# Secrets


@pytest.mark.parametrize(
    "name",
    [
        ".env",
        ".env.local",
        "prod.env",
        ".ENV",
        "id_rsa",
        "id_ed25519",
        ".netrc",
        ".npmrc",
        ".pypirc",
        ".git-credentials",
        "store.p12",
        ".aws/credentials",
        ".docker/config.json",
    ],
)
def test_file_of_secrets_is_refused_by_its_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("x")
    assert "keys or passwords are kept" in refusal(path, name)
    link = tmp_path / "harmless.txt"
    link.symlink_to(path)
    assert f"`harmless.txt` ({path.name}) is a file" in refusal(link, "harmless.txt")


@pytest.mark.parametrize(
    "name", [".env.example", "id_rsa.pub", "environment.yml", "credentials", "a.pem"]
)
def test_other_names_are_no_secret(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("x")
    with open_source(tmp_path / name, name) as source:
        assert source.read(1, advice="") == b"x"


def test_link_that_names_a_secret_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("x")
    (tmp_path / ".netrc").symlink_to("data")
    assert "keys or passwords" in refusal(tmp_path / ".netrc", ".netrc")


@pytest.mark.parametrize("kind", ["", "RSA ", "OPENSSH ", "ENCRYPTED ", "PGP "])
def test_private_key_is_told_by_its_text(kind: str) -> None:
    key = f"comment\n  -----BEGIN {kind}" + "PRIVATE KEY-----\n"
    with pytest.raises(AttachmentError, match="`x` contains a private key"):
        refuse_private_key(key, "x")


def test_public_keys_and_talk_of_private_ones_are_no_secret() -> None:
    refuse_private_key("-----BEGIN PUBLIC KEY-----", "x")
    refuse_private_key("starts with -----BEGIN PRIVATE" + " KEY-----", "x")


# Addresses


@pytest.mark.parametrize(
    ("word", "yes"),
    [
        ("https://example.org/a.png", True),
        ("HTTP://example.org", True),
        ("ftp://example.org/a.png", False),
        ("file:///etc/passwd", False),
        ("data:image/png;base64,AAAA", False),
        ("example.org/a.png", False),
        ("df", False),
    ],
)
def test_only_web_addresses_are_urls(word: str, *, yes: bool) -> None:
    assert is_url(word) is yes


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("https://", "is not an address that starts with"),
        ("https:///a.png", "is not an address that starts with"),
        ("ftp://example.org/a.png", "is not an address that starts with"),
        ("https://example.org/a b.png", "is not an address that starts with"),
        ("https://example.org/a\n.png", "is not an address that starts with"),
        ("https://[::1/a.png", "is not an address"),
        ("https://example.org:port/", "is not an address"),
        ("https://me@example.org/a.png", "user name or password"),
        ("https://me:s3cret@example.org/a.png", "user name or password"),
        ("https://me:s3cret@example.org:port/", "is not an address"),
        ("https://me:s3cret@/a.png", "is not an address that starts with"),
    ],
)
def test_unusable_address_is_refused_without_its_password(url: str, says: str) -> None:
    with pytest.raises(AttachmentError, match=says) as caught:
        check_url(url, url)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "is_near"),
    [
        ("https://example.org/a", False),
        ("https://8.8.8.8/a", False),
        ("http://localhost:8888/a", True),
        ("http://printer.local/a", True),
        ("http://127.0.0.1/a", True),
        ("http://192.168.1.7/a", True),
        ("http://[::1]/a", True),
    ],
)
def test_host_near_by_is_told(url: str, *, is_near: bool) -> None:
    assert bool(url_notices(check_url(url, url))) is is_near
