"""Figures, charts and whatever draws itself, as the bytes of a PNG or JPEG."""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stepmagic.attachments.images.types import REPR_METHODS, Kind
from stepmagic.errors import AttachmentError

_PADDING_INCHES = 0.1
_FAR_OUT = 3
"""How many times its own size a figure may reach with what sticks out of it."""

_LEAST_DPI = 10
"""Text of 10 points is one pixel high there; FreeType fails below that."""

_LONGEST_REASON = 300


def draw(kind: Kind, value: Any, name: str, *, longest_side: int) -> bytes | str:
    """Return the encoded bytes of a value that can be drawn, or the URL of one.

    Args:
        kind: What ``kind_of`` says, neither ``pillow`` nor ``array``.
        value: The figure, chart or other value.
        name: What the user called it, for messages.
        longest_side: In pixels; no larger than that need it be drawn.

    Raises:
        AttachmentError: It cannot be drawn now, or here.
    """
    match kind:
        case "matplotlib":
            return _draw_matplotlib(value, name, longest_side)
        case "plotly":
            return _draw_plotly(value, name)
        case "altair":
            return _draw_altair(value, name)
        case "ipython":
            return _read_ipython(value, name)
        case "bytes":
            return bytes(value)
        case _:
            return _draw_repr(value, name)


def _draw_matplotlib(value: Any, name: str, longest_side: int) -> bytes:
    """Return a PNG of a figure or of the figure that axes are in.

    Drawn as the inline backend shows it, cut to what is there, by Agg and apart from
    the figure's own canvas: no window opens, nothing is closed, pyplot is not asked.

    Raises:
        AttachmentError: The axes are in no figure, or drawing failed.
    """
    owner = value if hasattr(value, "canvas") else value.figure
    if owner is None:
        message = f"`{name}` was removed from its figure. Send the figure itself."
        raise AttachmentError(message)
    figure = owner.canvas.figure
    buffer = io.BytesIO()
    try:
        figure.draw_without_rendering()
        box = figure.get_tightbbox().padded(_PADDING_INCHES)
        if max(box.size) > _FAR_OUT * max(figure.bbox_inches.size):
            box = figure.bbox_inches
        dpi = min(figure.dpi, max(_LEAST_DPI, longest_side / max(box.size)))
        figure.canvas.print_figure(
            buffer, format="png", backend="agg", dpi=dpi, bbox_inches=box
        )
    except Exception as exc:  # artists may be anybody's code
        raise _not_drawn(name, exc) from exc
    return buffer.getvalue()


def _draw_plotly(value: Any, name: str) -> bytes:
    """Return a PNG of a plotly figure, drawn by kaleido.

    Raises:
        AttachmentError: kaleido is not installed, or drawing failed.
    """
    way_round = (
        "plotly draws with kaleido: `pip install kaleido`. Or save a picture by the "
        "camera in the figure's toolbar and send that file."
    )
    return _call(lambda: value.to_image(format="png"), name, way_round)


def _draw_altair(value: Any, name: str) -> bytes:
    """Return a PNG of an Altair chart, drawn by vl-convert.

    Raises:
        AttachmentError: vl-convert is not installed, or drawing failed.
    """

    def draw() -> bytes:
        buffer = io.BytesIO()
        value.save(buffer, format="png")
        return buffer.getvalue()

    way_round = "Altair draws with vl-convert: `pip install vl-convert-python`."
    return _call(draw, name, way_round)


def _draw_repr(value: Any, name: str) -> bytes:
    """Return what ``_repr_png_`` or ``_repr_jpeg_`` of a value gives.

    IPython takes bytes or text in base64, alone or in a pair with metadata (IPython
    documentation, "Rich display").

    Raises:
        AttachmentError: Neither gives an image.
    """
    for method in REPR_METHODS:
        try:
            shown = getattr(value, method, lambda: None)()
        except Exception as exc:  # anybody's code
            raise _not_drawn(name, exc) from exc
        data = shown[0] if isinstance(shown, tuple) and shown else shown
        if isinstance(data, bytes | str) and data:
            return _to_bytes(data, name)
    message = f"`{name}` shows itself neither as PNG nor as JPEG now."
    raise AttachmentError(message)


def _read_ipython(value: Any, name: str) -> bytes | str:
    """Return the bytes of an ``IPython.display.Image``, or the URL it points to.

    Raises:
        AttachmentError: It points to what only this machine can reach, or to nothing.
    """
    data, url = value.data, value.url
    if data:
        return _to_bytes(data, name)
    if not url and value.filename:
        try:
            return Path(value.filename).read_bytes()
        except OSError as exc:
            message = f"`{name}` could not be read: {exc}"
            raise AttachmentError(message) from exc
    if str(url).startswith("data:"):
        return _to_bytes(url.partition(",")[2], name)
    if not str(url).startswith(("http://", "https://")):
        message = (
            f"`{name}` points to {url!r}, which the model's server cannot reach. Make "
            "it with `Image(filename=...)`, or give an http or https URL."
        )
        raise AttachmentError(message)
    return str(url)


def _call(draw: Callable[[], bytes], name: str, way_round: str) -> bytes:
    try:
        return draw()
    except Exception as exc:  # of the library, or of the renderer beneath it
        raise _not_drawn(name, exc, way_round) from exc


def _to_bytes(data: bytes | str, name: str) -> bytes:
    if isinstance(data, bytes):
        return data
    try:
        return base64.b64decode(data)
    except (binascii.Error, ValueError) as exc:
        message = f"`{name}` holds text that is not base64: {exc}"
        raise AttachmentError(message) from exc


def _not_drawn(name: str, exc: Exception, way_round: str = "") -> AttachmentError:
    reason = " ".join(str(exc).split())[:_LONGEST_REASON] or type(exc).__name__
    message = f"`{name}` could not be drawn: {reason.rstrip('.')}. {way_round}"
    return AttachmentError(message.rstrip())
