"""The models of a server: what ships, what is fetched, what is kept for a day."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openrouter_server.models import (
    SIGNED,
    STEPFUN,
    TEXT_ONLY,
    WITHOUT_REASONING,
    model_list,
)
from stepmagic.errors import ProtocolError
from stepmagic.server.catalogue import (
    FRESH_S,
    LOCAL_MODEL,
    SHIPPED,
    Catalogue,
    ModelEntry,
)
from stepmagic.settings import DEFAULT_MODEL, cache_folder
from stepmagic.transcript import Usage
from transcript_strategies import json_values

URL = "https://example.org/v1"


def fetched() -> Catalogue:
    catalogue = Catalogue(URL)
    catalogue.take(model_list())
    return catalogue


def kept() -> Path:
    """Return the one file in the cache."""
    [path] = cache_folder().iterdir()
    return path


def read(row: dict[str, Any]) -> ModelEntry:
    """Return the entry that a server's row becomes."""
    catalogue = Catalogue(URL)
    catalogue.take({"data": [{"id": "a/b", **row}]})
    entry = catalogue.entry("a/b")
    assert entry is not None
    return entry


def test_default_model_is_known_without_asking() -> None:
    entry = Catalogue(URL).entry(DEFAULT_MODEL)
    assert entry is not None
    assert entry.context_tokens == 256_000
    assert entry.inputs == ("text", "image", "video")
    assert entry.efforts == ("high", "medium", "low")
    assert (entry.reasons, entry.must_reason) == (True, True)
    assert entry.default_effort == "medium"
    assert entry.parameters is not None
    assert {"temperature", "top_logprobs"} <= entry.parameters


def test_what_ships_is_what_the_server_lists() -> None:
    assert fetched().entry(STEPFUN) == SHIPPED[DEFAULT_MODEL]


def test_embedded_model_takes_text_does_not_reason_and_is_free() -> None:
    entry = SHIPPED[LOCAL_MODEL]
    assert (entry.inputs, entry.reasons, entry.prompt_usd) == (("text",), False, 0)


def test_fetched_models_tell_who_reasons() -> None:
    catalogue = fetched()
    reasons = {entry.id: entry.reasons for entry in catalogue.entries}
    assert reasons == {
        STEPFUN: True,
        WITHOUT_REASONING: False,
        TEXT_ONLY: True,
        SIGNED: True,
        LOCAL_MODEL: False,
    }


def test_entries_are_sorted() -> None:
    ids = [entry.id for entry in fetched().entries]
    assert ids == sorted(ids)


def test_what_a_server_does_not_say_is_not_known() -> None:
    """Ollama and llama.cpp list ids alone."""
    assert read({"object": "model", "owned_by": "library"}) == ModelEntry(id="a/b")


@pytest.mark.parametrize(
    ("row", "name", "value"),
    [
        ({"name": None}, "name", ""),
        ({"name": "A: B"}, "name", "A: B"),
        ({"context_length": 8192}, "context_tokens", 8192),
        ({"context_length": 0}, "context_tokens", None),
        ({"context_length": "8k"}, "context_tokens", None),
        ({"architecture": {"input_modalities": ["image"]}}, "inputs", ("image",)),
        ({"architecture": {"input_modalities": 5}}, "inputs", None),
        ({"architecture": "mixture"}, "inputs", None),
        ({"supported_parameters": ["seed", 5]}, "parameters", frozenset({"seed"})),
        ({"supported_parameters": [["seed"]]}, "parameters", frozenset()),
        ({"supported_parameters": ["reasoning"]}, "reasons", True),
        ({"supported_parameters": ["seed"]}, "reasons", False),
        ({"reasoning": {"mandatory": False}}, "reasons", True),
        ({"reasoning": {"mandatory": "yes"}}, "must_reason", False),
        ({"reasoning": {"supported_efforts": None}}, "efforts", ()),
        ({"reasoning": {"default_effort": 3}}, "default_effort", None),
    ],
)
def test_row_is_read_as_far_as_it_makes_sense(
    row: dict[str, Any], name: str, value: Any
) -> None:
    assert getattr(read(row), name) == value


@pytest.mark.parametrize(
    ("price", "usd"),
    [
        ("0.0000002", 2e-7),
        ("0", 0.0),
        (0.5, 0.5),
        ("-1", None),  # openrouter/auto: it varies
        ("nan", None),
        ("1e999", None),
        (10**400, None),
        ("free", None),
        ([{"min_context": 0, "price": "1"}], None),
        (None, None),
    ],
)
def test_price_is_a_number_of_dollars_or_not_known(
    price: Any, usd: float | None
) -> None:
    assert read({"pricing": {"prompt": price, "completion": "0"}}).prompt_usd == usd


@given(st.lists(st.dictionaries(st.text(), json_values) | json_values))
def test_any_rows_are_read(rows: list[Any]) -> None:
    Catalogue(URL).take({"data": rows})


def test_cost_is_the_list_price() -> None:
    usage = Usage(prompt_tokens=1_000_000, completion_tokens=2_000_000)
    assert SHIPPED[DEFAULT_MODEL].cost_usd(usage) == pytest.approx(0.20 + 2 * 1.15)


def test_cost_is_not_known_without_both_prices() -> None:
    usage = Usage(prompt_tokens=1)
    assert ModelEntry(id="a", prompt_usd=1.0).cost_usd(usage) is None
    assert ModelEntry(id="a", completion_usd=1.0).cost_usd(usage) is None


