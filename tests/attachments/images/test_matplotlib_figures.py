"""Figures of matplotlib."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
from typing import Any

import matplotlib.figure
import matplotlib.pyplot as plt
import pytest
from PIL import Image

from drawn_figures import draw
from image_samples import decoded, difference
from stepmagic.attachments.images import ImageLimits, to_images
from stepmagic.errors import AttachmentError

pytestmark = pytest.mark.usefixtures("no_window")


def inline(figure: matplotlib.figure.Figure) -> Image.Image:
    """Return a figure as matplotlib saves it, cut to what is there."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=figure.dpi, bbox_inches="tight")
    return Image.open(buffer)


def plotted() -> matplotlib.figure.Figure:
    figure, (left, right) = plt.subplots(1, 2)
    left.plot([1, 3, 2], color="red", label="a line")
    left.legend(loc="upper left", bbox_to_anchor=(-0.5, 1.2))
    right.bar(["a", "b"], [4, 5])
    return figure


def test_figure_is_drawn_as_it_is_shown() -> None:
    figure = plotted()
    assert difference(draw(figure), inline(figure)) < 1


def test_axes_stand_for_their_figure() -> None:
    figure = plotted()
    part: Any = figure.subfigures()
    part.subplots()
    whole = draw(figure)
    for axes in (*figure.axes, part):
        assert difference(draw(axes), whole) == 0


def test_figure_without_pyplot_is_drawn() -> None:
    figure = matplotlib.figure.Figure(figsize=(2, 1))
    figure.add_subplot().plot([1, 2])
    assert draw(figure).width > 150


def test_figure_stays_as_it_was() -> None:
    figure, other = plotted(), plt.figure()
    number = figure.number
    before = inline(figure)
    canvas, manager, dpi = figure.canvas, figure.canvas.manager, figure.dpi
    size, stale = figure.get_size_inches(), figure.stale
    figure.set_layout_engine("constrained")
    engine = figure.get_layout_engine()
    draw(figure, longest_side=100)
    assert (figure.canvas, figure.canvas.manager, figure.dpi) == (canvas, manager, dpi)
    assert (figure.get_size_inches() == size).all()
    assert figure.get_layout_engine() is engine
    assert plt.gcf() is other
    assert plt.fignum_exists(number)
    figure.set_layout_engine("none")
    assert figure.stale or not stale
    figure.axes[0].plot([0, 4])
    assert draw(figure).size
    assert inline(figure).size == pytest.approx(before.size, abs=40)


def test_what_a_window_has_yet_to_draw_stays_so() -> None:
    figure = plotted()
    figure.canvas.draw()
    figure.axes[0].set_title("new")
    assert figure.stale
    draw(figure)
    assert figure.stale


def test_closed_figure_is_drawn() -> None:
    figure = plotted()
    plt.close(figure)
    assert draw(figure).width > 300


@pytest.mark.parametrize("backends", [["svg", "pdf", "ps"], ["cairo"]])
def test_any_backend_will_do(backends: list[str]) -> None:
    code = (
        "import matplotlib, matplotlib.pyplot as plt\n"
        "from stepmagic.attachments.images import to_images\n"
        f"for backend in {backends}:\n"
        "    matplotlib.use(backend)\n"
        "    plt.figure()\n"
        "    plt.plot([1, 2])\n"
        "    print(plt.get_backend(), to_images(plt.gcf(), 'fig').size)\n"
    )
    if "cairo" in backends:
        pytest.importorskip("cairo")
    ran = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    drawn = [line.split(maxsplit=1) for line in ran.stdout.splitlines()]
    assert [name for name, _ in drawn] == backends
    assert all("pixels" in size for _, size in drawn)


def test_large_figure_is_drawn_at_the_size_it_is_sent() -> None:
    figure = plt.figure(figsize=(30, 20))
    figure.add_subplot().plot([1, 2])
    converted = to_images(figure, "fig", ImageLimits(longest_side=600))
    assert max(decoded(converted.parts[0]).size) in (599, 600)
    (notice,) = converted.notices
    assert notice.startswith("scaled down from 2,377")
    assert "too small to read" in converted.advice[0]


