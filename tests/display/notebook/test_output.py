"""One output that is replaced by its display id."""

from __future__ import annotations

from notebook_views import Recorder, published
from stepmagic.display.notebook.frames import Frame
from stepmagic.display.notebook.output import HtmlCanvas, Output

__all__ = ["published"]


def test_an_output_is_found_again_by_its_id(published: Recorder) -> None:
    output, other = Output(), Output()
    before = output.began
    for bundle in ({"text/plain": "a"}, {"text/plain": "b"}):
        output.put(bundle)
    output.put({"text/plain": "c"}, stays=True)
    other.put({"text/plain": "d"})
    assert (before, output.began) == (False, True)
    assert published.updates == [False, True, True, False]
    assert len(set(published.ids[:3])) == 1
    assert published.ids[3] not in published.ids[:3]


def test_an_output_that_is_shown_once_needs_no_id(published: Recorder) -> None:
    output = Output()
    output.put({"text/plain": "a"}, stays=True)
    assert published.ids == [None]
    assert not output.began


def test_redrawing_counts_what_is_sent(published: Recorder) -> None:
    output = Output()
    assert output.redraw({"text/html": "<p>a</p>", "text/plain": "a"}) == 9
    assert output.began
    assert published.updates == [False]


def test_a_canvas_that_was_never_drawn_ends_without_an_output(
    published: Recorder,
) -> None:
    canvas = HtmlCanvas()
    canvas.prepare()
    canvas.end(None)
    assert not canvas.began
    assert published.bundles == []
    size = canvas.draw(Frame(pieces=(), line="wait", parts=()))
    assert size == sum(map(len, published.last.values()))
    canvas.end({"text/plain": "the end"})
    assert published.last == {"text/plain": "the end"}
    assert published.updates == [False, True]
