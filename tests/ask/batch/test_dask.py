"""``batch()`` over collections of Dask: in one process, and on workers of their own."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cloudpickle  # type: ignore[import-untyped]  # it ships no types
import dask
import dask.bag
import dask.dataframe as dd
import pandas as pd  # type: ignore[import-untyped]  # it ships no types
import pytest
from dask.distributed import Client, LocalCluster

from openrouter_server import OpenRouterServer, answer
from rows import asked, echo
from stepmagic import batch
from stepmagic.errors import AttachmentError, SettingError

WAIT_S = 60
ROWS = pd.DataFrame({"text": [f"row {n}" for n in range(40)]}, index=range(100, 140))
PROMPT = "Say {{ text }}"


@pytest.fixture(autouse=True)
def _asks(server: OpenRouterServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", server.key)
    monkeypatch.setenv("STEPMAGIC_BASE_URL", server.url)
    server.default = echo()


@pytest.fixture(scope="module")
def cluster(
    running_server: OpenRouterServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalCluster]:
    """Two worker processes, which have the key in their environment."""
    # Where pytest-xdist runs the tests, the main module has none, and spawning asks.
    sys.modules["__main__"].__dict__.setdefault("__spec__", None)
    settings = {
        "temporary-directory": str(tmp_path_factory.mktemp("dask")),
        "distributed.scheduler.allowed-failures": 10,
    }
    with (
        dask.config.set(settings),
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            # Without an address it would be port 8787, which one process can have.
            dashboard_address="127.0.0.1:0",
            host="127.0.0.1",
            env={"OPENROUTER_API_KEY": running_server.key},
        ) as cluster,
        Client(cluster),
    ):
        yield cluster


def test_a_dask_frame_is_asked_about_when_it_is_computed(
    server: OpenRouterServer,
) -> None:
    spread = batch(dd.from_pandas(ROWS, npartitions=4), PROMPT, prefix="its_")
    assert list(spread.columns) == ["text", "its_answer", "its_error", "its_cost_usd"]
    assert not server.requests
    found = spread.compute(scheduler="threads")
    here = batch(ROWS, PROMPT, progress=False, prefix="its_")
    pd.testing.assert_frame_equal(found, here, check_dtype=False)
    assert found.dtypes.equals(spread.dtypes)


def test_a_series_and_a_bag_are_asked_about_too() -> None:
    series = dd.from_pandas(ROWS["text"], npartitions=2)
    found = batch(series, PROMPT).compute(scheduler="threads")
    assert list(found["answer"]) == [f"SAY ROW {n}" for n in range(40)]
    bag = dask.bag.from_sequence([{"a": n, "b": "x"} for n in range(4)], npartitions=2)
    records = batch(bag, "Say {{ a }}{{ b }}").compute(scheduler="threads")
    assert [record["answer"] for record in records] == [f"SAY {n}X" for n in range(4)]
    assert list(records[0]) == ["a", "b", "answer", "error", "cost_usd"]
    empty = bag.filter(lambda record: record["a"] > 2)
    found = batch(empty, "Say {{ a }}").compute(scheduler="threads")
    assert [record["answer"] for record in found] == ["SAY 3"]


def test_a_type_says_what_the_columns_will_be(server: OpenRouterServer) -> None:
    """Its reader is made where the answers come; the type travels."""

    @dataclass
    class Judged:
        stars: int
        mood: str | None

    text = json.dumps({"stars": 3, "mood": None})
    server.default = answer(text, reasoning="")
    spread = batch(dd.from_pandas(ROWS[:4], npartitions=2), PROMPT, schema=Judged)
    kinds = [str(dtype) for dtype in spread.dtypes[1:3]]
    assert kinds == ["Int64", "str"]
    there = cloudpickle.loads(cloudpickle.dumps(spread))
    found = there.compute(scheduler="threads")
    assert found["stars"].tolist() == [3] * 4
    assert found.dtypes.equals(spread.dtypes)


def test_limits_are_divided(server: OpenRouterServer) -> None:
    """Each of four parts may spend a quarter: one request reaches that."""
    one = batch(ROWS[:1], PROMPT, progress=False)["cost_usd"].sum()
    spread = batch(
        dd.from_pandas(ROWS, npartitions=4),
        PROMPT,
        concurrency=1,
        max_cost_usd=one * 2,
    )
    found = spread.compute(scheduler="synchronous")
    assert found["answer"].notna().sum() == 4
    assert len(server.requests) == 5


def test_what_no_row_could_be_asked_is_refused_at_once(tmp_path: Path) -> None:
    frame = dd.from_pandas(ROWS, npartitions=2)
    with pytest.raises(AttachmentError, match="no column 'txt'"):
        batch(frame, "Say {{ txt }}")
    with pytest.raises(SettingError, match="column 'answer' already"):
        batch(frame.rename(columns={"text": "answer"}), "Say {{ answer }}")
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingError, match="must name a folder"):
        batch(frame, PROMPT, resume=tmp_path / "file")


def test_the_key_is_in_no_graph(server: OpenRouterServer, tmp_path: Path) -> None:
    frame = batch(dd.from_pandas(ROWS, npartitions=2), PROMPT, resume=tmp_path / "kept")
    bag = batch(dask.bag.from_sequence(["a"]), "Say {{ x }}")
    for spread in (frame, bag):
        pickled = cloudpickle.dumps(dict(spread.__dask_graph__()))
        assert b"stepmagic" in pickled
        assert server.key.encode() not in pickled


def test_workers_share_the_work_and_the_limits(
    server: OpenRouterServer, cluster: LocalCluster
) -> None:
    assert len(cluster.workers) == 2
    server.default = echo(delay_s=0.05)
    spread = batch(dd.from_pandas(ROWS, npartitions=4), PROMPT, concurrency=4)
    found = spread.compute()
    here = batch(ROWS, PROMPT, progress=False)
    pd.testing.assert_frame_equal(found, here, check_dtype=False)
    requests = server.requests[:40]
    assert max(map(count_of_open(requests), requests)) <= 4


def count_of_open(requests: list[Any]) -> Any:
    """Return what counts the requests that were open when one came."""

    def count(one: Any) -> int:
        return sum(
            other.received_at <= one.received_at <= (other.answered_at or 0)
            for other in requests
        )

    return count


def test_a_worker_that_dies_changes_nothing(
    server: OpenRouterServer, cluster: LocalCluster, tmp_path: Path
) -> None:
    """One is killed half-way; the other pays only for what the first had not kept."""
    here = batch(ROWS, PROMPT, progress=False)
    server.requests.clear()
    server.default = echo(delay_s=0.1)
    spread = batch(
        dd.from_pandas(ROWS, npartitions=4),
        PROMPT,
        concurrency=4,
        resume=tmp_path / "kept",
    )
    pids = [worker.pid for worker in cluster.workers.values()]
    killing = threading.Thread(target=kill_after, args=(server, 16, pids[0]))
    killing.start()
    found = spread.compute()
    killing.join()
    pd.testing.assert_frame_equal(found, here, check_dtype=False)
    twice = [text for text, count in asked(server).items() if count > 1]
    # Under way at the kill, or answered and not yet kept.
    assert len(twice) <= 4
    assert len(asked(server)) == 40


def kill_after(server: OpenRouterServer, requests: int, pid: int) -> None:
    """Kill a process once the server was asked so often."""
    deadline = time.monotonic() + WAIT_S
    while len(server.requests) < requests and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
