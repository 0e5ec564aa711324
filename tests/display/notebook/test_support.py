"""Which front ends get live views, and when the widgets of their answers are closed."""

from __future__ import annotations

import functools
import subprocess
import sys

import pytest

from front_ends import Clock, Shell
from stepmagic.attachments.notebook.host import Host
from stepmagic.display.notebook.support import FrontEnd


def test_the_first_reply_is_a_trial_where_the_front_end_names_its_cells() -> None:
    assert FrontEnd().takes_patches(Host(Shell()))
    assert not FrontEnd().takes_patches(Host(Shell(cell=None)))


def test_silence_after_a_pause_means_complete_frames_until_a_page_reports() -> None:
    clock, shell = Clock(), Shell()
    known = FrontEnd(clock)
    known.watch(Host(shell))
    known.watch(Host(shell))
    shell.events.trigger("post_run_cell", None)
    # Run All: the cells follow each other, and no report can have been read.
    shell.cell(clock, pause_s=0.1, takes_s=30)
    assert known.takes_patches(Host(shell))
    shell.cell(clock, pause_s=1.1)
    assert not known.takes_patches(Host(shell))
    known.report()
    assert known.takes_patches(Host(shell))
    shell.cell(clock, pause_s=10)
    assert known.takes_patches(Host(shell))


def test_a_cell_that_began_before_anything_ended_proves_nothing() -> None:
    shell = Shell()
    known = FrontEnd(Clock())
    known.watch(Host(shell))
    shell.events.trigger("pre_run_cell", None)
    assert known.takes_patches(Host(shell))


def test_widgets_stay_open_until_a_pause_that_their_page_has_used() -> None:
    clock, shell = Clock(), Shell()
    known = FrontEnd(clock)
    known.watch(Host(shell))
    closed: list[str] = []
    for name in ("first", "second"):
        known.close_later(functools.partial(closed.append, name))
    seen = []
    # Before the page has reported, it may just be slow; after that, only cells that
    # follow each other leave it no time.
    for reports, pause_s in ((0, 0.1), (0, 1.1), (1, 0.1), (1, 1.1), (1, 1.1)):
        if reports:
            known.report()
        shell.cell(clock, pause_s=pause_s)
        seen.append(len(closed))
    assert seen == [0, 0, 0, 2, 2]


def test_only_so_many_widgets_wait_for_a_pause() -> None:
    known, closed = FrontEnd(), list[int]()
    for number in range(20):
        known.close_later(functools.partial(closed.append, number))
    assert closed == [0, 1, 2, 3]


def test_a_widget_with_which_a_page_shows_an_answer_stays_open() -> None:
    clock, shell = Clock(), Shell()
    known = FrontEnd(clock)
    known.watch(Host(shell))
    closed: list[str] = []
    first, second = (functools.partial(closed.append, name) for name in "ab")
    known.close_later(first)
    known.keep_open(first)
    known.keep_open(first)
    known.close_later(second)
    shell.events.trigger("post_run_cell", None)
    shell.cell(clock, pause_s=1.1)
    assert closed == ["b"]
    assert known.has_reported


def test_without_anywidget_frames_are_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    # What Python itself does for a module that must not be imported.
    monkeypatch.setitem(sys.modules, "anywidget", None)
    assert not FrontEnd().takes_patches(Host(Shell()))


def test_loading_the_extension_imports_no_widgets() -> None:
    code = (
        "import sys; from IPython.core.interactiveshell import InteractiveShell;"
        "InteractiveShell.instance().run_line_magic('load_ext', 'stepmagic');"
        "print({'anywidget', 'ipywidgets'} & set(sys.modules))"
    )
    # The command is our own.
    ran = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "set()"
