"""Where a model answers, and what is never sent there."""

from __future__ import annotations

import pytest

from stepmagic.errors import AttachmentError, KeyMissing
from stepmagic.keys import Key
from stepmagic.server.cassette.endpoint import ReplayEndpoint
from stepmagic.server.catalogue import Catalogue
from stepmagic.server.endpoint import Endpoint, find_endpoint, find_server, refuse_key
from stepmagic.server.options import Options, Overrides, resolve
from stepmagic.settings import current
from stepmagic.transcript import File, Image, Part, Text, user

SECRET = "sk-or-v1-0123456789abcdef"
KEY = Key(SECRET, "a test")


def resolved() -> Options:
    settings = current()
    return resolve(settings, Catalogue(settings.base_url), Overrides(), Overrides())


@pytest.fixture
def options(monkeypatch: pytest.MonkeyPatch) -> Options:
    """Options of a server of our own, without a key."""
    monkeypatch.delenv("OPENROUTER_API_KEY", raising=False)
    current().base_url = "http://127.0.0.1:9/v1"
    return resolved()


def no_report(line: str) -> None:
    raise AssertionError(line)


def test_other_servers_need_no_key(options: Options) -> None:
    found = find_server(options, no_report)
    assert found == Endpoint(base_url=options.base_url, model=options.model)


@pytest.mark.usefixtures("options")
def test_openrouter_needs_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    current().base_url = "https://openrouter.ai/api/v1"
    with pytest.raises(KeyMissing, match=r"no API key for openrouter\.ai"):
        find_server(resolved(), no_report)
    monkeypatch.setenv("OPENROUTER_API_KEY", SECRET)
    found = find_server(resolved(), no_report)
    assert found.key is not None


def test_a_cassette_is_looked_in_first_unless_it_is_off(
    options: Options, tmp_path_factory: pytest.TempPathFactory
) -> None:
    settings = current()
    settings.cassette = str(tmp_path_factory.mktemp("tapes") / "a.jsonl")
    assert isinstance(find_endpoint(options, no_report), ReplayEndpoint)
    settings.cassette_mode = "off"
    assert isinstance(find_endpoint(options, no_report), Endpoint)


def test_headers_of_the_server_are_added(options: Options) -> None:
    found = Endpoint(base_url="http://a/v1", model="m", headers={"connection": "close"})
    adapted = found.adapt(options)
    assert (adapted.base_url, adapted.model) == ("http://a/v1", "m")
    assert adapted.headers == {**options.headers, "connection": "close"}
    assert "session_id" not in adapted.parameters


@pytest.mark.parametrize(
    "part",
    [
        Text(text=f"my key is {SECRET}"),
        Text(text="1", name=SECRET),
        File(media_type="text/plain", data=SECRET.encode()),
        Image(url=f"https://example.org/?key={SECRET}"),
    ],
)
def test_a_message_that_contains_the_key_is_refused(part: Part) -> None:
    with pytest.raises(AttachmentError, match="contains the API key") as caught:
        refuse_key(KEY, "", user("Hi", part))
    assert SECRET not in str(caught.value)


def test_a_system_prompt_that_contains_the_key_is_refused() -> None:
    with pytest.raises(AttachmentError, match="contains the API key"):
        refuse_key(KEY, f"Use {SECRET}.", user("Hi"))
    refuse_key(None, f"Use {SECRET}.", user("Hi"))
    refuse_key(KEY, "", user("Hi"))
