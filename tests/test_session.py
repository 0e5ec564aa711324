"""What one kernel holds."""

from __future__ import annotations

from openrouter_server.models import SIGNED, model_list
from stepmagic.server.options import Overrides
from stepmagic.session import Session, session
from stepmagic.settings import current


def test_kernel_has_one_session() -> None:
    assert session() is session()


def test_session_begins_in_an_empty_conversation() -> None:
    here = Session()
    assert here.conversation.name == "main"
    assert here.conversation.turns == []
    assert here.last is None


def test_opened_conversation_is_kept_but_not_current() -> None:
    here = Session()
    other = here.open("other")
    assert here.open("other") is other
    assert here.conversation.name == "main"
    assert list(here.conversations) == ["main", "other"]


def test_used_conversation_is_current() -> None:
    here = Session()
    other = here.use("other")
    assert here.conversation is other is here.use("other")
    assert here.use("main") is here.conversation


def test_each_server_has_a_catalogue_of_its_own() -> None:
    here = Session()
    current().base_url = "http://127.0.0.1:1/v1"
    first = here.catalogue()
    first.take(model_list())
    current().base_url = "http://127.0.0.1:2/v1"
    assert here.catalogue() is not first
    assert here.catalogue().entry(SIGNED) is None
    current().base_url = "http://127.0.0.1:1/v1"
    assert here.catalogue() is first


def test_options_are_those_of_the_conversation_and_the_line() -> None:
    here = Session()
    talk = here.conversation
    talk.overrides = Overrides(effort="low", system="Be brief.")
    assert here.options(talk).effort == "low"
    options = here.options(talk, Overrides(effort="high"))
    assert (options.effort, options.system) == ("high", "Be brief.")
