"""A real kernel that asks the embedded engine."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import psutil
import pytest

from kernels import running_kernel
from proxy import RecordingProxy
from stepmagic.server.local import Engine
from stepmagic.wire import PROTOCOLS


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_engine_answers_and_a_follow_up_sends_both_turns(
    local_engine: Engine, protocol: str
) -> None:
    """The proxy stands between a real kernel and the real engine."""
    with RecordingProxy(local_engine.base_url) as proxy:
        settings = {
            "OPENROUTER_API_KEY": local_engine.key,
            "STEPMAGIC_BASE_URL": proxy.url,
            "STEPMAGIC_MODEL": "smollm2",
            "STEPMAGIC_LIVE": "on",
        }
        options = f"-p api={protocol} -p temperature=0 -p max_tokens=32"
        with running_kernel(**settings) as kernel:
            kernel.check("%load_ext stepmagic")
            first = kernel.check(f"%%step {options}\nWhat is the capital of Japan?")
            second = kernel.check(f"%%step {options}\nAnd of Germany?")
    assert "Tokyo" in first.shown[-1]["text/markdown"]
    assert "Berlin" in second.shown[-1]["text/markdown"]
    assert len(first.shown) > 1, "it did not stream"
    path, body = proxy.requests[-1]
    assert path.endswith({"chat": "/chat/completions"}.get(protocol, f"/{protocol}"))
    asked = json.dumps(body)
    order = [asked.index(w) for w in ("capital of Japan", "Tokyo", "And of Germany")]
    assert order == sorted(order)


def test_the_engine_ends_with_its_kernel_also_after_kill_9(weights: Path) -> None:
    pytest.importorskip("xllamacpp", reason="the embedded engine is not installed")
    with running_kernel(STEPMAGIC_CACHE=str(weights.parent)) as kernel:
        kernel.check("%load_ext stepmagic\n%step model local")
        kernel.check("%%step -p max_tokens=5\nHi")
        pid = int(kernel.check("import os; print(os.getpid())").printed)
        children = psutil.Process(pid).children()
        assert children, "no engine runs"
        os.kill(pid, signal.SIGKILL)
        _, alive = psutil.wait_procs(children, timeout=10)
        assert not alive
