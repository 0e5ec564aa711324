"""Figures of matplotlib as the inline backend shows them, drawn on copies.

Drawing changes a figure: its layout is computed, and it temporarily has another canvas
and resolution. A copy shares only the arrays, so the user's figure is not changed,
whatever other threads do with it.
"""

from __future__ import annotations

import io
import math
import pickle
import threading
from collections.abc import Iterator
from typing import Any

from stepmagic.attachments.images.limits import Drawn, format_pixels
from stepmagic.errors import AttachmentError
from stepmagic.transcript.usage import format_count

_PADDING_INCHES = 0.1
_FAR_OUT = 3
"""How many times its own size a figure may have with artists outside of it."""

_LEAST_DPI = 10
"""At this resolution, text of 10 points is one pixel high; below, FreeType fails."""

_READABLE_DPI = 50
"""At this resolution, text of 10 points is 7 pixels high."""

_LONG = 3
"""How many times as long as wide a figure is that is sent in pieces."""

_MOST_PIECES = 12
_OVERLAP_INCHES = 0.4

DRAWING = threading.RLock()
"""A lock for all drawing, here or in a library: matplotlib is not thread-safe, and a
figure that cannot be copied is changed while it is drawn."""


def figure_of(value: Any, name: str) -> Any:
    """Return the figure that a value is, or is a part of.

    Raises:
        AttachmentError: It is not in a figure, or the figure is empty.
    """
    owner = value if hasattr(value, "canvas") else value.figure
    if owner is None:
        message = f"`{name}` was removed from its figure. Send the figure itself."
        raise AttachmentError(message)
    figure = owner.canvas.figure
    if _is_empty(figure):
        message = (
            f"`{name}` is an empty figure. Notebooks close a figure at the end of the "
            "cell that draws it, and `plt.gcf()` in a later cell is a new, empty one. "
            "Keep it in the cell that draws it, `fig = plt.gcf()`, and attach `fig`; "
            "or attach that cell's output, such as `--cells last`."
        )
        raise AttachmentError(message)
    return figure


def draw_figure(value: Any, name: str, longest_side: int) -> Drawn:
    """Return a figure, or the figure that a value is a part of, as one PNG or several.

    Raises:
        AttachmentError: It is not in a figure, or the figure is empty.
    """
    figure = figure_of(value, name)
    with DRAWING:
        copy = _copied(figure)
        copy.draw_without_rendering()
        box = copy.get_tightbbox().padded(_PADDING_INCHES)
        if max(box.size) > _FAR_OUT * max(copy.bbox_inches.size):
            box = copy.bbox_inches
        dpi, pieces = _layout(box, figure.dpi, longest_side)
        pictures = tuple(_draw(copy, piece, dpi) for piece in pieces)
    return Drawn(
        pictures=pictures,
        labels=_labels(len(pictures), is_tall=box.height > box.width),
        notices=tuple(_notices(value, figure, box, dpi, len(pictures))),
        advice=tuple(_advice(name, dpi, figure.dpi)),
    )


def _is_empty(figure: Any) -> bool:
    """Whether a figure is empty, or has only empty axes."""
    others = [artist for artist in figure.get_children() if artist is not figure.patch]
    if not others:
        return True
    return len(others) == 1 and len(figure.axes) == 1 and _is_bare(figure.axes[0])


def _is_bare(axes: Any) -> bool:
    words = (axes.get_title(), axes.get_xlabel(), axes.get_ylabel())
    drawn = (axes.has_data(), axes.texts, axes.get_legend(), axes.tables, axes.patches)
    return not any(words) and not any(drawn) and not axes.child_axes


def _is_complete_figure(value: Any, figure: Any) -> bool:
    """Whether a value is seaborn's grid, or all axes of a figure."""
    return not hasattr(value, "get_zorder") or figure.axes == [value]


