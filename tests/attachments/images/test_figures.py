"""Figures and charts: drawn as they are seen, and left as they were."""

from __future__ import annotations

import base64
import sys
from pathlib import Path
from typing import Any

import IPython.display
import plotly.graph_objects as go  # type: ignore[import-untyped]  # has no stubs
import pytest

from drawn_figures import draw
from image_samples import difference, drawing, encoded, photo
from stepmagic.attachments.images import ImageLimits, to_images
from stepmagic.errors import AttachmentError

IPYTHON: Any = IPython.display
PNG, JPEG = encoded(drawing(), "PNG"), encoded(photo(), "JPEG", quality=95)


pytestmark = pytest.mark.usefixtures("no_window")


def test_altair_chart_is_drawn() -> None:
    import altair as alt  # noqa: PLC0415 - a second, for two tests

    altair: Any = alt
    data = altair.Data(values=[{"x": 1, "y": 2}, {"x": 2, "y": 5}])
    chart = alt.Chart(data).mark_bar(color="red").encode(x="x:N", y="y:Q")
    colours = draw(chart).getcolors(1 << 16) or []
    assert max(colours)[1] in ((255, 255, 255), (255, 0, 0))
    assert (255, 0, 0) in [colour for _, colour in colours]


def test_broken_altair_chart_says_what_is_wrong() -> None:
    import altair as alt  # noqa: PLC0415 - see above

    with pytest.raises(AttachmentError, match=r"`c` could not be drawn.*vl-convert"):
        to_images(alt.Chart(), "c")


def test_plotly_says_what_to_install() -> None:
    if "kaleido" in sys.modules or Path(sys.prefix, "bin", "kaleido").exists():
        pytest.skip("kaleido is here")
    with pytest.raises(AttachmentError, match=r"`f` could.*pip install kaleido"):
        to_images(go.Figure(), "f")


class Shown:
    """A value with a picture of itself."""

    def __init__(self, png: Any = None, jpeg: Any = None) -> None:
        self.png, self.jpeg = png, jpeg

    def _repr_png_(self) -> Any:
        return self.png

    def _repr_jpeg_(self) -> Any:
        return self.jpeg


@pytest.mark.parametrize(
    "png",
    [
        PNG,
        base64.b64encode(PNG).decode(),
        base64.encodebytes(PNG).decode(),
        (PNG, {"width": 20}),
        (base64.b64encode(PNG).decode(), {}),
    ],
)
def test_picture_of_itself_is_sent(png: Any) -> None:
    assert difference(draw(Shown(png)), drawing()) == 0


def test_jpeg_stands_in_for_a_png() -> None:
    assert difference(draw(Shown(None, JPEG)), photo()) < 4


def test_jpeg_alone_is_enough() -> None:
    class OnlyJpeg:
        def _repr_jpeg_(self) -> bytes:
            return JPEG

    assert difference(draw(OnlyJpeg()), photo()) < 4


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (Shown(), "has no image to show.*neither PNG nor JPEG"),
        (Shown((), ()), "has no image to show.*neither PNG nor JPEG"),
        (Shown("abc"), "not base64"),
        (Shown("\N{SNOWMAN}"), "not base64"),
        (Shown(b"<svg/>"), "not a PNG"),
    ],
)
def test_no_picture_of_itself_is_refused(value: Any, said: str) -> None:
    with pytest.raises(AttachmentError, match=f"`v`.*{said}"):
        to_images(value, "v")


def test_error_of_the_value_is_told() -> None:
    class Broken:
        def _repr_png_(self) -> bytes:
            raise KeyError

    with pytest.raises(AttachmentError, match="`v` could not be drawn: KeyError"):
        to_images(Broken(), "v")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a PNG."""
    file = tmp_path / "drawing.png"
    file.write_bytes(PNG)
    return file


def test_ipython_image_is_sent(path: Path) -> None:
    data_url = "data:image/png;base64," + base64.b64encode(PNG).decode()
    for value in (
        IPYTHON.Image(data=PNG),
        IPYTHON.Image(filename=str(path)),
        IPYTHON.Image(filename=str(path), embed=False),
        IPYTHON.Image(url=data_url, format="png"),
    ):
        assert difference(draw(value), drawing()) == 0


def test_ipython_link_is_passed_on() -> None:
    link = IPYTHON.Image(url="https://example.org/a.png")
    converted = to_images(link, "v", ImageLimits(detail="high"))
    (part,) = converted.parts
    assert (part.url, part.data) == ("https://example.org/a.png", None)
    assert (part.name, part.detail) == ("v", "high")
    assert converted.size == "a link, passed on"


def test_link_that_no_server_reaches_is_refused(path: Path) -> None:
    with pytest.raises(AttachmentError, match=r"`v` points to 'a.png'.*filename="):
        to_images(IPYTHON.Image(url="a.png"), "v")
    value = IPYTHON.Image(filename=str(path), embed=False)
    path.unlink()
    with pytest.raises(AttachmentError, match="`v` could not be read"):
        to_images(value, "v")


@pytest.mark.parametrize("url", ["d.csv", "http://127.0.0.1:9/d.csv"])
def test_altair_without_its_data_is_refused(url: str) -> None:
    import altair as alt  # noqa: PLC0415 - see above

    altair: Any = alt
    chart = altair.Chart(url).mark_point().encode(x="a:Q", y="b:Q")
    for value in (chart, altair.layer(chart, chart)):
        with pytest.raises(AttachmentError, match=r"`c` takes its data from.*not be"):
            to_images(value, "c")
