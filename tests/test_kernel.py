"""A real kernel, from cell to output: streaming, interrupts, the real engine."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator

import pytest

from kernels import LASTING, KernelUnderTest, running_kernel
from openrouter_server import OpenRouterServer, answer, error
from stepmagic.wire import PROTOCOLS

LONG = " ".join(f"word{number}" for number in range(400))


@pytest.fixture
def kernel(server: OpenRouterServer) -> Iterator[KernelUnderTest]:
    """A kernel that asks the test server, with the extension loaded."""
    settings = {
        "OPENROUTER_API_KEY": server.key,
        "STEPMAGIC_BASE_URL": server.url,
        "STEPMAGIC_LIVE": "on",
    }
    with running_kernel(**settings) as kernel:
        kernel.check("%load_ext stepmagic")
        yield kernel


def test_an_answer_is_drawn_in_one_output_and_ends_static(
    server: OpenRouterServer, kernel: KernelUnderTest
) -> None:
    server.enqueue(answer(LONG, reasoning="Hm.", tokens_per_frame=4, pace_s=0.01))
    ran = kernel.run("%%step\nCount!")
    assert ran.status == "ok"
    first, *updates = ran.of("display_data", "update_display_data")
    assert first["header"]["msg_type"] == "display_data"
    assert len(updates) > 3
    assert {m["header"]["msg_type"] for m in updates} == {"update_display_data"}
    ids = {m["content"]["transient"]["display_id"] for m in (first, *updates)}
    assert len(ids) == 1
    words = [bundle["text/plain"].count("word") for bundle in ran.shown]
    assert all(before <= after for before, after in itertools.pairwise(words))
    assert set(ran.shown[-1]) == {"text/html", "text/markdown", "text/plain"}
    assert "word399" in ran.shown[-1]["text/html"]
    assert not ran.of("execute_result", "clear_output")


def test_a_reply_as_the_last_line_is_drawn_once(
    server: OpenRouterServer, kernel: KernelUnderTest
) -> None:
    server.enqueue(answer("Once."), answer("Twice."))
    kernel.check("%config StepMagic.live = 'off'")
    ran = kernel.run("from stepmagic import step\nstep('Hi')")
    assert [bundle["text/plain"] for bundle in ran.shown] == ["Once."]
    ran = kernel.run("a = step('Hi')\n_step")
    assert [bundle["text/plain"] for bundle in ran.shown] == ["Twice."]
    ran = kernel.run("_step")
    assert [bundle["text/plain"] for bundle in ran.shown] == ["Twice."]


def test_the_cell_that_asked_is_known_where_the_front_end_names_it(
    kernel: KernelUnderTest,
) -> None:
    kernel.run("%%step\nHi", cell="cell-a")
    kernel.run("%%step\nHi")
    ran = kernel.run(
        "from stepmagic.session import session\n"
        "print([t.cell and t.cell.id for t in session().conversation.turns])"
    )
    assert ran.printed == "['cell-a', None]\n"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_interrupt_is_one_line_keeps_the_text_and_stops_the_run(
    server: OpenRouterServer, kernel: KernelUnderTest, protocol: str
) -> None:
    server.enqueue(answer(LONG, reasoning="", pace_s=0.01))
    kernel.check("from stepmagic.session import session")
    request = kernel.send(f"%%step -p api={protocol} -p max_tokens=5000\nCount!")
    queued = kernel.send("print('never')")
    ran = kernel.read_until(request, "word20")
    kernel.manager.interrupt_kernel()
    ran = kernel.finish(request, ran)
    assert ran.status == "error"
    assert ran.error.startswith("Interrupted: stopped after ")
    assert len(ran.traceback) == 1
    assert server.requests[0].wait_until_over()
    assert server.requests[0].disconnected_at is not None
    assert kernel.finish(queued).status == "aborted"
    left = ran.shown[-1]
    assert "text/markdown" in left
    shown = left["text/plain"].partition("\n\n")[0]
    kept = kernel.check("print(session().conversation.turns[-1].text)").printed
    assert shown.startswith("word0 word1 ")
    assert kept.startswith(shown)
    after = kernel.run(f"%%step -p api={protocol} -p max_tokens=5000\nGo on.")
    assert after.status == "ok"


def test_interrupts_before_the_text_are_one_line_and_the_next_cell_works(
    server: OpenRouterServer, kernel: KernelUnderTest
) -> None:
    def interrupted(request: str) -> str:
        kernel.manager.interrupt_kernel()
        ran = kernel.finish(request, waiting)
        assert len(ran.traceback) == 1
        return ran.error

    # Before the first byte.
    server.enqueue(answer("never", delay_s=60))
    request = kernel.send("%%step\nHi")
    waiting = kernel.read_until(request, "Waiting for")
    while not server.requests:
        time.sleep(0.05)
    said = interrupted(request)
    assert said == (
        "Interrupted: stopped before any text arrived. The conversation is as it was."
    )
    # In the reasoning, which is kept, and gone on from.
    server.enqueue(
        answer("never", reasoning="Let me think. " * 300, pace_s=0.02),
        answer("Here it is.", reasoning="Now I know."),
    )
    request = kernel.send("%%step\nHi")
    waiting = kernel.read_until(request, "Let me think.")
    assert interrupted(request).endswith("`%step continue` asks for the answer.")
    shown = kernel.check("%step continue").shown[-1]["text/plain"]
    assert "Here it is." in shown
    # While another turn holds the conversation.
    server.enqueue(answer(LONG, reasoning="", pace_s=0.02), answer("Fine."))
    kernel.check(
        "from stepmagic.session import session\n"
        "from stepmagic.transcript import user\n"
        "talk = session().conversation\n"
        "going = talk.send(user('Count!'), session().options(talk))\n"
        "for _ in range(20):\n"
        "    next(going)"
    )
    request = kernel.send("%%step\nHi")
    waiting = kernel.read_until(request, "waiting for the turn before this one")
    assert interrupted(request).startswith("Interrupted: stopped before any text")
    kernel.check("going.cancel()")
    assert kernel.check("%%step\nHi").shown[-1]["text/plain"].startswith("Fine.")
    texts = kernel.check("print([len(t.text.split()) > 1 for t in talk.turns])")
    assert texts.printed == "[True, True, False]\n"


def test_two_interrupts_leave_the_static_bundle(
    server: OpenRouterServer, kernel: KernelUnderTest
) -> None:
    server.enqueue(answer(LONG, reasoning="", pace_s=0.01))
    request = kernel.send(LASTING)
    ran = kernel.read_until(request, "word20")
    kernel.manager.interrupt_kernel()
    time.sleep(0.01)
    kernel.manager.interrupt_kernel()
    ran = kernel.finish(request, ran)
    assert ran.status == "error"
    assert "text/markdown" in ran.shown[-1]
    assert kernel.run("%%step\nGo on.").status == "ok"


def test_an_error_is_one_message_and_the_next_cell_works(
    server: OpenRouterServer, kernel: KernelUnderTest
) -> None:
    server.enqueue(error(402, "Insufficient credits"))
    ran = kernel.run("%%step\nHi")
    assert ran.status == "error"
    assert ran.error.startswith("CreditExhausted: ")
    assert len(ran.traceback) == 1
    assert kernel.run("%%step\nHi").status == "ok"


def test_a_key_is_asked_for_unseen_and_checked(
    server: OpenRouterServer,
) -> None:
    settings = {"STEPMAGIC_BASE_URL": server.url, "STEPMAGIC_LIVE": "on"}
    with running_kernel(**settings) as kernel:
        kernel.check("%load_ext stepmagic")
        request = kernel.send("%step key")
        question = kernel.client.get_stdin_msg(timeout=30)
        assert question["content"]["password"] is True
        kernel.client.input(server.key)
        ran = kernel.finish(request)
        assert "The server accepts it" in ran.printed
        assert kernel.run("%%step\nHi").status == "ok"
        shown = json.dumps([m["content"] for m in ran.messages])
        assert server.key not in shown