class _Pickler(pickle.Pickler):
    """Drops the registration with pyplot: the copy would be another open figure."""

    def reducer_override(self, obj: Any) -> Any:
        from matplotlib.figure import Figure  # noqa: PLC0415 - the user has loaded it

        if not isinstance(obj, Figure):
            return NotImplemented
        reduced: Any = obj.__reduce_ex__(pickle.HIGHEST_PROTOCOL)
        make, arguments, state, *rest = reduced
        known = {key: it for key, it in state.items() if key != "_restore_to_pylab"}
        return (make, arguments, known, *rest)


def _copied(figure: Any) -> Any:
    """Return a copy that shares the arrays; the figure if it cannot be copied."""
    arrays: list[pickle.PickleBuffer] = []
    buffer = io.BytesIO()
    try:
        _Pickler(buffer, pickle.HIGHEST_PROTOCOL, buffer_callback=arrays.append).dump(
            figure
        )
        return pickle.loads(buffer.getvalue(), buffers=arrays)  # noqa: S301 - ours
    except Exception:  # noqa: BLE001 - artists may be anyone's code
        return figure


def _layout(box: Any, own_dpi: float, longest_side: int) -> tuple[float, list[Any]]:
    """Return the resolution and the boxes, in inches, that a figure is drawn in."""
    from matplotlib.transforms import Bbox  # noqa: PLC0415 - as above

    longest, shortest = max(box.size), min(box.size)
    dpi = min(own_dpi, max(_LEAST_DPI, longest_side / longest))
    if dpi >= min(own_dpi, _READABLE_DPI) or longest < _LONG * shortest:
        return dpi, [box]
    dpi = min(own_dpi, longest_side / shortest)
    inches = max(longest_side / dpi, longest / _MOST_PIECES + _OVERLAP_INCHES)
    dpi = min(dpi, longest_side / inches)
    count = math.ceil((longest - _OVERLAP_INCHES) / (inches - _OVERLAP_INCHES))
    step = (longest - inches) / max(1, count - 1)
    pieces = []
    for number in range(count):
        start = number * step
        if box.height > box.width:
            top = box.y1 - start
            piece = Bbox.from_extents(box.x0, top - inches, box.x1, top)
        else:
            left = box.x0 + start
            piece = Bbox.from_extents(left, box.y0, left + inches, box.y1)
        pieces.append(piece)
    return dpi, pieces


def _draw(figure: Any, box: Any, dpi: float) -> bytes:
    """Return a PNG of a part of a figure, drawn by Agg: no window opens."""
    buffer = io.BytesIO()
    # The background is the figure's own, as the inline backend shows it, whatever
    # ``savefig.facecolor`` says.
    figure.canvas.print_figure(
        buffer,
        format="png",
        backend="agg",
        dpi=dpi,
        bbox_inches=box,
        facecolor=figure.get_facecolor(),
        edgecolor=figure.get_edgecolor(),
    )
    return buffer.getvalue()


def _labels(count: int, *, is_tall: bool) -> tuple[str, ...]:
    if count == 1:
        return ("",)
    order = "from the top" if is_tall else "from the left"
    return tuple(f"part {number + 1} of {count}, {order}" for number in range(count))


def _notices(
    value: Any, figure: Any, box: Any, dpi: float, pieces: int
) -> Iterator[str]:
    width, height = (round(side * figure.dpi) for side in box.size)
    if value is not figure and not _is_complete_figure(value, figure):
        yield (
            "it is a part of a figure, and the complete figure is sent, with "
            f"{format_count(len(figure.axes), 'set')} of axes"
        )
    if pieces > 1:
        yield f"sent in {pieces} parts, which overlap a little"
    if dpi < figure.dpi:
        yield f"scaled down from {format_pixels((width, height))}"


def _advice(name: str, dpi: float, own_dpi: float) -> Iterator[str]:
    if dpi < min(own_dpi, _READABLE_DPI):
        yield (
            f"`{name}` is drawn at {dpi:.0f} dots per inch, so its text may be too "
            "small to read. Send a smaller figure, or its axes in several figures."
        )
