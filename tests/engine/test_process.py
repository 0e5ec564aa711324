"""The embedded engine: a real model behind all three protocols, and its life."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import httpx
import psutil
import pytest

pytest.importorskip("xllamacpp", reason="the embedded engine is not installed")

from stepmagic.errors import EngineError
from stepmagic.server.local import Engine, engine, server, stop

Turns: TypeAlias = list[tuple[str, str]]
"""Questions and their answers; the last answer is still empty."""

SYSTEM = (
    "You answer inside a Jupyter notebook. Write Markdown: code in fenced blocks with "
    "their language, formulas between dollar signs. Be exact and brief."
)
SETTINGS = {"temperature": 0, "stream": True}


def chat_body(turns: Turns) -> dict[str, Any]:
    messages = [{"role": "system", "content": SYSTEM}]
    for question, answer in turns:
        messages.append({"role": "user", "content": question})
        if answer:
            messages.append({"role": "assistant", "content": answer})
    return {"messages": messages, "max_tokens": 32, **SETTINGS}


def responses_body(turns: Turns) -> dict[str, Any]:
    items: list[dict[str, Any]] = []
    for question, answer in turns:
        content = [{"type": "input_text", "text": question}]
        items.append({"type": "message", "role": "user", "content": content})
        if answer:
            content = [{"type": "output_text", "text": answer}]
            items.append({"type": "message", "role": "assistant", "content": content})
    return {
        "instructions": SYSTEM,
        "input": items,
        "max_output_tokens": 32,
        **SETTINGS,
    }


def messages_body(turns: Turns) -> dict[str, Any]:
    chat = chat_body(turns)
    return {**chat, "system": SYSTEM, "messages": chat["messages"][1:]}


def chat_text(frame: dict[str, Any]) -> str:
    return "".join(one["delta"].get("content") or "" for one in frame["choices"])


def responses_text(frame: dict[str, Any]) -> str:
    return frame["delta"] if frame["type"] == "response.output_text.delta" else ""


def messages_text(frame: dict[str, Any]) -> str:
    return frame["delta"]["text"] if frame["type"] == "content_block_delta" else ""


@dataclass(frozen=True)
class Protocol:
    """How one of the protocols asks, and where its frames hold text."""

    path: str
    body: Callable[[Turns], dict[str, Any]]
    text: Callable[[dict[str, Any]], str]


CHAT = Protocol("/chat/completions", chat_body, chat_text)
PROTOCOLS = {
    "chat": CHAT,
    "responses": Protocol("/responses", responses_body, responses_text),
    "messages": Protocol("/messages", messages_body, messages_text),
}


def ask(running: Engine, turns: Turns, protocol: Protocol = CHAT) -> list[str]:
    """Return the pieces of text that answer the last question."""
    with httpx.stream(
        "POST",
        running.base_url + protocol.path,
        headers={"authorization": f"Bearer {running.key}"},
        json={"model": running.model, **protocol.body(turns)},
        timeout=60,
        trust_env=False,
    ) as response:
        lines = list(response.iter_lines())
    assert response.status_code == httpx.codes.OK, lines
    data = [line.removeprefix("data: ") for line in lines if line[:5] == "data:"]
    frames = [json.loads(one) for one in data if one != "[DONE]"]
    return [text for frame in frames if (text := protocol.text(frame))]


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_conversation_of_two_turns_streams(name: str, local_engine: Engine) -> None:
    """The second question makes sense only together with the first."""
    turns: Turns = [("What is the capital of Japan?", "")]
    pieces = ask(local_engine, turns, PROTOCOLS[name])
    answer = "".join(pieces)
    assert "Tokyo" in answer
    assert len(pieces) > 2, "it came in one piece"

    turns = [(turns[0][0], answer), ("And of Germany?", "")]
    assert "Berlin" in "".join(ask(local_engine, turns, PROTOCOLS[name]))


def test_the_context_is_that_of_one_request(local_engine: Engine) -> None:
    assert local_engine.context_tokens == 8192
    with pytest.raises(AssertionError, match="exceeds the available context size"):
        ask(local_engine, [("word " * 9000, "")])


def test_requests_are_answered_side_by_side(local_engine: Engine) -> None:
    turns: Turns = [("What is the capital of Japan?", "")]
    with ThreadPoolExecutor() as pool:
        asked = [pool.submit(ask, local_engine, turns) for _ in range(4)]
        assert all("Tokyo" in "".join(one.result()) for one in asked)


def test_it_listens_on_this_machine_and_wants_its_key(local_engine: Engine) -> None:
    assert local_engine.base_url.startswith("http://127.0.0.1:")
    body = chat_body([("Hello", "")])
    for headers in ({}, {"authorization": "Bearer sk-other"}):
        url = f"{local_engine.base_url}/chat/completions"
        response = httpx.post(url, headers=headers, json=body, trust_env=False)
        assert response.status_code == httpx.codes.UNAUTHORIZED


def test_it_says_it_is_ready_only_once_it_answers(local_engine: Engine) -> None:
    url = local_engine.base_url.removesuffix("/v1")
    assert server.context_tokens(url, local_engine.key) == 8192
    with pytest.raises(ConnectionError, match="/v1/models answered 401"):
        server.context_tokens(url, "sk-other")


def test_the_key_is_shown_nowhere(local_engine: Engine) -> None:
    process = psutil.Process(local_engine.pid)
    assert len(local_engine.key) > 30
    assert local_engine.key not in " ".join(process.cmdline())
    assert local_engine.key not in str(process.environ())
    assert local_engine.key not in repr(local_engine)


def test_starts_at_once_share_one_engine(weights: Path, local_engine: Engine) -> None:
    stop()
    assert not psutil.pid_exists(local_engine.pid)
    with ThreadPoolExecutor() as pool:
        started = [pool.submit(engine, "local/smollm2") for _ in range(4)]
        engines = [one.result() for one in started]
    assert engines[0].pid != local_engine.pid
    assert engines == [engines[0]] * 4
    assert engine(f"local/{weights}") is engines[0], "it is the same file"


def test_a_dead_engine_is_started_again(local_engine: Engine) -> None:
    psutil.Process(local_engine.pid).kill()
    shown: list[str] = []
    while (second := engine("local/smollm2", progress=shown.append)) is local_engine:
        time.sleep(0.05)  # its threads are still ending
    assert second.pid != local_engine.pid
    assert second.key != local_engine.key
    assert "(killed by signal 9); starting it again" in shown[0]
    assert "Tokyo" in "".join(ask(second, [("What is the capital of Japan?", "")]))


def test_a_hung_engine_is_killed(local_engine: Engine) -> None:
    psutil.Process(local_engine.pid).suspend()
    stop()
    assert not psutil.pid_exists(local_engine.pid)


def test_a_start_can_be_stopped_by_its_progress(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert weights.exists()
    stop()

    def refuse(line: str) -> None:
        raise TimeoutError(line)

    # A start may be over before the first line is due.
    monkeypatch.setattr("stepmagic.server.local.process._REPORT_EVERY_S", 0.01)
    before = children()
    with pytest.raises(TimeoutError, match="starting local/smollm2"):
        engine("local/smollm2", progress=refuse)
    assert children() == before


def test_without_xllamacpp_the_error_names_the_extra(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert weights.exists()
    stop()
    # What Python documents for making an import fail.
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(EngineError, match=r'pip install "stepmagic\[local\]"'):
        engine("local/smollm2")


@pytest.mark.usefixtures("weights")
def test_a_broken_xllamacpp_is_quoted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop()
    reason = "libgomp.so.1: cannot open shared object file"
    (tmp_path / "xllamacpp.py").write_text(f"raise ImportError({reason!r})")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(
        EngineError, match=f"exit code 1.*\n.*\n.*ImportError: {reason}"
    ):
        engine("local/smollm2")


@pytest.mark.usefixtures("local_engine")
def test_a_cut_off_model_file_is_refused_in_the_engine_s_words(
    weights: Path, tmp_path: Path
) -> None:
    cut = tmp_path / "cut.gguf"
    with weights.open("rb") as whole:
        cut.write_bytes(whole.read(20_000_000))
    before = children()
    with pytest.raises(EngineError, match="model is corrupted or incomplete") as caught:
        engine(f"local/{cut}")
    assert str(cut) in str(caught.value)
    assert "exit code 1" in str(caught.value)
    assert children() == before


PARENT = """
import sys
from stepmagic.server.local import engine
running = engine("local/smollm2")
print(running.pid, flush=True)
sys.stdin.read()
"""


@contextmanager
def parent_of_an_engine(script: str = PARENT) -> Iterator[tuple[Any, int]]:
    """Run a script that starts an engine; yields its process and the engine's id."""
    parent = subprocess.Popen(  # noqa: S603 - this Python
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert is_running(pid)
        yield parent, pid


@pytest.mark.usefixtures("weights")
def test_it_ends_with_its_parent() -> None:
    with parent_of_an_engine() as (parent, pid):
        parent.communicate("")
        assert parent.returncode == 0
        wait_until_gone(pid)


@pytest.mark.usefixtures("weights")
def test_it_ends_with_its_parent_after_kill_9() -> None:
    with parent_of_an_engine() as (parent, pid):
        parent.kill()
        wait_until_gone(pid)


@pytest.mark.usefixtures("weights")
@pytest.mark.skipif(os.name == "nt", reason="Windows has no process groups to signal")
def test_an_interrupt_of_the_kernel_leaves_it_alone() -> None:
    """Jupyter signals the whole process group of a kernel."""
    script = f"""
import os, signal
os.setsid()
signal.signal(signal.SIGINT, lambda *_: os.write(1, b"interrupted\\n"))
{PARENT}
"""
    with parent_of_an_engine(script) as (parent, pid):
        os.killpg(parent.pid, signal.SIGINT)
        assert parent.stdout.readline() == "interrupted\n"
        time.sleep(0.2)
        assert is_running(pid)
        parent.communicate("")
        wait_until_gone(pid)


FORK = """
import os, sys
from stepmagic.server.local import engine, stop
running = engine("local/smollm2")
print(running.pid, flush=True)
if os.fork() == 0:
    same = engine("local/smollm2") == running
    stop()
    print("same" if same else "another", flush=True)
    sys.stdin.readline()
    own = engine("local/smollm2")
    print("own" if own.pid != running.pid else "same", own.pid, flush=True)
    sys.exit()
os.wait()
"""


@pytest.mark.usefixtures("weights")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_borrows_the_engine_and_holds_it_back_from_nothing() -> None:
    with parent_of_an_engine(FORK) as (parent, pid):
        assert parent.stdout.readline() == "same\n"
        assert is_running(pid), "the child's stop() ended its parent's engine"
        parent.kill()
        wait_until_gone(pid)
        print(file=parent.stdin, flush=True)
        whose, own = parent.stdout.readline().split()
        assert whose == "own"
        wait_until_gone(int(own))


def children() -> set[int]:
    return {child.pid for child in psutil.Process().children()}


def is_running(pid: int) -> bool:
    """Whether a process runs; one that waits to be reaped does not."""
    try:
        status: str = psutil.Process(pid).status()
    except psutil.NoSuchProcess:
        return False
    return status != str(psutil.STATUS_ZOMBIE)


def wait_until_gone(pid: int, patience_s: float = 5) -> None:
    give_up = time.monotonic() + patience_s
    while is_running(pid):
        assert time.monotonic() < give_up, "the engine outlived its parent"
        time.sleep(0.05)
