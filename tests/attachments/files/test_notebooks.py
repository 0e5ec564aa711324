"""Notebooks as the text and pictures of their cells."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as pillow  # noqa: N813 - the package has an Image of its own

from attached_files import Write, png, said
from stepmagic.attachments import images
from stepmagic.attachments.files import notebooks
from stepmagic.errors import AttachmentError
from stepmagic.transcript import Image, Text


def notebook(*cells: dict[str, Any], **metadata: Any) -> str:
    return json.dumps({"nbformat": 4, "metadata": metadata, "cells": cells})


def code(source: Any, *outputs: dict[str, Any], number: int | None = 1) -> Any:
    return {
        "cell_type": "code",
        "source": source,
        "outputs": outputs,
        "execution_count": number,
        "metadata": {"secret": "not for the model"},
    }


def shown(**data: Any) -> dict[str, Any]:
    bundle = {name.replace("_", "/", 1): value for name, value in data.items()}
    return {"output_type": "display_data", "data": bundle, "metadata": {}}


def picture(colour: str = "red") -> str:
    return base64.b64encode(png(colour)).decode()


def test_notebook_is_its_cells(attach: Write) -> None:
    attached = attach(
        "a.ipynb",
        notebook(
            {"cell_type": "markdown", "source": ["# Sales\n", "by month"]},
            code("1 + 1", shown(text_plain="2", text_html="<b>2</b>")),
            code(["print(7)"], {"output_type": "stream", "text": ["7\n"]}, number=None),
            code(""),
            {"cell_type": "markdown", "source": []},
            {"cell_type": "raw", "source": "as it is"},
        ),
    )
    assert said(attached) == (
        "# Sales\nby month\n\n"
        "In [1]:\n```python\n1 + 1\n```\n\n```\n2\n```\n\n"
        "In:\n```python\nprint(7)\n```\n\n```\n7\n```\n\n"
        "as it is\n"
    )
    assert attached.kind == "notebook"
    assert attached.size.startswith("6 cells, ")
    assert attached.all_notices == ()


@pytest.mark.parametrize(
    ("metadata", "language"),
    [
        ({"language_info": {"name": "julia"}}, "julia"),
        ({"kernelspec": {"language": "R"}}, "R"),
        ({"kernelspec": 7, "language_info": {"name": "`\n"}}, "python"),
    ],
)
def test_code_is_in_the_language_of_the_kernel(
    attach: Write, metadata: Any, language: str
) -> None:
    made = attach("a.ipynb", notebook(code("x"), **metadata))
    assert f"```{language}\nx\n```" in said(made)


def test_pictures_of_a_notebook_stand_in_their_places(attach: Write) -> None:
    attached = attach(
        "a.ipynb",
        notebook(
            code("plot()", shown(image_png=picture(), text_plain="<Figure>"), number=3),
            code("plot2()", shown(image_png=picture("blue"), text_plain="<F>")),
        ),
    )
    before, red, between, blue = attached.parts
    assert isinstance(red, Image)
    assert isinstance(blue, Image)
    assert red.name == "a.ipynb, Out [3], a picture"
    assert isinstance(before, Text)
    assert before.text == ("In [3]:\n```python\nplot()\n```\n\nOut [3], a picture:\n")
    assert isinstance(between, Text)
    assert "<F" not in before.text + between.text
    shades = [
        pillow.open(io.BytesIO(part.data or b"")).getpixel((1, 1))
        for part in (red, blue)
    ]
    assert shades == [(255, 0, 0), (0, 0, 255)]


def test_picture_that_cannot_be_read_is_told(attach: Write) -> None:
    broken = base64.b64encode(b"\x89PNG broken").decode()
    attached = attach(
        "a.ipynb",
        notebook(
            code("", shown(image_png=broken), shown(image_jpeg="no base64"), number=1)
        ),
    )
    assert said(attached) == "(image/png, left out)\n\n(image/jpeg, left out)\n"
    png, jpeg = attached.differences
    assert png.startswith("`a.ipynb, Out [1]`: its image/png cannot be sent")
    assert "its image/jpeg cannot be sent" in jpeg


def test_number_of_pictures_is_bounded(
    attach: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notebooks, "MOST_PICTURES", 1)
    attached = attach("a.ipynb", notebook(code("", *[shown(image_png=picture())] * 3)))
    assert sum(isinstance(part, Image) for part in attached.parts) == 1
    assert attached.differences == (
        "`a.ipynb` contains 2 pictures more than the 1 sent.",
    )


def test_widgets_and_html_are_sent_by_their_plain_text(attach: Write) -> None:
    widget = {"application/vnd.jupyter.widget-view+json": {}, "text/plain": "Slider()"}
    made = attach(
        "a.ipynb",
        notebook(
            code("w", {"output_type": "execute_result", "data": widget}),
            code("h", shown(text_html="<script>alert(1)</script>")),
            code("n", shown()),
        ),
    )
    assert "```\nSlider()\n```" in said(made)
    assert "(text/html, left out)" in said(made)
    assert "alert" not in said(made)


def test_long_output_is_cut_in_its_middle(attach: Write) -> None:
    long = "".join(f"{number:05d}\n" for number in range(2000))
    output = {"output_type": "stream", "text": long}
    attached = attach("a.ipynb", notebook(code("x", output)))
    assert "... 7,999 letters left out ..." in said(attached)
    assert "00000\n" in said(attached)
    assert "01999\n" in said(attached)
    assert attached.differences == (
        "Of 1 long output in `a.ipynb` the beginning and end are sent.",
    )


def test_traceback_is_sent_without_its_colours(attach: Write) -> None:
    lines = ["\x1b[0;31mValueError\x1b[0m: no", "\x1b[1mline 2\x1b[0m"]
    output = {"output_type": "error", "traceback": lines}
    made = said(attach("a.ipynb", notebook(code("x", output))))
    assert "```\nValueError: no\nline 2\n```" in made


def test_private_key_in_a_cell_is_refused(attach: Write) -> None:
    source = 'key = """\n-----BEGIN ' + 'PRIVATE KEY-----\n"""'
    with pytest.raises(AttachmentError, match="contains a private key"):
        attach("a.ipynb", notebook(code(source)))


def test_long_notebook_is_refused(attach: Write) -> None:
    with pytest.raises(
        AttachmentError, match="characters in its cells; at most 400,000"
    ):
        attach("a.ipynb", notebook(code("x" * 500_000)))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "is not a notebook: it is not JSON"),
        ("[" * 100_000, "is not a notebook: it is not JSON"),
        ("[]", "is not a notebook of format 4"),
        ('{"worksheets": []}', "is not a notebook of format 4"),
    ],
)
def test_what_is_no_notebook_is_refused(attach: Write, content: str, says: str) -> None:
    with pytest.raises(AttachmentError, match=says):
        attach("a.ipynb", content)


@pytest.mark.parametrize("cells", [[], ["text", 7]])
def test_notebook_without_cells_is_told(attach: Write, cells: Any) -> None:
    attached = attach("a.ipynb", notebook(*cells))
    assert said(attached) == "(no cells)"
    assert attached.differences == ("`a.ipynb` has no cells.",)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=9),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    (
                        "source",
                        "outputs",
                        "text",
                        "data",
                        "image/png",
                        "text/plain",
                        "traceback",
                    )
                ),
                inner,
                max_size=4,
            )
        ),
    )
)
def test_any_json_in_a_cell_is_survived(value: Any) -> None:
    page = notebooks._Page("a.ipynb", images.ImageLimits())
    for kind in ("display_data", "stream", "error"):
        output = {**value, "output_type": kind} if isinstance(value, dict) else value
        cell = {"cell_type": "code", "source": value, "outputs": [output, value]}
        notebooks._write_cell(page, cell, "python")
        notebooks._write_cell(page, {**cell, "outputs": value}, "python")
