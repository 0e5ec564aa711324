"""What one kernel holds."""

from __future__ import annotations

from openrouter_server.models import SIGNED, model_list
from stepmagic.display.notebook.support import front_end
from stepmagic.keys import find_key
from stepmagic.server.budget import ledger
from stepmagic.server.options import Overrides
from stepmagic.session import Session, session
from stepmagic.settings import DEFAULT_MODEL, current
from stepmagic.storage.journal import journal


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


def test_reset_leaves_nothing_of_the_kernel_but_its_files() -> None:
    here = session()
    here.use("other")
    here.keys.enter("entered")
    here.settings.model = "a/b"
    here.ledger.spent_usd = 1
    here.cassettes.get("notes.jsonl")
    journal = here.journals.current()
    here.reset()
    fresh = session()
    assert fresh is not here
    assert list(fresh.conversations) == ["main"]
    assert fresh.keys.find() is None
    assert fresh.settings.model == DEFAULT_MODEL
    assert fresh.ledger.spent_usd == 0
    assert journal is not None
    assert not journal.is_on
    assert fresh.journals.own() == []


def test_session_has_the_objects_that_the_rooms_below_use() -> None:
    here = session()
    assert here.settings is current()
    assert here.ledger is ledger()
    assert here.front_end is front_end()
    assert here.journals.current() is journal()
    here.keys.enter("entered")
    assert find_key() is here.keys.find()
