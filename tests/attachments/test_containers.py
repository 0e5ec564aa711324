"""Lists and dicts: their items are sent as they would be alone."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd  # type: ignore[import-untyped]  # it ships no types
import PIL.Image
import polars as pl
import pytest

from stepmagic.attachments.attach import attach
from stepmagic.attachments.attachment import Attached, Handling
from stepmagic.attachments.markers import framed
from stepmagic.errors import AttachmentError
from stepmagic.transcript import Image, Text

PEOPLE = pd.DataFrame({"email": [f"u{n}@b.org" for n in range(30)], "v": range(30)})
RED = PIL.Image.new("RGB", (40, 30), "red")


def sent(value: Any) -> Attached:
    return attach(value, "x", Handling(), {})


def outline(value: Any) -> list[str]:
    """Return the names of the parts that are sent, pictures in brackets."""
    return [
        f"[{part.name}]" if isinstance(part, Image) else str(part.name)
        for part in framed(sent(value))
    ]


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ([PEOPLE, PEOPLE], ["x[0]", "x[1]"]),
        ({"train": PEOPLE, "n": 3}, ["x['train']", "x['n']"]),
        ({"image": RED, "label": 3}, ["[x['image']]", "x['label']"]),
        ([RED, None], ["[x[0]]", "x[1]"]),
        ((RED, "a cat"), ["[x[0]]", "x[1]"]),
        ([[PEOPLE], 1], ["x[0][0]", "x[1]"]),
        ({"a": {"b": pl.DataFrame({"n": [1]})}}, ["x['a']['b']"]),
        ({"loss": np.array([0.5, 0.25])}, ["x['loss']"]),
    ],
)
def test_items_are_sent_as_they_are_alone(value: Any, names: list[str]) -> None:
    assert outline(value) == names


def test_each_frame_has_its_preview_and_its_warning() -> None:
    attached = sent({"train": PEOPLE})
    assert "30 rows" in str(attached.parts)
    assert "preview(x['train'], redact=['email'])" in str(attached.notices)


def test_paths_are_the_files_they_name(tmp_path: Path) -> None:
    for name in "ab":
        RED.save(tmp_path / f"{name}.png")
    parts = sent(sorted(tmp_path.glob("*.png"))).parts
    assert [type(part) for part in parts] == [Image, Image]
    with pytest.raises(AttachmentError, match="No such file"):
        sent([tmp_path / "missing.png"])


def test_of_many_items_the_first_are_sent_and_it_is_said() -> None:
    attached = sent([PEOPLE[:1]] * 70)
    assert attached.size == "70 items"
    assert attached.differences == ("The first 20 of the 70 items of `x` are sent.",)
    (first, *_) = framed(attached)
    assert isinstance(first, Text)
    assert "The first 20 of the 70 items" in first.text


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame({"n": range(7), "img": [RED] * 7}),
        [{"n": n, "img": RED} for n in range(7)],
        pd.Series([RED] * 7),
    ],
)
def test_pictures_in_a_table_go_with_its_preview(table: Any) -> None:
    attached = sent(table)
    preview, *pictures = attached.parts
    assert isinstance(preview, Text)
    assert [type(part) for part in pictures] == [Image] * 5
    assert any("those of the first 5 rows are sent" in d for d in attached.differences)


def test_a_container_within_itself_is_refused() -> None:
    held: list[Any] = [PEOPLE]
    held.append(held)
    with pytest.raises(AttachmentError, match="too deep"):
        sent(held)


def test_an_item_that_says_nothing_is_refused_with_its_name() -> None:
    with pytest.raises(AttachmentError, match=r"`x\[1\]` is of type object"):
        sent([PEOPLE, object()])
    with pytest.raises(
        AttachmentError, match="objects whose repr shows only their type"
    ):
        sent([object(), object()])


@pytest.fixture
def _no_window() -> Iterator[None]:
    with mpl.rc_context():
        plt.switch_backend("agg")
        yield
        plt.close("all")


def pictures(value: Any) -> list[str | None]:
    return [part.name for part in sent(value).parts if isinstance(part, Image)]


@pytest.mark.usefixtures("_no_window")
def test_parts_of_one_figure_are_one_picture() -> None:
    figure, axes = plt.subplots(2, 2)
    several = [axes, [figure, *axes.flat], (figure, axes[0, 0]), plt.plot([1, 2])]
    for value in (*several, PEOPLE.hist(), plt.hist([1, 2, 2])[2], plt.hist([1, 2, 2])):
        assert len(pictures(value)) == 1
    assert pictures(axes) == ["x[0, 0]"]
    assert sent([figure, axes[0, 0]]).differences == (
        "`x[1]` is in the figure of `x[0]`, which is sent once.",
    )
    assert len(pictures([plt.figure(), figure][1:])) == 1


class Plot:
    """Shows itself as plotnine does."""

    def _repr_mimebundle_(self, **_: Any) -> Any:
        buffer = io.BytesIO()
        RED.save(buffer, "PNG")
        return {"image/png": buffer.getvalue(), "text/plain": "<Plot>"}, {}


def test_what_shows_itself_is_opened_too() -> None:
    assert pictures([Plot(), Plot()]) == ["x[0]", "x[1]"]


def test_model_reads_what_differs_in_an_item() -> None:
    parts = framed(sent({"mask": np.eye(40, dtype="u1"), "n": 1}))
    text = "\n".join(part.text for part in parts if isinstance(part, Text))
    assert "label map: its values 0, 1 are shown" in text
