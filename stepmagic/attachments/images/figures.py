"""Figures, charts and other values that can draw themselves, as encoded pictures."""

from __future__ import annotations

import base64
import binascii
import importlib
import io
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from stepmagic.attachments.images.limits import Drawn
from stepmagic.attachments.images.matplotlib_figures import DRAWING, draw_figure
from stepmagic.attachments.images.types import REPR_METHODS, Kind, formatter_of
from stepmagic.errors import AttachmentError

_LONGEST_REASON = 300
_SVG_SCALE = 1.5
"""matplotlib writes SVG in points, of which an inch has 72."""

_VEGA_WAY_ROUND = "Altair draws with vl-convert: `pip install vl-convert-python`."


def draw(kind: Kind, value: Any, name: str, *, longest_side: int) -> Drawn:
    """Return a value that can be drawn as encoded pictures, or the URL of one.

    Args:
        kind: What ``kind_of`` returns, except ``pillow`` and ``array``.
        value: The figure, chart or other value.
        name: What the user called it, for messages.
        longest_side: In pixels; a larger drawing is not needed.

    Raises:
        AttachmentError: It cannot be drawn, or a library for it is not installed.
    """
    if kind == "matplotlib":
        return _draw_matplotlib(value, name, longest_side)
    found = _DRAWERS[kind](value, name)
    if isinstance(found, str):
        return Drawn(url=found)
    return Drawn(pictures=(found,))


def _draw_matplotlib(value: Any, name: str, longest_side: int) -> Drawn:
    """Return a figure, or the figure that axes, a line or a grid of seaborn are in.

    Raises:
        AttachmentError: It is not in a figure, the figure is empty, or drawing failed.
    """
    try:
        return draw_figure(value, name, longest_side)
    except AttachmentError:
        raise
    except Exception as exc:  # artists may be anyone's code
        raise _not_drawn(name, exc) from exc


_PLOTLY_WAY_ROUND = (
    "plotly draws with kaleido: `pip install kaleido`. Or save a picture by the camera "
    "in the figure's toolbar and send that file."
)


def draw_plotly_json(spec: Mapping[str, Any], name: str) -> bytes:
    """Return a PNG of the JSON of a plotly figure, drawn by kaleido.

    Raises:
        AttachmentError: plotly or kaleido is not installed, or drawing failed.
    """

    def draw() -> bytes:
        plotly: Any = importlib.import_module("plotly.io")  # an optional library
        data: bytes = plotly.to_image(dict(spec), format="png", validate=False)
        return data

    return _call(draw, name, _PLOTLY_WAY_ROUND)


def _draw_plotly(value: Any, name: str) -> bytes:
    """Return a PNG of a plotly figure, drawn by kaleido.

    Raises:
        AttachmentError: kaleido is not installed, or drawing failed.
    """
    return _call(lambda: value.to_image(format="png"), name, _PLOTLY_WAY_ROUND)


def draw_altair(value: Any, name: str) -> bytes:
    """Return a PNG of an Altair chart, drawn by vl-convert.

    Raises:
        AttachmentError: vl-convert is not installed, drawing failed, or the chart's
            data could not be loaded.
    """

    def draw() -> bytes:
        buffer = io.BytesIO()
        value.save(buffer, format="png")
        data = buffer.getvalue()
        check_data(value.to_dict(), name)
        return data

    return _call(draw, name, _VEGA_WAY_ROUND)


def draw_vega(spec: Mapping[str, Any], name: str, *, is_lite: bool) -> bytes:
    """Return a PNG of a chart in Vega or Vega-Lite, drawn by vl-convert.

    Raises:
        AttachmentError: vl-convert is not installed, drawing failed, or the chart's
            data could not be loaded.
    """

    def draw() -> bytes:
        import vl_convert  # noqa: PLC0415 - an optional library

        if not is_lite:
            return bytes(vl_convert.vega_to_png(dict(spec)))
        check_data(spec, name)
        return bytes(vl_convert.vegalite_to_png(dict(spec)))

    return _call(draw, name, _VEGA_WAY_ROUND)


def draw_svg(text: str, name: str) -> bytes:
    """Return a PNG of an SVG picture, drawn by vl-convert.

    Raises:
        AttachmentError: vl-convert is not installed, or drawing failed.
    """

    def draw() -> bytes:
        import vl_convert  # noqa: PLC0415 - an optional library

        return bytes(vl_convert.svg_to_png(text, scale=_SVG_SCALE))

    advice = "SVG is drawn with vl-convert: `pip install vl-convert-python`."
    return _call(draw, name, advice)


def check_data(spec: Mapping[str, Any], name: str) -> None:
    """Refuse a chart in Vega-Lite whose data cannot be loaded.

    vl-convert then draws empty axes without an error. A chart that looks the same
    without its data did not load them.

    Raises:
        AttachmentError: The data at one of its addresses could not be loaded.
    """
    addresses = dict.fromkeys(_addresses(spec))
    if not addresses:
        return
    import vl_convert  # noqa: PLC0415 - an optional library

    drawn = vl_convert.vegalite_to_svg(dict(spec))
    for address in addresses:
        try:
            without = vl_convert.vegalite_to_svg(_without(spec, address))
        except ValueError:  # such as shapes that need a topology: the data was loaded
            continue
        if without == drawn:
            message = (
                f"`{name}` takes its data from {hide_user(address)!r}, which could not "
                "be loaded here, so the chart would be empty. Give it the data itself, "
                "such as `alt.Chart(pd.read_csv(...))`."
            )
            raise AttachmentError(message)


