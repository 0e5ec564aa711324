"""Outputs and objects in the form a model reads best; what is left out is named."""

from __future__ import annotations

import base64
import io
from typing import Any

import altair as alt
import pytest
from IPython.core.interactiveshell import InteractiveShell
from PIL import Image as Pillow

from image_samples import encoded
from stepmagic.attachments.attach import attach
from stepmagic.attachments.attachment import Attached, Handling
from stepmagic.attachments.images import ImageLimits
from stepmagic.attachments.notebook.bundles import (
    on_screen,
    read_bundle,
    text_of_html,
)
from stepmagic.errors import AttachmentError
from stepmagic.transcript import Image, Text

PNG = encoded(Pillow.new("RGB", (40, 30), "red"), "PNG")
GIF = base64.b64encode(encoded(Pillow.new("L", (40, 30)), "GIF")).decode()
PICTURE = base64.b64encode(PNG).decode()
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30">'
    '<rect width="40" height="30" fill="red"/></svg>'
)
ALTAIR: Any = alt
CHART = ALTAIR.Chart(ALTAIR.Data(values=[{"a": 1}])).mark_point().encode(x="a:Q")
PAGE = {"text/plain": "alt.Chart(...)", **CHART._repr_mimebundle_()}
VEGA = "application/vnd.vegalite.v5+json"
BARE = "<IPython.core.display.HTML object>"


def read(**forms: Any) -> Any:
    bundle = {name.replace("__", "/"): data for name, data in forms.items()}
    return read_bundle(bundle, "x", ImageLimits())


@pytest.mark.parametrize(
    ("bundle", "text"),
    [
        ({"text/llm+plain": "for you", "text/markdown": "m"}, "for you"),
        ({"text/markdown": ["it is\n", "42"], "text/plain": "<M>"}, "it is\n42"),
        ({"text/latex": "$x$", "image/png": PICTURE, "text/plain": "x"}, "$x$"),
        ({"application/json": {"a": 1}, "text/plain": "<JSON>"}, '{\n "a": 1\n}'),
        ({"text/plain": "x y", "text/html": "<b>z</b>"}, "x y"),
        ({"text/plain": BARE, "text/html": "<b>42</b>"}, "42"),
        ({"text/plain": "<Axes: > <b at 0x7f00aa>"}, "<Axes: > <b>"),
    ],
)  # fmt: skip
def test_text_is_preferred_in_order(bundle: dict[str, Any], text: str) -> None:
    content = read_bundle(bundle, "x", ImageLimits())
    assert (content.text, content.differences) == (text, ())


@pytest.mark.parametrize(
    "bundle",
    [
        {"image/png": PICTURE, "text/plain": "<Figure size 640x480>"},
        {"image/png": PNG},
        {"image/svg+xml": SVG, "text/plain": "<Figure size 640x480>"},
        {"image/gif": GIF},
        {
            VEGA: CHART.to_dict(),
            "text/plain": "alt.Chart",
        },
        PAGE,
    ],
)
def test_pictures_and_charts_are_drawn(bundle: dict[str, Any]) -> None:
    content = read_bundle(bundle, "x", ImageLimits())
    assert len(content.parts) == 1
    assert content.text == ""


@pytest.mark.parametrize(
    ("bundle", "named"),
    [
        ({"image/png": "AAAA", "text/plain": "<F>"}, "its image/png cannot be sent"),
        ({"application/x-none": "?", "text/plain": ""}, "application/x-none"),
        ({VEGA: {}}, "vegalite.v5"),
        ({"application/vnd.plotly.v1+json": {"data": []}}, "plotly"),
    ],
)  # fmt: skip
def test_what_is_left_out_is_named(bundle: dict[str, Any], named: str) -> None:
    content = read_bundle(bundle, "x", ImageLimits())
    assert (content.text, content.parts) == ("", ())
    assert named in content.differences[0]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("0%\r50%\r100%\n", "100%"),
        ("abcdef\rXY\n", "XYcdef"),
        ("done\r\nnext", "done\nnext"),
        ("\rlate\r", "late"),
    ],
)
def test_carriage_returns_are_as_on_a_screen(text: str, shown: str) -> None:
    assert on_screen(text) == shown


def test_html_is_read_without_scripts() -> None:
    page = "<style>a</style><p>one</p><script>two()</script><td>3</td><td>4</td>"
    assert text_of_html(page) == "one\n3\t4"


def sent(value: Any) -> Attached:
    return attach(value, "v", Handling(), {})


class Plot:
    """Shows itself as plotnine does."""

    def _repr_mimebundle_(self, **_: Any) -> Any:
        return {"image/png": PNG, "text/plain": "<Plot>"}, {}


class Formula:
    """Shows itself as sympy does."""

    def _repr_latex_(self) -> str:
        return "$x^2$"

    def _repr_png_(self) -> None:
        return None


class Told:
    """Has words for models."""

    def _repr_llm_(self) -> str:
        return "seven rows"

    def _repr_png_(self) -> bytes:
        return PNG


class Page:
    """Shows itself as HTML."""

    def _repr_html_(self) -> str:
        return "<b>42</b>"


def test_object_is_sent_as_it_shows_itself() -> None:
    assert [type(part) for part in sent(Plot()).parts] == [Image]
    for value, text in ((Formula(), "$x^2$"), (Told(), "seven rows"), (Page(), "42")):
        (part,) = sent(value).parts
        assert isinstance(part, Text)
        assert text in part.text
    assert len(sent([Plot(), Plot()]).parts) == 2


class Silent:
    """Shows nothing."""


@pytest.mark.usefixtures("bare_shell")
def test_formatters_of_the_shell_count() -> None:
    shell: Any = InteractiveShell.instance()
    with pytest.raises(
        AttachmentError, match="whose repr shows only its type and address"
    ):
        sent(Silent())
    formatters = shell.display_formatter.formatters
    formatters["image/png"].for_type(Silent, lambda _: PNG)
    formatters["image/png"].for_type(dict, lambda _: PNG)  # as sympy does
    try:
        assert [type(part) for part in sent(Silent()).parts] == [Image]
        assert [type(part) for part in sent({"a": 1}).parts] == [Text]
    finally:
        formatters["image/png"].pop(Silent)
        formatters["image/png"].pop(dict)


def test_object_that_cannot_show_itself_is_refused() -> None:
    class Broken:
        def _repr_markdown_(self) -> str:
            message = "no"
            raise ValueError(message)

    with pytest.raises(AttachmentError, match="could not be shown: ValueError: no"):
        sent(Broken())


def test_grids_and_plots_of_libraries_are_drawn() -> None:
    seaborn: Any = pytest.importorskip("seaborn")
    plotnine: Any = pytest.importorskip("plotnine")
    import pandas as pd  # type: ignore[import-untyped]  # noqa: PLC0415 - no types

    frame = pd.DataFrame({"a": range(4), "b": range(4), "c": list("xyxy")})
    grid = seaborn.relplot(frame, x="a", y="b", col="c")
    plot = plotnine.ggplot(frame, plotnine.aes("a", "b")) + plotnine.geom_point()
    for value in (grid, plot):
        (part,) = sent(value).parts
        assert isinstance(part, Image)
        image = Pillow.open(io.BytesIO(part.data or b""))
        assert len(image.getcolors(1 << 20) or ()) > 2


def test_formula_of_sympy_is_sent_as_latex() -> None:
    sympy: Any = pytest.importorskip("sympy")
    (part,) = sent(sympy.Symbol("x") ** 2).parts
    assert isinstance(part, Text)
    assert "x^{2}" in part.text