def test_huge_figure_is_drawn_and_scaled_down() -> None:
    figure = plt.figure(figsize=(90, 60))
    figure.add_subplot().plot([1, 2])
    converted = to_images(figure, "fig", ImageLimits(longest_side=600))
    assert max(decoded(converted.parts[0]).size) == 600
    assert "scaled down" in converted.notices[0]


def test_far_out_text_does_not_stretch_the_figure() -> None:
    figure = plotted()
    figure.axes[0].text(500, 0, "lost")
    assert draw(figure).size == (640, 480)


def test_transparent_figure_gets_a_ground_it_is_legible_on() -> None:
    with plt.style.context("dark_background"):
        figure = plt.figure(facecolor="none")
        figure.add_subplot(facecolor="none").plot([1, 2], color="white")
    converted = to_images(figure, "fig")
    assert converted.notices == ("transparent parts lie on dark grey",)


def test_removed_axes_are_refused() -> None:
    axes = plotted().axes[0]
    axes.remove()
    with pytest.raises(AttachmentError, match="`ax` was removed from its figure"):
        to_images(axes, "ax")


def test_figure_that_cannot_be_drawn_is_refused() -> None:
    figure = plotted()
    figure.axes[0].set_title(r"$\nosuchcommand$")
    with pytest.raises(AttachmentError, match=r"`fig` could not be drawn.*nosuch"):
        to_images(figure, "fig")


def test_ground_is_the_figures_own() -> None:
    with plt.style.context("dark_background"):
        figure = plt.figure()
        figure.add_subplot().plot([1, 2])
    plt.rcParams["savefig.facecolor"] = "white"
    assert draw(figure).convert("RGB").getpixel((2, 2)) == (0, 0, 0)


@pytest.mark.parametrize("make", [plt.gcf, plt.gca])
def test_empty_figure_is_refused_with_the_reason(make: Any) -> None:
    with pytest.raises(
        AttachmentError, match=r"`plt.gcf\(\)` is an empty figure.*--cells"
    ):
        to_images(make(), "plt.gcf()")


def test_tall_figure_is_sent_in_readable_parts() -> None:
    figure, axes = plt.subplots(30, 1, figsize=(4, 90))
    for number, each in enumerate(axes):
        each.set_title(f"panel {number}")
    converted = to_images(figure, "fig", ImageLimits(longest_side=1000))
    assert len(converted.parts) > 3
    assert converted.parts[0].name == (
        f"fig (part 1 of {len(converted.parts)}, from the top)"
    )
    assert converted.notices[0].startswith(f"sent in {len(converted.parts)} parts")
    for part in converted.parts:
        assert decoded(part).width > 200


def test_threads_leave_a_figure_as_it_was() -> None:
    figure = plotted()
    before = vars(figure).copy(), figure.dpi, figure.canvas

    def attach() -> None:
        for side in (200, 900):
            draw(figure, side)

    threads = [threading.Thread(target=attach) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (vars(figure), figure.dpi, figure.canvas) == before
    assert len(plt.get_fignums()) == 1


def test_layout_of_a_figure_is_not_computed_by_attaching() -> None:
    figure, axes = plt.subplots(2, 2, layout="constrained")
    before = axes[0, 0].get_position().bounds
    draw(figure)
    assert axes[0, 0].get_position().bounds == before


def test_figure_that_cannot_be_copied_is_drawn() -> None:
    figure = plotted()
    figure.axes[0].xaxis.set_major_formatter(lambda value, _: f"{value:.1f} m")
    dpi = figure.dpi
    assert draw(figure, 300).width == 300
    assert figure.dpi == dpi


def test_lines_stand_for_their_figure() -> None:
    (line,) = plt.plot([1, 2])
    converted = to_images(line, "line")
    assert converted.notices == (
        "it is a part of a figure, and the complete figure is sent, with 1 set of axes",
    )
