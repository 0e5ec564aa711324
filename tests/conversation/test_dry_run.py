"""What would be sent, shown without stream it."""

from __future__ import annotations

import json

import pytest

from stepmagic.conversation.dialogue import Dialogue
from stepmagic.conversation.dry_run import DryRun, make_dry_run
from stepmagic.conversation.prompt import checked_prompt
from stepmagic.errors import AttachmentError, UnsupportedOption
from stepmagic.keys import VARIABLE, Key
from stepmagic.server.catalogue import LOCAL_MODEL, Catalogue
from stepmagic.server.endpoint import refuse_key
from stepmagic.server.options import Options, Overrides, resolve
from stepmagic.settings import current
from stepmagic.transcript import (
    File,
    Image,
    Message,
    Part,
    Text,
    ToolCall,
    Turn,
    Video,
    user,
)
from stepmagic.wire import PROTOCOLS

SECRET = "sk-or-v1-0123456789abcdef"  # a made-up key
PNG = Image(data=bytes(range(256)) * 40, media_type="image/png")


def options(**line: object) -> Options:
    given = Overrides(**line)  # type: ignore[arg-type]  # checked by the dataclass
    catalogue = Catalogue(current().base_url)
    return resolve(current(), catalogue, Overrides(), given)


def dry_run(talk: Dialogue, message: Message, given: Options, *, fresh: bool) -> DryRun:
    return make_dry_run(talk, checked_prompt(message, given), given, fresh=fresh)


@pytest.fixture
def talk() -> Dialogue:
    """Return a conversation of one turn."""
    talk = Dialogue()
    answer = Message(role="assistant", parts=(Text(text="a word " * 80),))
    talk.tree.add(
        Turn(parent=None, prompt=user("q"), replies=(answer,), status="complete")
    )
    return talk


def asked(shown: DryRun) -> list[str]:
    return [message["role"] for message in shown.body["messages"]]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_body_is_what_the_conversation_would_send(
    talk: Dialogue, protocol: str
) -> None:
    given = options(parameters={"api": protocol, "max_tokens": 5000})
    shown = dry_run(talk, user("Hi"), given, fresh=False)
    assert shown.body == talk.encode(user("Hi"), given)
    assert shown.url.startswith("https://openrouter.ai/api/v1/")
    assert json.loads(shown.text) == shown.body


def test_system_prompt_shows(talk: Dialogue) -> None:
    shown = dry_run(talk, user("Hi"), options(system="Be brief."), fresh=True)
    assert shown.body["messages"][0] == {"role": "system", "content": "Be brief."}


def test_fresh_request_leaves_the_history_out(talk: Dialogue) -> None:
    whole = dry_run(talk, user("Hi"), options(), fresh=False)
    fresh = dry_run(talk, user("Hi"), options(), fresh=True)
    assert asked(whole) == ["system", "user", "assistant", "user"]
    assert asked(fresh) == ["system", "user"]
    assert whole.tokens - fresh.tokens > 100
    assert len(talk.turns) == 1


def test_tokens_and_price_are_estimated(talk: Dialogue) -> None:
    shown = dry_run(talk, user("Hi"), options(), fresh=False)
    assert shown.context_tokens == 256_000
    assert shown.cost_usd == pytest.approx(shown.tokens * 0.20e-6)


def test_price_of_an_unknown_model_is_not_known(talk: Dialogue) -> None:
    shown = dry_run(talk, user("Hi"), options(model="who/knows"), fresh=False)
    assert (shown.cost_usd, shown.context_tokens) == (None, None)


def test_embedded_engine_is_not_started(talk: Dialogue) -> None:
    shown = dry_run(talk, user("Hi"), options(model=LOCAL_MODEL), fresh=False)
    assert shown.url == "(the embedded engine)/chat/completions"
    assert shown.cost_usd == 0


def test_long_media_is_shortened_in_the_text_alone(talk: Dialogue) -> None:
    shown = dry_run(talk, user("look", PNG), options(), fresh=True)
    assert PNG.location in json.dumps(shown.body)
    assert f'"{PNG.location[:40]}... (13,' in shown.text
    assert len(shown.text) < 2000


@pytest.mark.parametrize(
    "prose",
    [
        "多言語の長い文章にも空白はないが、これは読むための文章である。" * 9,
        "https://example.org/" + "/".join("abcdefghij" * 20),
        "a sentence of many words, " * 9,
        "-" * 200,
    ],
)
def test_long_prose_is_shown_whole(talk: Dialogue, prose: str) -> None:
    shown = dry_run(talk, user(prose), options(), fresh=True)
    assert prose in shown.text


def test_what_has_no_form_is_refused(talk: Dialogue) -> None:
    video = Video(url="https://example.org/a.mp4")
    messages = options(parameters={"api": "messages"})
    with pytest.raises(UnsupportedOption):
        dry_run(talk, user(video), messages, fresh=True)


@pytest.mark.parametrize("place", ["prompt", "system"])
def test_key_shows_in_no_dry_run(
    talk: Dialogue, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setenv(VARIABLE, SECRET)
    texts = {"prompt": "Hi", "system": "Be brief.", place: f"my key is {SECRET}"}
    given = options(system=texts["system"])
    with pytest.raises(AttachmentError, match="contains the API key") as caught:
        dry_run(talk, user(texts["prompt"]), given, fresh=True)
    assert SECRET not in str(caught.value)
    assert SECRET not in dry_run(talk, user("Hi"), options(), fresh=True).text


def test_parts_without_text_or_media_hold_no_key() -> None:
    refuse_key(Key(SECRET, "a test"), "", user(ToolCall(id="1", name="f")))


@pytest.mark.parametrize(
    "part",
    [
        Text(text=SECRET, name="attached"),
        Text(text="a", name=SECRET),
        Image(url=f"https://example.org/?key={SECRET}"),
        Image(data=b"a", media_type="image/png", name=SECRET),
        Video(data=SECRET.encode(), media_type="video/mp4"),
        File(data=b"%PDF " + SECRET.encode(), media_type="application/pdf"),
    ],
)
def test_attachment_that_holds_the_key_is_refused(
    talk: Dialogue, monkeypatch: pytest.MonkeyPatch, part: Part
) -> None:
    given = options()
    dry_run(talk, user("Hi", part), given, fresh=True)
    monkeypatch.setenv(VARIABLE, SECRET)
    with pytest.raises(AttachmentError, match="contains the API key"):
        dry_run(talk, user("Hi", part), given, fresh=True)
