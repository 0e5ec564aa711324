"""Answers as MIME bundles, and the output that is drawn again while one comes."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from notebook_views import Clock, Recorder, published, told
from page import Page
from stepmagic.display.notebook.view import NotebookView
from stepmagic.errors import Interrupted, StreamCut
from stepmagic.transcript import (
    Text,
)
from stepmagic.transcript.events import (
    Finish,
    PartDelta,
    PartStart,
)

__all__ = ["published"]


MODEL = "stepfun/step-3.7-flash"


GONE = "the server is gone"


MIMES = ["text/html", "text/markdown", "text/plain"]


def test_one_output_is_drawn_again_and_ends_static(published: Recorder) -> None:
    clock = Clock()
    with NotebookView(live=True, model=MODEL, clock=clock) as view:
        for event in [*told("Some *text*."), Finish(reason="stop", model=MODEL)]:
            clock.now_s += 0.1
            view.show(event)
    assert len(published.bundles) > 5
    assert len(set(published.ids)) == 1
    assert published.ids[0] is not None
    assert published.updates == [False] + [True] * (len(published.bundles) - 1)
    for frame in published.bundles[:-1]:
        assert sorted(frame) == ["text/html", "text/plain"]
        assert Page(frame["text/html"]).faults == []
    assert sorted(published.last) == MIMES
    assert "<em>text</em>" in published.last["text/html"]
    assert published.last["text/markdown"] == "Some *text*.\n"
    assert published.last["text/plain"] == "Some *text*."


def test_not_live_shows_the_static_bundle_alone(published: Recorder) -> None:
    with NotebookView(live=False, model=MODEL) as view:
        for event in [*told("Hi."), Finish(reason="stop", model=MODEL)]:
            view.show(event)
            view.tick()
    assert [sorted(bundle) for bundle in published.bundles] == [MIMES]
    assert published.ids == [None]
    assert "<footer" not in published.last["text/html"]


def test_frames_keep_their_distance(published: Recorder) -> None:
    clock = Clock()
    with NotebookView(live=True, clock=clock) as view:
        view.show(PartStart(index=0, part=Text(text="")))
        for _ in range(1000):
            clock.now_s += 0.001
            view.show(PartDelta(index=0, text="word "))
        assert 9 <= len(published.bundles) <= 12


def test_large_frames_come_less_often(published: Recorder) -> None:
    clock = Clock()
    with NotebookView(live=True, clock=clock) as view:
        view.show(PartStart(index=0, part=Text(text="x" * 131_072)))
        # 2 x 128 KB at 512 KB/s
        assert 0.5 <= frame_time(published, view, clock) < 0.6


def test_slow_frames_come_less_often_but_come(published: Recorder) -> None:
    clock = Clock(step_s=0.04)
    with NotebookView(live=True, clock=clock) as view:
        view.show(PartStart(index=0, part=Text(text="x")))
        assert 0.2 <= frame_time(published, view, clock) < 1.0
        clock.step_s = 10.0
        view.tick()
        clock.step_s = 0.0
        assert 1.9 <= frame_time(published, view, clock) <= 2.1


def frame_time(published: Recorder, view: NotebookView, clock: Clock) -> float:
    """Return how long the next frame is in coming, in seconds."""
    drawn, begin = len(published.bundles), clock.now_s
    while len(published.bundles) == drawn:
        clock.now_s += 0.01
        view.tick()
    return clock.now_s - begin


def test_an_interrupt_leaves_the_static_bundle(published: Recorder) -> None:
    with pytest.raises(Interrupted), NotebookView(live=True) as view:
        for event in told("Half an ans"):
            view.show(event)
        raise Interrupted
    assert sorted(published.last) == MIMES
    assert published.last["text/plain"].startswith("Half an ans\n\nStopped by you.")


def test_a_second_interrupt_does_not_stop_the_last_drawing(
    published: Recorder,
) -> None:
    published.interrupts = True
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), NotebookView(live=True) as view:
        for event in told("Half an ans"):
            view.show(event)
        os.kill(os.getpid(), signal.SIGINT)
        signal.pause()
    assert sorted(published.last) == MIMES
    assert signal.getsignal(signal.SIGINT) is before


def test_an_error_is_said_and_raised(published: Recorder) -> None:
    with pytest.raises(ZeroDivisionError), NotebookView(live=True) as view:
        view.show(told("Half")[0])
        raise ZeroDivisionError
    assert published.last["text/plain"] == "No answer was received."


def test_an_error_that_ends_the_stream_is_said(published: Recorder) -> None:
    with NotebookView(live=True) as view:
        for event in told("Half"):
            view.show(event)
        view.show(Finish(reason="error", error=StreamCut("the stream ended.")))
    assert published.last["text/plain"] == "Half\n\nThe answer was cut off."


def test_nothing_is_drawn_for_an_error_before_the_first_event(
    published: Recorder,
) -> None:
    with pytest.raises(StreamCut), NotebookView(live=True):
        raise StreamCut(GONE)
    assert published.bundles == []


def test_a_wait_that_ends_in_an_error_does_not_stand_for_ever(
    published: Recorder,
) -> None:
    with pytest.raises(StreamCut), NotebookView(live=True) as view:
        view.tick()
        raise StreamCut(GONE)
    assert published.last["text/plain"] == "No answer was received."


def test_a_view_works_beside_the_main_thread(published: Recorder) -> None:
    def draw() -> None:
        with NotebookView(live=True) as view:
            for event in [*told("Hi."), Finish(reason="stop")]:
                view.show(event)

    thread = threading.Thread(target=draw)
    thread.start()
    thread.join()
    assert published.last["text/plain"] == "Hi."