def test_variant_is_its_base_model() -> None:
    catalogue = Catalogue(URL)
    assert catalogue.entry(f"{DEFAULT_MODEL}:nitro") is SHIPPED[DEFAULT_MODEL]
    assert catalogue.entry("a/b:nitro") is None


def test_free_variant_costs_nothing() -> None:
    entry = Catalogue(URL).entry(f"{DEFAULT_MODEL}:free")
    assert entry is not None
    assert entry.id == f"{DEFAULT_MODEL}:free"
    assert entry.cost_usd(Usage(prompt_tokens=10**6)) == 0
    assert entry.efforts == SHIPPED[DEFAULT_MODEL].efforts


def test_listed_variant_comes_before_its_base_model() -> None:
    catalogue = Catalogue(URL)
    catalogue.take({"data": [{"id": "llama3:8b"}, {"id": f"{DEFAULT_MODEL}:free"}]})
    assert catalogue.entry("llama3:8b") == ModelEntry(id="llama3:8b")
    assert catalogue.entry("llama3:70b") is None
    free = f"{DEFAULT_MODEL}:free"
    assert catalogue.entry(free) == ModelEntry(id=free)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("stepfun/step-3.7-flsh", STEPFUN),
        ("step-3.7-flash", STEPFUN),
        ("claude-haiku", SIGNED),
        ("openai/gpt-4.1", WITHOUT_REASONING),
        ("local/smolm", LOCAL_MODEL),
    ],
)
def test_close_names_are_found(typed: str, meant: str) -> None:
    assert meant in fetched().close(typed)


def test_few_close_names_are_given_each_once() -> None:
    catalogue = Catalogue(URL)
    catalogue.take({"data": [{"id": f"a/model-{n}"} for n in range(9)]})
    close = catalogue.close("a/model")
    assert len(close) == len(set(close)) == 3
    assert catalogue.close("qqqqq") == []


# The cache


def test_list_is_fresh_for_a_day() -> None:
    assert not Catalogue(URL).is_fresh
    assert fetched().is_fresh
    again = Catalogue(f"{URL}/")
    assert again.is_fresh
    assert again.entry(SIGNED) is not None


def test_lists_of_two_servers_keep_apart() -> None:
    fetched()
    assert Catalogue("https://other.example").entry(SIGNED) is None


@pytest.mark.parametrize("shift_s", [-FRESH_S - 60, 3600])
def test_stale_list_serves_until_a_new_one_comes(shift_s: float) -> None:
    """A list from the future is stale too: the clock was wrong then, or is now."""
    fetched()
    form = json.loads(kept().read_text())
    kept().write_text(json.dumps({**form, "fetched_at": time.time() + shift_s}))
    catalogue = Catalogue(URL)
    assert not catalogue.is_fresh
    assert catalogue.entry(SIGNED) is not None
    catalogue.take(model_list())
    assert Catalogue(URL).is_fresh


@pytest.mark.parametrize(
    "damaged",
    [
        "",
        "{",
        "[]",
        "5",
        '{"fetched_at": 1}',
        '{"fetched_at": "now", "models": {"data": []}}',
        '{"fetched_at": 1e12, "models": []}',
        '{"fetched_at": null, "models": {"data": [{"id": "a/b"}]}}',
        "[" * 100_000,
        "\ud800",
    ],
)
def test_damaged_file_is_as_good_as_none(damaged: str) -> None:
    fetched()
    kept().write_bytes(damaged.encode("utf-8", "surrogatepass"))
    catalogue = Catalogue(URL)
    assert not catalogue.is_fresh
    assert {entry.id for entry in catalogue.entries} == SHIPPED.keys()


@pytest.mark.parametrize("fetched_at", [math.nan, math.inf, 0.0])
def test_odd_time_is_not_fresh(fetched_at: float) -> None:
    fetched()
    form = json.loads(kept().read_text())
    kept().write_text(json.dumps({**form, "fetched_at": fetched_at}))
    assert not Catalogue(URL).is_fresh


@pytest.mark.parametrize("payload", [None, [], {"error": {"code": 500}}, {"data": {}}])
def test_what_is_no_list_of_models_is_refused(payload: Any) -> None:
    catalogue = Catalogue(URL)
    with pytest.raises(ProtocolError, match="Is base_url right"):
        catalogue.take(payload)
    assert not catalogue.is_fresh
    assert not cache_folder().exists()


def _make_file(folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.touch()


def _make_folder_in_the_way(_: Path) -> None:
    fetched()
    path = kept()
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("spoil", [_make_file, _make_folder_in_the_way])
def test_list_lives_without_a_cache(spoil: Callable[[Path], None]) -> None:
    """Neither a file where the folder should be nor a folder where the file should."""
    spoil(cache_folder())
    catalogue = fetched()
    assert catalogue.is_fresh
    assert catalogue.entry(SIGNED) is not None


def test_nothing_half_written_is_left_behind() -> None:
    _make_folder_in_the_way(cache_folder())
    fetched()
    assert [path.suffix for path in cache_folder().iterdir()] == [".json"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_list_lives_beside_a_folder_that_cannot_be_written() -> None:
    cache_folder().mkdir(parents=True)
    cache_folder().chmod(0o500)
    assert fetched().is_fresh
