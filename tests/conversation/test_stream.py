"""The events of a turn, as they are read, stopped and listened to."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError

import pytest

from dialogues import drain, say
from openrouter_server import (
    OpenRouterServer,
    answer,
)
from stepmagic.conversation.dialogue import Dialogue
from stepmagic.conversation.stream import TurnStream
from stepmagic.errors import (
    Interrupted,
    StepError,
)
from stepmagic.server.options import Options
from stepmagic.transcript import (
    Protocol,
    TurnTree,
    user,
)
from stepmagic.transcript.events import Finish, Notice, PartDelta, StreamEvent
from stepmagic.wire import PROTOCOLS

LONG = " ".join(f"word{number}" for number in range(400))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_interrupts_anywhere_leave_a_valid_conversation(
    server: OpenRouterServer, ask_with: Callable[..., Options], protocol: Protocol
) -> None:
    chance = random.Random(7)
    talk = Dialogue()
    words = " ".join(f"word{n}" for n in range(60))
    for round_ in range(6):
        server.enqueue(
            answer(
                words,
                reasoning="thinking " * 10,
                tokens_per_frame=1,
                pace_s=0.003,
                delay_s=0.05,
            )
        )
        seen = ""
        after = chance.choice([0, 1, 5, 20, 30, 40])
        stream = talk.send(user(f"Question {round_}"), ask_with(protocol))
        with pytest.raises(Interrupted) as stopped, stream:
            for count, event in enumerate(stream):
                if isinstance(event, PartDelta):
                    seen += event.text
                if count >= after:
                    raise KeyboardInterrupt
        assert "\n" not in str(stopped.value)
        assert server.requests[-1].wait_until_over()
        closed = stream.turn
        assert closed is not None
        assert closed.status == "interrupted"
        kept = closed.replies[0].reasoning + closed.text
        assert kept.startswith(seen)
        assert say(talk, "Go on.", ask_with(protocol)).status == "complete"


def test_an_interrupt_while_waiting_reaches_a_blocked_reader(
    server: OpenRouterServer, ask_with: Callable[..., Options]
) -> None:
    talk = Dialogue()
    server.enqueue(answer("never", delay_s=20))
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(Interrupted, match="before any text"):
        drain(talk.send(user("Hello?"), ask_with()))
    # The connection was closed on this side, and not at the end of the answer.
    assert server.requests[0].wait_until_over()
    assert server.requests[0].disconnected_at is not None
    assert talk.turns == []
    assert say(talk, "Again?", ask_with()).status == "complete"


def test_an_interrupt_that_wakes_no_thread_is_raised_before_the_next_event() -> None:
    """As one that arrives just before the reader blocks: another thread receives it."""
    stream = TurnStream(TurnTree())
    raised = threading.Event()
    late: list[str] = []

    def interrupt() -> None:
        time.sleep(0.3)
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)
        if not raised.wait(10):
            late.append("the reader still waits")
            stream.put(Finish(reason="stop"))

    thread = threading.Thread(target=interrupt, daemon=True)
    thread.start()
    with pytest.raises(Interrupted), stream:
        next(stream)
    raised.set()
    thread.join()
    assert late == []


def test_a_reader_that_leaves_stops_the_turn(
    server: OpenRouterServer, ask_with: Callable[..., Options]
) -> None:
    talk = Dialogue()
    server.enqueue(answer("word " * 500, tokens_per_frame=1, pace_s=0.01))
    with talk.send(user("Long?"), ask_with()) as stream:
        next(stream)
    assert stream.turn is not None
    assert stream.turn.status == "interrupted"
    with pytest.raises(StepError, match="not finished"):
        stream.result()


def test_a_reader_that_breaks_stops_the_turn_with_its_own_error(
    server: OpenRouterServer, ask_with: Callable[..., Options]
) -> None:
    talk = Dialogue()
    server.enqueue(answer("word " * 500, tokens_per_frame=1, pace_s=0.01))
    stream = talk.send(user("Long?"), ask_with())
    with pytest.raises(ZeroDivisionError), stream:
        next(stream)
        raise ZeroDivisionError
    assert server.requests[0].wait_until_over()
    assert say(talk, "Again?", ask_with()).status == "complete"


def test_listeners_see_every_event_and_can_leave(
    ask_with: Callable[..., Options],
) -> None:
    talk = Dialogue()
    heard: list[tuple[str, StreamEvent]] = []
    leave = talk.subscribe(lambda turn, event: heard.append((turn, event)))
    stream = talk.send(user("Hi"), ask_with())
    read = drain(stream)
    assert [event for _, event in heard] == read
    assert {turn for turn, _ in heard} == {stream.turn_id}
    leave()
    say(talk, "Again", ask_with())
    assert len(heard) == len(read)


def test_a_reader_hears_that_nothing_came_for_a_while(
    server: OpenRouterServer, ask_with: Callable[..., Options]
) -> None:
    server.enqueue(answer("late", delay_s=0.4))
    with Dialogue().send(user("Hi"), ask_with()) as stream:
        heard = list(stream.beats(0.05))
    assert heard.count(None) >= 3
    assert isinstance(heard[-1], Finish)


def test_what_a_stopped_turn_left_unread_can_be_read(
    server: OpenRouterServer, ask_with: Callable[..., Options]
) -> None:
    server.enqueue(answer(LONG, reasoning="", pace_s=0.005))
    with Dialogue().send(user("Long?"), ask_with()) as stream:
        next(stream)
        time.sleep(0.3)
    left = [event.text for event in stream.rest() if isinstance(event, PartDelta)]
    assert stream.turn is not None
    assert stream.turn.text == "".join(left)
    assert not list(stream.rest())


def test_work_before_the_request_ends_when_the_turn_is_stopped() -> None:
    stream = TurnStream(TurnTree())
    stream.report("starting")
    stream.cancel()
    with pytest.raises(CancelledError):
        stream.report("still starting")
    assert [event.text for event in stream.rest() if isinstance(event, Notice)] == [
        "starting"
    ]