def hide_user(url: str) -> str:
    """Return an address without a user and password."""
    return re.sub(r"(?<=//)[^/?#]*@", "", url)


def _addresses(value: Any) -> Iterator[str]:
    """Yield the addresses of data in a chart's specification."""
    if isinstance(value, Mapping):
        data = value.get("data")
        if isinstance(data, Mapping) and isinstance(data.get("url"), str):
            yield data["url"]
        for key, item in value.items():
            if key != "datasets":
                yield from _addresses(item)
    elif isinstance(value, list):
        for item in value:
            yield from _addresses(item)


def _without(value: Any, address: str) -> Any:
    """Return a specification with nothing in place of the data at an address."""
    if isinstance(value, list):
        return [_without(item, address) for item in value]
    if not isinstance(value, Mapping):
        return value
    if value.get("url") == address:
        return {"values": []}
    return {key: _without(item, address) for key, item in value.items()}


def _draw_bokeh(value: Any, name: str) -> bytes:
    """Return a PNG of a bokeh plot, drawn by a browser that selenium runs.

    Raises:
        AttachmentError: selenium or a browser is not installed, or drawing failed.
    """

    def draw() -> bytes:
        export: Any = importlib.import_module("bokeh.io.export")  # optional

        buffer = io.BytesIO()
        export.get_screenshot_as_png(value).save(buffer, "PNG")
        return buffer.getvalue()

    advice = (
        "bokeh draws with selenium and a browser: `pip install selenium`. Or save a "
        "picture by the tool in the plot's toolbar and send that file."
    )
    return _call(draw, name, advice)


def _draw_repr(value: Any, name: str) -> bytes:
    """Return what ``_repr_png_`` or ``_repr_jpeg_`` of a value, or a formatter returns.

    IPython accepts bytes or text in base64, as such or in a pair with metadata (IPython
    documentation, "Rich display").

    Raises:
        AttachmentError: None of them returns an image.
    """
    for mime, method in REPR_METHODS.items():
        formatter = formatter_of(type(value), mime)
        try:
            with DRAWING:
                shown = formatter(value) if formatter else None
                shown = shown or getattr(value, method, lambda: None)()
        except Exception as exc:  # anyone's code
            raise _not_drawn(name, exc) from exc
        data = shown[0] if isinstance(shown, tuple) and shown else shown
        if isinstance(data, bytes | str) and data:
            return to_bytes(data, name)
    message = f"`{name}` has no image to show: its display is neither PNG nor JPEG."
    raise AttachmentError(message)


def _read_ipython(value: Any, name: str) -> bytes | str:
    """Return the bytes of an ``IPython.display.Image``, or the URL it points to.

    Raises:
        AttachmentError: It points to an address that only this machine can reach, or it
            is empty.
    """
    data, url = value.data, value.url
    if data:
        return to_bytes(data, name)
    if not url and value.filename:
        try:
            return Path(value.filename).read_bytes()
        except OSError as exc:
            message = f"`{name}` could not be read: {exc}"
            raise AttachmentError(message) from exc
    if str(url).startswith("data:"):
        return to_bytes(url.partition(",")[2], name)
    if not str(url).startswith(("http://", "https://")):
        message = (
            f"`{name}` points to {url!r}, which the model's server cannot reach. Make "
            "it with `Image(filename=...)`, or give an http or https URL."
        )
        raise AttachmentError(message)
    return str(url)


def _call(draw: Callable[[], bytes], name: str, advice: str) -> bytes:
    try:
        return draw()
    except AttachmentError:
        raise
    except Exception as exc:  # of the library, or of its renderer
        raise _not_drawn(name, exc, advice) from exc


def to_bytes(data: bytes | str, name: str) -> bytes:
    """Return a picture's bytes, given bytes or base64 text.

    Raises:
        AttachmentError: It is text that is not base64.
    """
    if isinstance(data, bytes):
        return data
    try:
        return base64.b64decode(data)
    except (binascii.Error, ValueError) as exc:
        message = f"`{name}` contains text that is not base64: {exc}"
        raise AttachmentError(message) from exc


def _not_drawn(name: str, exc: Exception, advice: str = "") -> AttachmentError:
    words = str(exc).partition("Stack backtrace")[0].split()
    reason = " ".join(words)[:_LONGEST_REASON] or type(exc).__name__
    message = f"`{name}` could not be drawn: {reason.rstrip('.')}. {advice}"
    return AttachmentError(message.rstrip())


_DRAWERS: dict[Kind, Callable[[Any, str], bytes | str]] = {
    "plotly": _draw_plotly,
    "altair": draw_altair,
    "bokeh": _draw_bokeh,
    "ipython": _read_ipython,
    "bytes": lambda value, _: bytes(value),
    "repr": _draw_repr,
}
